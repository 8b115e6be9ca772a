"""The three forms in which backbones read examples, as token ids; a batch is padded to its own longest row.

causal, GPT-2: ids(context) [eos] ids(" " + completion) [eos]. The end token is both separator and end, without a begin
token, as in microsoft/LoRA@c4593f0 (src/gpt2_encode.py, src/data_utils.py). Differs from it: padding is masked out of
attention instead of relying on causality, and rows are not padded to 512.

seq2seq, BART: <s> article </s> for the encoder, <s> summary </s> as labels, as the run_summarization script of
QingruZhang/AdaLoRA@d10f5eb (NLG_QA) has them, there padded to 768 and 64. The objective, which knows the model, moves
the labels one place to the right behind its start token and feeds them to the decoder.

classification, RoBERTa: <s> first </s>, or <s> first </s></s> second </s>; of two sentences that are too long together
the longer is cut first, as in microsoft/LoRA@c4593f0 (examples/NLU run_glue.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from deltalora.tasks.batch import IGNORED, Batch, mask, pad
from deltalora.tasks.examples import LabelledExample, Pair


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
    return [
        EncodedPair((*context, eos, *completion, eos)[:max_length], min(len(context) + 1, max_length))
        for context, completion in zip(contexts, completions, strict=True)
    ]


def collate_pairs(pairs: Sequence[EncodedPair], pad_id: int) -> Batch:
    """Pad examples on the right to the longest of them; context and padding have no loss."""
    ids = [pair.input_ids for pair in pairs]
    labels = [(*[IGNORED] * pair.completion_start, *pair.input_ids[pair.completion_start :]) for pair in pairs]
    return Batch(pad(ids, pad_id), mask(ids), pad(labels, IGNORED))


@dataclass(frozen=True)
class EncodedTransformation:
    """Token ids of source and target, special tokens included."""

    input_ids: tuple[int, ...]
    target_ids: tuple[int, ...]


def encode_sources(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[tuple[int, ...]]:
    """Return token ids with special tokens, each cut on the right to `max_length` of them, end token kept."""
    if not texts:  # transformers' tokenizers fail on an empty batch
        return []
    return [tuple(ids) for ids in tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]]


def encode_transformations(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], max_source_length: int, max_target_length: int
) -> list[EncodedTransformation]:
    """Return token ids of training examples."""
    sources = encode_sources(tokenizer, [pair.context for pair in pairs], max_source_length)
    targets = encode_sources(tokenizer, [pair.completion for pair in pairs], max_target_length)
    return [EncodedTransformation(source, target) for source, target in zip(sources, targets, strict=True)]


def collate_transformations(examples: Sequence[EncodedTransformation], pad_id: int) -> Batch:
    """Pad sources and targets on the right to the longest of each."""
    ids = [example.input_ids for example in examples]
    return Batch(pad(ids, pad_id), mask(ids), pad([example.target_ids for example in examples], IGNORED))


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
