"""What the loop needs to know of an architecture, and what all of them share: settings, batches, byte-level BPE."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

POSITIONS = 256
IGNORED = -100
#: RoBERTa's and BART's, at these ids.
SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
START, PAD, END, UNKNOWN, MASK = range(5)
BATCHES_PER_WINDOW = 50

#: Two sequences of an example: what is read and where the target starts, or what is read and what is wanted.
Example = tuple[Sequence[int], Any]

#: What is read, and the labels: IGNORED where none is wanted.
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Settings:
    """What the weights depend on, the corpus aside; a checkpoint of another run is refused."""

    architecture: str
    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 100
    weight_decay: float = 0.01
    seed: int = 0
    vocabulary: int = 1536
    tokenizer_pairs: int = 20_000
    validation_pairs: int = 1000


class Recipe(Protocol):
    """An architecture's own part of pre-training; the modules of this package are such."""

    DEFAULTS: Settings

    def train_tokenizer(self, settings: Settings) -> PreTrainedTokenizerFast:
        """Return the tokenizer as transformers saves and loads it."""

    def texts(self, seed: int) -> Iterator[tuple[str, str]]:
        """Yield the training text without end, in twos; one of the two may be empty."""

    def encode(self, tokenizer: Tokenizer, first: str, second: str, rng: random.Random) -> Example:
        """Token ids of one example, corrupted where the architecture's training asks for it."""

    def pad(self, examples: list[Example]) -> Batch:
        """One batch, each tensor (batch, longest)."""

    def build(self, settings: Settings) -> PreTrainedModel:
        """Return the network with random weights, without dropout."""

    def loss(self, model: Any, ids: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy over the labelled tokens, in nats."""

    def measures(self, model: Any, tokenizer: Tokenizer, settings: Settings) -> dict[str, float]:
        """Return what else the provenance says of the model, on held-out source text."""


def byte_level_bpe(
    texts: Iterator[str], vocabulary: int, special_tokens: list[str], add_prefix_space: bool
) -> Tokenizer:
    """GPT-2's byte-level BPE, small, with the special tokens at ids 0, 1, ...

    With `add_prefix_space` a word is the same token at the start of a text as within it, and decoding takes the
    space away again; without it the texts must bring that space.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    if add_prefix_space:
        tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special_tokens,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def bracketed_tokenizer(texts: Iterator[tuple[str, str]], settings: Settings) -> PreTrainedTokenizerFast:
    """Return a tokenizer of RoBERTa's and BART's kind: `<s> A </s>` of one text, `<s> A </s></s> B </s>` of two.

    Trained on the architecture's own source text alone, so that pre-training meets every token.
    """
    read = chain.from_iterable(islice(texts, settings.tokenizer_pairs))
    tokenizer = byte_level_bpe(read, settings.vocabulary, SPECIAL_TOKENS, add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", END), ("<s>", START), add_prefix_space=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def tokenizer_json(tokenizer: PreTrainedTokenizerFast) -> bytes:
    """Return the bytes of the tokenizer.json that `save_pretrained` writes; a test holds them equal."""
    return tokenizer.backend_tokenizer.to_str(pretty=True).encode()


def make_batches(
    examples: list[Example], pad: Callable[[list[Example]], Batch], batch_size: int, seed: int
) -> list[Batch]:
    """Batches of examples in order; like lengths together within windows of 50 batches."""
    rng = random.Random(seed)
    batches: list[Batch] = []
    window = BATCHES_PER_WINDOW * batch_size
    for start in range(0, len(examples), window):
        ordered = sorted(examples[start : start + window], key=lambda example: len(example[0]))
        cut = [pad(ordered[i : i + batch_size]) for i in range(0, len(ordered), batch_size)]
        rng.shuffle(cut)
        batches += cut
    return batches


def pad_rows(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Rows of ids as one tensor (rows, longest), filled up on the right with `value`."""
    padded = torch.full((len(rows), max(len(row) for row in rows)), value, dtype=torch.long)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids, dtype=torch.long)
    return padded
