"""Sequences for an encoder-decoder: the source with its special tokens in, the target with its own out.

    encoder  <s> article </s>        labels  <s> summary </s>

as BART's tokenizer writes both, and as the run_summarization script of QingruZhang/AdaLoRA@d10f5eb (NLG_QA) has them.
The decoder is fed the labels moved one place to the right behind the model's own start token; that happens in the
objective, which knows the model. Differs from it: batches are padded to their own longest row, not to 768 and 64.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from deltalora.tasks.batch import IGNORED, Batch, mask, pad
from deltalora.tasks.examples import Pair


@dataclass(frozen=True)
class EncodedTransformation:
    """Token ids of source and target, special tokens included."""

    input_ids: tuple[int, ...]
    target_ids: tuple[int, ...]


def encode_sources(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[tuple[int, ...]]:
    """Return token ids with special tokens, each cut on the right to `max_length` of them, end token kept."""
    if not texts:  # transformers' tokenizers fail on an empty batch
        return []
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
    return [tuple(ids) for ids in encoded]


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
