"""The loss of each form: on the labels only, shifted in one place, summed."""

import math

import pytest
import torch
from torch import nn
from transformers import BartForConditionalGeneration, GPT2LMHeadModel, RobertaForSequenceClassification

from deltalora.tasks import IGNORED
from deltalora.tasks.forms import (
    CollateExamples,
    EncodedLabelledExample,
    EncodedPair,
    EncodedTransformation,
    collate_pairs,
    collate_transformations,
)
from deltalora.training.objective import CausalObjective, ClassificationObjective, Seq2SeqObjective, summed_loss
from tiny_models import bart_config, roberta_config


@pytest.fixture
def bart() -> BartForConditionalGeneration:
    torch.manual_seed(0)
    config = bart_config(vocab_size=30, encoder_layers=1, decoder_layers=1)
    return BartForConditionalGeneration(config)


def roberta(num_labels: int) -> RobertaForSequenceClassification:
    torch.manual_seed(0)
    problem = "regression" if num_labels == 1 else "single_label_classification"
    config = roberta_config(vocab_size=30, num_hidden_layers=1, num_labels=num_labels, problem_type=problem)
    return RobertaForSequenceClassification(config)


class Fixed(nn.Module):
    """A model whose hidden states are given: position i's state is its logits."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def base_model(self, **_: object) -> object:
        return type("Output", (), {"last_hidden_state": self.logits})()

    def get_output_embeddings(self) -> nn.Module:
        return nn.Identity()


def test_causal_labels_are_shifted_exactly_once() -> None:
    # Position 0 predicts token 1 with certainty, position 1 predicts token 2 with certainty: no loss is left.
    batch = collate_pairs([EncodedPair((0, 1, 2), completion_start=1)], pad_id=0)
    logits = torch.full((1, 3, 4), -1e4)
    logits[0, 0, 1] = logits[0, 1, 2] = 1e4
    assert CausalObjective(Fixed(logits))(batch).item() == 0.0
    unshifted = torch.full((1, 3, 4), -1e4)
    unshifted[0, 1, 1] = unshifted[0, 2, 2] = 1e4
    assert CausalObjective(Fixed(unshifted))(batch).item() > 1e3


def test_the_sum_over_a_uniform_prediction_counts_completion_and_end_tokens_only() -> None:
    batch = collate_pairs([EncodedPair((5, 6, 7, 8, 9), completion_start=3)], pad_id=0)
    objective = CausalObjective(Fixed(torch.zeros(1, 5, 11)))
    assert objective.labels(batch) == 2
    assert objective(batch).item() == pytest.approx(2 * math.log(11))


def test_label_smoothing_is_one_minus_eps_times_nll_plus_eps_times_the_vocabulary_mean() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 7, dtype=torch.float64)
    labels = torch.tensor([[3, IGNORED, 4, IGNORED, 0], [IGNORED, IGNORED, 1, 2, 6]])
    log_p = logits.log_softmax(-1)
    expected = 0.0
    for row in range(2):
        for place in range(5):
            if labels[row, place] != IGNORED:
                p = log_p[row, place]
                expected += float(-(1 - 0.1) * p[labels[row, place]] - 0.1 * p.mean())
    assert summed_loss(logits, nn.Identity(), labels, 0.1).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parity
def test_the_causal_loss_equals_transformers_own_times_the_number_of_labels(tiny: GPT2LMHeadModel) -> None:
    batch = collate_pairs([EncodedPair((5, 6, 7, 8, 9), 3), EncodedPair((1, 2, 3), 1)], pad_id=0)
    output = tiny(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
    objective = CausalObjective(tiny)
    assert objective(batch).item() / objective.labels(batch) == pytest.approx(output.loss.item(), rel=1e-6)


@pytest.mark.parity
def test_the_seq2seq_loss_equals_transformers_own_times_the_number_of_labels(
    bart: BartForConditionalGeneration,
) -> None:
    examples = [EncodedTransformation((0, 5, 6, 7, 2), (0, 8, 9, 2)), EncodedTransformation((0, 5, 2), (0, 9, 9, 8, 2))]
    batch = collate_transformations(examples, pad_id=1)
    output = bart(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
    objective = Seq2SeqObjective(bart)
    assert objective.labels(batch) == 9
    assert objective.tokens(batch) == 5 + 3 + 9
    assert objective(batch).item() / 9 == pytest.approx(output.loss.item(), rel=1e-6)


def test_the_padding_of_a_batch_does_not_move_a_seq2seq_loss(bart: BartForConditionalGeneration) -> None:
    short = EncodedTransformation((0, 5, 2), (0, 8, 2))
    long = EncodedTransformation((0, 5, 6, 7, 8, 9, 2), (0, 8, 9, 7, 6, 2))
    objective = Seq2SeqObjective(bart.eval())
    alone = sum(objective(collate_transformations([one], pad_id=1)).item() for one in (short, long))
    assert objective(collate_transformations([short, long], pad_id=1)).item() == pytest.approx(alone, rel=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize("num_labels", [1, 2, 3])
def test_the_classification_loss_equals_transformers_own_times_the_number_of_examples(num_labels: int) -> None:
    model = roberta(num_labels)
    examples = [
        EncodedLabelledExample((0, 5, 6, 2), 1.0),
        EncodedLabelledExample((0, 7, 2), 0.0),
        EncodedLabelledExample((0, 2), 1.0),
    ]
    batch = CollateExamples(regression=num_labels == 1)(examples, 1)
    output = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
    objective = ClassificationObjective(model)
    assert objective.labels(batch) == 3
    assert objective(batch).item() / 3 == pytest.approx(output.loss.item(), rel=1e-6)


def test_an_example_without_a_label_bears_no_classification_loss() -> None:
    model = roberta(2)
    examples = [EncodedLabelledExample((0, 5, 6, 2), 1.0), EncodedLabelledExample((0, 7, 2), 0.0)]
    batch = CollateExamples(regression=False)(examples, 1)
    first = ClassificationObjective(model)(CollateExamples(regression=False)(examples[:1], 1)).item()
    batch.labels[1] = IGNORED
    assert ClassificationObjective(model)(batch).item() == pytest.approx(first, rel=1e-6)
    assert ClassificationObjective(model).labels(batch) == 1
