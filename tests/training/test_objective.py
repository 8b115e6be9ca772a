"""The loss: shifted once, on the completion only, summed."""

import math

import pytest
import torch
from torch import nn
from transformers import GPT2LMHeadModel

from deltalora.tasks import collate
from deltalora.tasks.causal import IGNORED, EncodedPair
from deltalora.training.objective import CausalObjective, label_count, summed_loss


def test_labels_are_shifted_exactly_once() -> None:
    # Position 0 predicts token 1 with certainty, position 1 predicts token 2 with certainty: no loss is left.
    labels = torch.tensor([[IGNORED, 1, 2]])
    logits = torch.full((1, 3, 4), -1e4)
    logits[0, 0, 1] = logits[0, 1, 2] = 1e4
    assert summed_loss(logits, nn.Identity(), labels).item() == 0.0
    unshifted = torch.full((1, 3, 4), -1e4)
    unshifted[0, 1, 1] = unshifted[0, 2, 2] = 1e4
    assert summed_loss(unshifted, nn.Identity(), labels).item() > 1e3


def test_the_sum_over_a_uniform_prediction_counts_completion_and_end_tokens_only() -> None:
    pair = EncodedPair((5, 6, 7, 8, 9), completion_start=3)
    batch = collate([pair], pad_id=0)
    assert label_count(batch.labels) == 2
    loss = summed_loss(torch.zeros(1, 5, 11), nn.Identity(), batch.labels)
    assert loss.item() == pytest.approx(2 * math.log(11))


def test_label_smoothing_is_one_minus_eps_times_nll_plus_eps_times_the_vocabulary_mean() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 7, dtype=torch.float64)
    labels = torch.tensor([[IGNORED, 3, 4, IGNORED, 0], [IGNORED, IGNORED, 1, 2, 6]])
    log_p = logits.log_softmax(-1)
    expected = 0.0
    for row in range(2):
        for place in range(1, 5):
            if labels[row, place] != IGNORED:
                p = log_p[row, place - 1]
                expected += float(-(1 - 0.1) * p[labels[row, place]] - 0.1 * p.mean())
    assert summed_loss(logits, nn.Identity(), labels, 0.1).item() == pytest.approx(expected, rel=1e-12)


def test_the_loss_equals_transformers_own_loss_times_the_number_of_labels(tiny: GPT2LMHeadModel) -> None:
    batch = collate([EncodedPair((5, 6, 7, 8, 9), 3), EncodedPair((1, 2, 3), 1)], pad_id=0)
    output = tiny(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
    ours = CausalObjective(tiny)(batch) / label_count(batch.labels)
    assert ours.item() == pytest.approx(output.loss.item(), rel=1e-6)
