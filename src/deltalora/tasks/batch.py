"""What a backbone is fed, whatever the form of the task: padded token ids, their mask, and labels."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

#: Label of positions without a loss; the value torch's cross-entropy ignores by default.
IGNORED = -100


class EncodedExample(Protocol):
    """One example as token ids; its other attributes are between a form's own `encode` and `collate`."""

    @property
    def input_ids(self) -> tuple[int, ...]:
        """What the backbone reads; examples of similar length are batched by it."""


@dataclass(frozen=True)
class Batch:
    """Right-padded examples; a label is IGNORED where there is no loss.

    Labels of a causal form are aligned with `input_ids` (not shifted), of seq2seq (batch, target seq); a class is
    (batch,) int64, the target of a regression (batch,) float32.
    """

    input_ids: Tensor  # (batch, seq) int64
    attention_mask: Tensor  # (batch, seq) int64, 0 on padding
    labels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on another device."""
        return Batch(self.input_ids.to(device), self.attention_mask.to(device), self.labels.to(device))


def batches_by_length(sequences: Sequence[Sequence[int]], batch_size: int) -> list[list[int]]:
    """Return the indices of the sequences in batches of similar length, so that little is padded."""
    order = sorted(range(len(sequences)), key=lambda index: (len(sequences[index]), index))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def pad(rows: Sequence[Sequence[int]], value: int, *, left: bool = False) -> Tensor:
    """Return rows of token ids as (rows, longest) int64, filled on the right or on the left."""
    width = max(map(len, rows))
    padded = torch.full((len(rows), width), value, dtype=torch.long)
    for row, ids in enumerate(rows):
        start = width - len(ids) if left else 0
        padded[row, start : start + len(ids)] = torch.tensor(ids, dtype=torch.long)
    return padded


def mask(rows: Sequence[Sequence[int]], *, left: bool = False) -> Tensor:
    """Return 1 where `pad` puts a row's own ids, 0 where it fills."""
    return pad([[1] * len(ids) for ids in rows], 0, left=left)


def tokenised_sha256(sequences: Iterable[Sequence[int]]) -> str:
    """Return the SHA-256 over all token ids in order: it changes when the data, the template or the tokenizer does."""
    digest = hashlib.sha256()
    for ids in sequences:
        digest.update(len(ids).to_bytes(4, "big"))
        digest.update(torch.tensor(ids, dtype=torch.int32).numpy().tobytes())
    return digest.hexdigest()
