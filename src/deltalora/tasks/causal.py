"""Sequences for a causal language model: context, separator, completion, end.

    ids(context) + [eos] + ids(" " + completion) + [eos]

The tokenizer's end token is both separator and end, as in microsoft/LoRA@c4593f0 (src/gpt2_encode.py and
src/data_utils.py), which has no leading begin token either. Differs from it: padding is masked out of attention instead
of relying on causality, and batches are padded to their own longest row instead of 512.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from deltalora.config.task import CausalConfig
from deltalora.tasks.batch import IGNORED, Batch, mask, pad
from deltalora.tasks.examples import Pair, TextData
from deltalora.tasks.task import Encoded, TextTask


class CausalTask(TextTask):
    """A prompt is continued."""

    config: CausalConfig

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TextData) -> Encoded:
        """Return context, separator, completion, end; a prompt ends with the separator and leaves room for the text."""
        room = self.longest - self.max_new_tokens
        return Encoded(
            train=encode_pairs(tokenizer, data.train, self.longest),
            validation=encode_pairs(tokenizer, data.validation, self.longest),
            test=[encode_prompt(tokenizer, prompt.context, room) for prompt in data.test],
            collate=collate_pairs,
        )


@dataclass(frozen=True)
class EncodedPair:
    """Token ids of context, separator, completion and end; the loss begins at index `completion_start`."""

    input_ids: tuple[int, ...]
    completion_start: int


def encode_prompt(tokenizer: PreTrainedTokenizerBase, context: str, max_length: int) -> tuple[int, ...]:
    """Return context and separator, where decoding starts; a long context is cut on the left, its end being nearest."""
    ids = tokenizer(context, add_special_tokens=False)["input_ids"]
    return (*ids[-(max_length - 1) :], tokenizer.eos_token_id)


def encode_pairs(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], max_length: int) -> list[EncodedPair]:
    """Return token ids of training examples, each cut on the right to `max_length` tokens."""
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


def collate_pairs(pairs: Sequence[EncodedPair], pad_id: int) -> Batch:
    """Pad examples on the right to the longest of them; context and padding have no loss."""
    ids = [pair.input_ids for pair in pairs]
    labels = [(*[IGNORED] * pair.completion_start, *pair.input_ids[pair.completion_start :]) for pair in pairs]
    return Batch(pad(ids, pad_id), mask(ids), pad(labels, IGNORED))
