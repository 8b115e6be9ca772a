"""Sequences for a causal language model: context, separator, completion, end.

    ids(context) + [eos] + ids(" " + completion) + [eos]

The tokenizer's end token is both separator and end, as in microsoft/LoRA@c4593f0 (src/gpt2_encode.py and
src/data_utils.py), which has no leading begin token either. Differs from it: padding is masked out of attention instead
of relying on causality, and batches are padded to their own longest row instead of 512.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from deltalora.tasks.base import Pair

#: Label of positions that bear no loss; the value torch's cross-entropy ignores by default.
IGNORED = -100


@dataclass(frozen=True)
class EncodedPair:
    """Token ids of one example.

    Attributes:
        input_ids: Context, separator, completion, end.
        completion_start: Index of the completion's first token; the loss begins there.
    """

    input_ids: tuple[int, ...]
    completion_start: int


@dataclass(frozen=True)
class Batch:
    """Right-padded examples.

    Attributes:
        input_ids: (batch, seq) int64.
        attention_mask: (batch, seq) int64, 0 on padding.
        labels: (batch, seq) int64, aligned with `input_ids` (not shifted), IGNORED outside completion and end token.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(self.input_ids.to(device), self.attention_mask.to(device), self.labels.to(device))


def encode_prompt(tokenizer: PreTrainedTokenizerBase, context: str, max_length: int) -> tuple[int, ...]:
    """What decoding starts from: context and separator; a long context is cut on the left, its end being nearest."""
    ids = tokenizer(context, add_special_tokens=False)["input_ids"]
    return (*ids[-(max_length - 1) :], tokenizer.eos_token_id)


def encode_pairs(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], max_length: int) -> list[EncodedPair]:
    """Token ids of training examples, each cut on the right to `max_length` tokens."""
    if not pairs:  # transformers' tokenizers fail on an empty batch
        return []
    eos = tokenizer.eos_token_id
    contexts = tokenizer([pair.context for pair in pairs], add_special_tokens=False)["input_ids"]
    completions = tokenizer([" " + pair.completion for pair in pairs], add_special_tokens=False)["input_ids"]
    encoded = []
    for context, completion in zip(contexts, completions, strict=True):
        ids = (*context, eos, *completion, eos)
        encoded.append(EncodedPair(ids[:max_length], min(len(context) + 1, max_length)))
    return encoded


def collate(pairs: Sequence[EncodedPair], pad_id: int) -> Batch:
    """Pads examples on the right to the longest of them."""
    width = max(len(pair.input_ids) for pair in pairs)
    input_ids = torch.full((len(pairs), width), pad_id, dtype=torch.long)
    attention_mask = torch.zeros((len(pairs), width), dtype=torch.long)
    labels = torch.full((len(pairs), width), IGNORED, dtype=torch.long)
    for row, pair in enumerate(pairs):
        ids = torch.tensor(pair.input_ids, dtype=torch.long)
        input_ids[row, : len(ids)] = ids
        attention_mask[row, : len(ids)] = 1
        labels[row, pair.completion_start : len(ids)] = ids[pair.completion_start :]
    return Batch(input_ids, attention_mask, labels)


def tokenised_sha256(sequences: Iterable[Sequence[int]]) -> str:
    """SHA-256 over all token ids in order: changes when the data, the template or the tokenizer does."""
    digest = hashlib.sha256()
    for ids in sequences:
        digest.update(len(ids).to_bytes(4, "big"))
        digest.update(torch.tensor(ids, dtype=torch.int32).numpy().tobytes())
    return digest.hexdigest()
