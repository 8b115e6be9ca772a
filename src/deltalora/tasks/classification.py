"""Inputs for a classifier: one sentence, or two with the tokenizer's own separators between them.

    <s> first </s>        <s> first </s></s> second </s>

as RoBERTa's tokenizer writes them; of two sentences that are too long together the longer is cut first, as in
microsoft/LoRA@c4593f0 (examples/NLU run_glue.py). Differs from it: batches are padded to their own longest row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from deltalora.tasks.batch import Batch, mask, pad
from deltalora.tasks.examples import LabelledExample


@dataclass(frozen=True)
class EncodedLabelledExample:
    """Token ids of one or two sentences with special tokens, and the class number or the target of a regression."""

    input_ids: tuple[int, ...]
    label: float


def encode_labelled(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[LabelledExample], max_length: int
) -> list[EncodedLabelledExample]:
    """Return token ids of examples, each at most `max_length` tokens long."""
    if not examples:  # transformers' tokenizers fail on an empty batch
        return []
    first = [example.first for example in examples]
    second = None if examples[0].second is None else [example.second or "" for example in examples]
    encoded = tokenizer(first, second, truncation="longest_first", max_length=max_length)["input_ids"]
    return [EncodedLabelledExample(tuple(ids), one.label) for ids, one in zip(encoded, examples, strict=True)]


@dataclass(frozen=True)
class CollateExamples:
    """Pad examples on the right to the longest; labels are float32 for a regression, int64 for classes."""

    regression: bool

    def __call__(self, examples: Sequence[EncodedLabelledExample], pad_id: int) -> Batch:
        """Return the examples as one batch."""
        ids = [example.input_ids for example in examples]
        dtype = torch.float32 if self.regression else torch.int64
        return Batch(pad(ids, pad_id), mask(ids), torch.tensor([example.label for example in examples]).to(dtype))
