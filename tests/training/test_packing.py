"""A packed batch computes the losses and gradients of a padded one; bucketed batches are a permutation of the data."""

from collections import Counter
from typing import Any

import pytest
import torch
from transformers import GPT2LMHeadModel, LlamaForCausalLM

from deltalora.tasks.forms import EncodedPair, collate_pairs
from deltalora.training.batches import TrainingBatches
from deltalora.training.objective import CausalObjective, summed_loss
from tiny_models import gpt2_config, llama_config

VOCABULARY = 40


def pairs(count: int, seed: int = 0) -> list[EncodedPair]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 25, (count,), generator=generator).tolist()
    drawn = [torch.randint(VOCABULARY, (length,), generator=generator).tolist() for length in lengths]
    return [EncodedPair(tuple(ids), 1 + len(ids) // 3) for ids in drawn]


def network(family: str, dtype: torch.dtype) -> Any:
    torch.manual_seed(2)
    if family == "gpt2":
        model: Any = GPT2LMHeadModel(gpt2_config(vocab_size=VOCABULARY, initializer_range=0.3))
    else:
        config = llama_config(vocab_size=VOCABULARY, num_key_value_heads=1, initializer_range=0.3)
        model = LlamaForCausalLM(config)
    return model.to(dtype)


@pytest.mark.parity
@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("count", [1, 8])
def test_losses_and_gradients_are_those_of_the_padded_batch(family: str, count: int) -> None:
    batch = collate_pairs(pairs(count), pad_id=0)
    found = []
    for packed in (False, True):
        model = network(family, torch.float64)
        loss = CausalObjective(model, packed=packed)(batch)
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in model.parameters())])
    for plain, other in zip(*found, strict=True):
        torch.testing.assert_close(plain, other, rtol=1e-10, atol=1e-12)


def test_no_example_sees_another_one() -> None:
    model = network("gpt2", torch.float64)
    objective = CausalObjective(model, packed=True)
    some = pairs(6)
    alone = [objective(collate_pairs([one], 0)) for one in some]
    torch.testing.assert_close(objective(collate_pairs(some, 0)), torch.stack(alone).sum(), rtol=1e-12, atol=0.0)


def test_a_packed_model_is_an_ordinary_one_to_anybody_else() -> None:
    model = network("gpt2", torch.float32)
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    before = model(ids).logits
    CausalObjective(model, packed=True)
    torch.testing.assert_close(model(ids).logits, before)


@pytest.mark.parity
def test_logits_in_parts_give_the_same_loss_and_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    labels = torch.randint(VOCABULARY, (5, 9))
    labels[:, :3] = -100
    layer = torch.nn.Linear(7, VOCABULARY, dtype=torch.float64)
    found = []
    for at_once in (10**9, 4 * VOCABULARY):
        monkeypatch.setattr("deltalora.training.objective._LOGITS_AT_ONCE", at_once)
        hidden = torch.randn(5, 9, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        layer.zero_grad()
        loss = summed_loss(hidden, layer, labels, 0.1, VOCABULARY)
        loss.backward()
        found.append((loss.detach(), hidden.grad, layer.weight.grad))
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-12, atol=1e-14)


@pytest.mark.invariant
@pytest.mark.parametrize("count", [8, 403, 1000])
def test_buckets_hold_every_example_once_an_epoch_and_little_padding(count: int) -> None:
    examples = pairs(count)

    def plan(bucketed: bool) -> TrainingBatches:
        return TrainingBatches(
            examples, collate_pairs, batch_size=4, accumulation_steps=1, seed=3, pad_id=0, bucketed=bucketed
        )

    batches = plan(bucketed=True)
    epochs = [
        [batches.indices(epoch * batches.steps_per_epoch + step) for step in range(batches.steps_per_epoch)]
        for epoch in range(2)
    ]
    for epoch in epochs:
        assert Counter(index for batch in epoch for index in batch) == Counter(range(count))
    assert epochs[0] != epochs[1]
    assert plan(bucketed=True).indices(1) == epochs[0][1]  # nothing to save for a resume

    def cells(chosen: list[list[int]]) -> int:
        return sum(len(batch) * max(len(examples[one].input_ids) for one in batch) for batch in chosen)

    random = plan(bucketed=False)
    unsorted = [random.indices(step) for step in range(random.steps_per_epoch)]
    if count > 100:
        assert cells(epochs[0]) < 0.85 * cells(unsorted)
        lengths = [len(examples[batch[0]].input_ids) for batch in epochs[0]]
        assert lengths != sorted(lengths)
