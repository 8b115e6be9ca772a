"""Which examples make up which step."""

from collections.abc import Callable

import pytest
import torch

from deltalora.tasks import IGNORED
from deltalora.tasks.forms import EncodedPair, collate_pairs
from deltalora.training.batches import TrainingBatches, evaluation_batches

MakePairs = Callable[[int, int], list[EncodedPair]]


def plan(pairs: list[EncodedPair], **changes: int) -> TrainingBatches:
    settings = {"batch_size": 4, "accumulation_steps": 1, "seed": 1, "pad_id": 0} | changes
    return TrainingBatches(pairs, collate_pairs, **settings)  # type: ignore[arg-type]


def test_every_epoch_shows_every_example_exactly_once_in_another_order(make_pairs: MakePairs) -> None:
    batches = plan(make_pairs(10, 0))
    assert batches.steps_per_epoch == 3
    epochs = [[i for step in range(e * 3, e * 3 + 3) for i in batches.indices(step)] for e in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_order_is_a_function_of_seed_and_step_alone(make_pairs: MakePairs) -> None:
    pairs = make_pairs(10, 0)
    forwards = [plan(pairs).indices(step) for step in range(9)]
    backwards = plan(pairs)
    assert [backwards.indices(step) for step in reversed(range(9))] == forwards[::-1]
    assert [plan(pairs, seed=2).indices(step) for step in range(9)] != forwards


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_each_batch_without_overlap(make_pairs: MakePairs, processes: int) -> None:
    pairs = make_pairs(10, 0)
    whole = list(plan(pairs).steps(0, 3))
    shares = [list(plan(pairs, rank=rank, processes=processes).steps(0, 3)) for rank in range(processes)]
    for step in range(3):
        labels = sum(int((part.labels != IGNORED).sum()) for part in whole[step])
        assert labels == sum(int((part.labels != IGNORED).sum()) for share in shares for part in share[step])


def test_a_process_without_an_example_passes_one_that_bears_no_loss(make_pairs: MakePairs) -> None:
    # 9 examples in batches of 4: the third step has one example, which the first process takes.
    idle = list(plan(make_pairs(9, 0), rank=1, processes=2).steps(2, 3))
    assert [len(part.labels) for part in idle[0]] == [1]
    assert (idle[0][0].labels == IGNORED).all()


def test_micro_batches_split_a_step_and_lose_nothing(make_pairs: MakePairs) -> None:
    pairs = make_pairs(10, 0)
    (parts,) = plan(pairs, batch_size=6, accumulation_steps=3).steps(0, 1)
    assert [len(part.labels) for part in parts] == [2, 2, 2]
    (whole,) = plan(pairs, batch_size=6).steps(0, 1)
    assert sum(int(part.attention_mask.sum()) for part in parts) == int(whole[0].attention_mask.sum())


def test_resuming_in_the_middle_continues_the_same_stream(make_pairs: MakePairs) -> None:
    pairs = make_pairs(10, 0)
    whole = list(plan(pairs).steps(0, 7))
    rest = list(plan(pairs).steps(4, 7))
    for (expected,), (found,) in zip(whole[4:], rest, strict=True):
        assert torch.equal(expected.input_ids, found.input_ids)


def test_the_validation_split_is_covered_once_by_all_processes_together(make_pairs: MakePairs) -> None:
    pairs = make_pairs(11, 0)
    tokens = sum(len(pair.input_ids) for pair in pairs)
    for processes in (1, 2, 3):
        shares = [
            b for rank in range(processes) for b in evaluation_batches(pairs, collate_pairs, 3, 0, rank, processes)
        ]
        assert sum(int(batch.attention_mask.sum()) for batch in shares) == tokens
