"""Which examples make up which optimizer step: a pure function of (seed, epoch, step).

Nothing about the order of data has to be saved for a resume, and every process of a data-parallel run computes the same
plan and takes its own part of each batch.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from deltalora.tasks import IGNORED, Batch, Collate, EncodedExample
from deltalora.tasks.batch import batches_by_length
from deltalora.training.seeds import shuffled

#: Batches whose examples are sorted by length together.
_BUCKET = 50


class _Examples(Dataset[EncodedExample]):
    def __init__(self, examples: Sequence[EncodedExample]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> EncodedExample:
        return self._examples[index]


class _Collate:
    """A task's `collate` with the padding id bound; a class, so that worker processes can receive it."""

    def __init__(self, collate: Collate, pad_id: int) -> None:
        self._collate = collate
        self._pad_id = pad_id

    def __call__(self, examples: list[EncodedExample]) -> Batch:
        return self._collate(examples, self._pad_id)


class TrainingBatches:
    """The micro-batches of every optimizer step of a run.

    Args:
        examples: The encoded training set.
        collate: The task's.
        batch_size: Examples of one optimizer step over all processes and micro-batches; an epoch's last step has fewer
            when they do not divide evenly (microsoft/LoRA@c4593f0 drops them: 5,257 steps an epoch of E2E, here 5,258).
        accumulation_steps: Micro-batches a process splits its part of a step into.
        seed: Of the shuffling; each epoch is a permutation of its own.
        pad_id: Fills the right of short rows.
        rank: This process.
        processes: How many share each batch.
        workers: Processes that collate.
        bucketed: Whether a batch has examples of similar length: of each 50 batches of the shuffled order, sorted by
            length, and these in random order, as transformers' `group_by_length` has them. Fewer cells are padding;
            which examples are batched then depends on their length.
    """

    def __init__(
        self,
        examples: Sequence[EncodedExample],
        collate: Collate,
        *,
        batch_size: int,
        accumulation_steps: int,
        seed: int,
        pad_id: int,
        rank: int = 0,
        processes: int = 1,
        workers: int = 0,
        bucketed: bool = False,
    ) -> None:
        self._dataset = _Examples(examples)
        self._collate = _Collate(collate, pad_id)
        self._batch_size = batch_size
        self._accumulation_steps = accumulation_steps
        self._seed = seed
        self._rank = rank
        self._processes = processes
        self._workers = workers
        self._bucketed = bucketed
        self.steps_per_epoch = -(-len(examples) // batch_size)
        self._shuffled: tuple[int, list[int]] = (-1, [])

    def indices(self, step: int) -> list[int]:
        """Return the examples of optimizer step `step` (0-based, over all epochs), for all processes together."""
        epoch, position = divmod(step, self.steps_per_epoch)
        start = position * self._batch_size
        return self._permutation(epoch)[start : start + self._batch_size]

    def steps(self, first: int, stop: int) -> Iterator[list[Batch]]:
        """Yield the micro-batches of steps `first` to `stop` - 1, in order.

        A process whose part of a short last batch is empty gets one example with no label left, so that all processes
        take the same number of forward passes.
        """
        plan = [micro for step in range(first, stop) for micro in self._micro_batches(step)]
        loader = DataLoader(
            self._dataset,
            batch_sampler=plan,
            collate_fn=self._collate,
            num_workers=self._workers,
            generator=torch.Generator(),  # else starting it draws from the global state, which dropout also uses
        )
        stream = iter(loader)
        for step in range(first, stop):
            parts = [next(stream) for _ in self._micro_batches(step)]
            if not self._part(step):
                parts[0].labels.fill_(IGNORED)
            yield parts

    def _part(self, step: int) -> list[int]:
        return self.indices(step)[self._rank :: self._processes]

    def _micro_batches(self, step: int) -> list[list[int]]:
        mine = self._part(step) or self.indices(step)[:1]
        size = -(-len(mine) // self._accumulation_steps)
        return [mine[start : start + size] for start in range(0, len(mine), size)]

    def _permutation(self, epoch: int) -> list[int]:
        if self._shuffled[0] != epoch:
            order = shuffled(len(self._dataset), self._seed, epoch)
            self._shuffled = (epoch, self._in_buckets(order, epoch) if self._bucketed else order)
        return self._shuffled[1]

    def _in_buckets(self, order: list[int], epoch: int) -> list[int]:
        """Return a shuffled order with examples of similar length in one batch; a short batch stays the last."""
        whole = len(order) - len(order) % self._batch_size
        pool = _BUCKET * self._batch_size
        batches = []
        for start in range(0, whole, pool):
            by_length = sorted(
                order[start : min(start + pool, whole)], key=lambda one: len(self._dataset[one].input_ids)
            )
            batches += [by_length[at : at + self._batch_size] for at in range(0, len(by_length), self._batch_size)]
        places = shuffled(len(batches), self._seed, epoch)
        return [index for place in places for index in batches[place]] + order[whole:]


def evaluation_batches(
    examples: Sequence[EncodedExample],
    collate: Collate,
    batch_size: int,
    pad_id: int,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[Batch]:
    """Yield a validation split in batches of similar length, this process's share of them."""
    for chosen in batches_by_length([one.input_ids for one in examples], batch_size)[rank::processes]:
        yield collate([examples[index] for index in chosen], pad_id)
