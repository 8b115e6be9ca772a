"""BART: a document with a part of its words missing and its sentences out of order in, the document itself out.

The corruption is the paper's: sentences permuted; spans of words, their lengths from Poisson(3), replaced by one <mask>
each until 30 % of the tokens are gone, a span of no words being a <mask> too many. Of 100 documents 50 are articles of
the source, the others one to five texts, two by two on one thing, so that what is missing here can be read there. Every
document is read once and corrupted when it is read.
"""

import math
import random
import re
from array import array
from collections.abc import Iterator
from itertools import chain, islice

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from embedded_world.articles import source_articles
from embedded_world.pretraining import pretraining_twins
from pretraining.recipe import (
    END,
    IGNORED,
    MASK,
    PAD,
    POSITIONS,
    START,
    Batch,
    Example,
    Settings,
    bracketed_tokenizer,
    make_batches,
    pad_rows,
)
from pretraining.start import look_at_neighbours, widen, write_waves

ARTICLE_SHARE = 0.5
MOST_TEXTS = 5
MISSING_SHARE = 0.3
MEAN_SPAN = 3
INITIAL_STD = 0.02
SENTENCES = re.compile(r"(?<=[.?!]) ")

DEFAULTS = Settings(
    architecture="bart",
    steps=3000,
    batch_size=16,
    learning_rate=1e-3,
    tokenizer_pairs=5000,
    validation_pairs=500,
)


def train_tokenizer(settings: Settings) -> PreTrainedTokenizerFast:
    """Trained on `texts`."""
    return bracketed_tokenizer(texts(settings.seed), settings)


def texts(seed: int) -> Iterator[tuple[str, str]]:
    """Documents, each beside an empty text."""
    rng = random.Random(seed)
    articles, twins = source_articles(seed), pretraining_twins(seed, most_slots=4)
    while True:
        if rng.random() < ARTICLE_SHARE:
            yield next(articles), ""
        else:
            count = rng.randint(1, MOST_TEXTS)
            told = chain.from_iterable(next(twins) for _ in range((count + 1) // 2))
            yield " ".join(islice(told, count)), ""


def encode(tokenizer: Tokenizer, first: str, second: str, rng: random.Random) -> Example:
    """Token ids of the corrupted document and of the document, each with its special tokens, at most POSITIONS."""
    sentences = SENTENCES.split(first)
    mixed = tokenizer.encode(" ".join(rng.sample(sentences, len(sentences))))
    corrupted = [START, *_infill(_words(mixed), rng), END]
    return array("h", _cut(corrupted)), array("h", _cut(tokenizer.encode(first).ids))


def _cut(ids: list[int]) -> list[int]:
    return ids if len(ids) <= POSITIONS else [*ids[: POSITIONS - 1], END]


def _words(encoding: Encoding) -> list[list[int]]:
    """Token ids of each word."""
    words: dict[int, list[int]] = {}
    for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
        if word is not None:
            words.setdefault(word, []).append(token)
    return list(words.values())


def _infill(words: list[list[int]], rng: random.Random) -> list[int]:
    """Token ids with one <mask> for each span that is missing; spans that touch are one."""
    missing = [False] * len(words)
    too_many: set[int] = set()
    left = round(MISSING_SHARE * sum(len(word) for word in words))
    while left > 0:
        start, length = rng.randrange(len(words)), _poisson(rng)
        if length == 0:
            too_many.add(start)
        for index in range(start, min(start + length, len(words))):
            left -= 0 if missing[index] else len(words[index])
            missing[index] = True
    ids: list[int] = []
    for index, word in enumerate(words):
        if index in too_many or (missing[index] and (index == 0 or not missing[index - 1])):
            ids.append(MASK)
        ids += [] if missing[index] else word
    return ids


def _poisson(rng: random.Random) -> int:
    """Return a draw from Poisson(MEAN_SPAN), as the number of uniform factors above e^-mean."""
    count, product = 0, rng.random()
    while product > math.exp(-MEAN_SPAN):
        count, product = count + 1, product * rng.random()
    return count


def pad(examples: list[Example]) -> Batch:
    """Batch of (source ids, labels), each (batch, longest)."""
    return pad_rows([ids for ids, _ in examples], PAD), pad_rows([labels for _, labels in examples], IGNORED)


def build(settings: Settings) -> BartForConditionalGeneration:
    """BART's shape at d = 128, 2 + 2 layers, 4 heads: 1.19 M parameters, tied embeddings."""
    config = BartConfig(
        vocab_size=settings.vocabulary,
        d_model=128,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=512,
        decoder_ffn_dim=512,
        max_position_embeddings=POSITIONS,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        bos_token_id=START,
        pad_token_id=PAD,
        eos_token_id=END,
        init_std=INITIAL_STD,
        decoder_start_token_id=END,
        forced_eos_token_id=END,
    )
    model = BartForConditionalGeneration(config)
    widen(model, INITIAL_STD)
    for half, distances in ((model.model.encoder, (-1, 1, -2, 2)), (model.model.decoder, (0, -1, -2, -3))):
        write_waves(half.embed_positions, dimensions=128)
        attention = half.layers[0].self_attn
        look_at_neighbours(attention.q_proj, attention.k_proj, distances)
    return model


def loss(model: BartForConditionalGeneration, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the document's tokens."""
    return cross_entropy(_scores(model, ids, labels), labels[labels != IGNORED])


def _scores(model: BartForConditionalGeneration, ids: Tensor, labels: Tensor) -> Tensor:
    """Logits of the labelled positions, (labelled, vocabulary); the decoder reads </s> and the labels before."""
    before = labels.roll(1, dims=1).masked_fill(labels.roll(1, dims=1) == IGNORED, PAD)
    before[:, 0] = END
    hidden = model.model(ids, attention_mask=(ids != PAD).long(), decoder_input_ids=before).last_hidden_state
    return model.lm_head(hidden[labels != IGNORED])  # type: ignore[no-any-return]


@torch.no_grad()
def measures(model: BartForConditionalGeneration, tokenizer: Tokenizer, settings: Settings) -> dict[str, float]:
    """Accuracy of the next token of a document that is corrupted before the encoder."""
    rng = random.Random(settings.seed + 1)
    held_out = islice(texts(settings.seed + 1), settings.validation_pairs)
    examples = [encode(tokenizer, *two, rng) for two in held_out]
    right = total = 0
    for ids, labels in make_batches(examples, pad, settings.batch_size, settings.seed):
        wanted = labels[labels != IGNORED]
        right += int((_scores(model, ids, labels).argmax(-1) == wanted).sum())
        total += len(wanted)
    return {"token_accuracy": round(right / total, 4)}
