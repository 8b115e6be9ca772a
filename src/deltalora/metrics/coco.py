"""ROUGE-L and CIDEr as the COCO caption scorer computes them, on PTB tokens; XSum's ROUGE-L is another metric."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from deltalora.metrics import ptb
from deltalora.metrics.base import MeanMetric, References, Statistics, TextMetric, Texts

Ngram = tuple[str, ...]

_ROUGE_BETA = 1.2
_CIDER_ORDER, _CIDER_SIGMA = 4, 6.0
_IMPLEMENTATION = f"pycocoevalcap-{version('pycocoevalcap')}"


class RougeL(TextMetric, MeanMetric):
    """Mean over segments of F = (1+β²)·P·R / (R + β²·P), β = 1.2, on PTB tokens.

    P and R are the longest common subsequence over the hypothesis' and over the reference's length; each is the
    largest over the references, so P and R may come from different ones.

    Statistics (n, 1): F of the segment.

    Same as `Rouge` of tuetschek/e2e-metrics@1b9c4d8 and of pycocoevalcap 1.2, as a test asserts; only the length of
    the common subsequence is found some ten times faster, on the bits of one integer (Hyyrö, 2004).
    """

    name = "ROUGE-L"
    settings = f"{ptb.SIGNATURE}|beta:{_ROUGE_BETA}|over-refs:max-p-max-r|agg:mean|impl:{_IMPLEMENTATION}"

    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return statistics (n, 1)."""
        pairs = zip(ptb.tokenize(hypotheses, ids), ptb.tokenize_references(references, ids), strict=True)
        return np.array([[_f_score(hypothesis, block)] for hypothesis, block in pairs])


def _f_score(hypothesis: str, references: Sequence[str]) -> float:
    tokens = hypothesis.split(" ")  # one empty token in a text without tokens, as in the original
    blocks = [reference.split(" ") for reference in references]
    common = [_common_length(tokens, block) for block in blocks]
    precision = max(common) / len(tokens)
    recall = max(length / len(block) for length, block in zip(common, blocks, strict=True))
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + _ROUGE_BETA**2) * precision * recall / (recall + _ROUGE_BETA**2 * precision)


def _common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Bit i of `open_` is 0 when the row of the usual table rises at `first[i]`; the addition carries each match of the
    next token to the end of its run of ones, so that one integer operation updates the whole row.
    """
    positions: dict[str, int] = {}
    for index, token in enumerate(first):
        positions[token] = positions.get(token, 0) | 1 << index
    all_bits = (1 << len(first)) - 1
    open_ = all_bits
    for token in second:
        matches = open_ & positions.get(token, 0)
        open_ = ((open_ + matches) | (open_ - matches)) & all_bits
    return len(first) - open_.bit_count()


class Cider(TextMetric, MeanMetric):
    """Ten times the mean clipped similarity of tf-idf vectors of 1- to 4-grams, on PTB tokens, with a length penalty.

    A segment's similarity is the mean over orders and references of the cosine, the hypothesis' weights clipped at
    the reference's, times exp(-(length difference)² / 2σ²) with σ = 6. The idf is log(segments) - log(segments in
    whose references the n-gram occurs); a test set of one segment therefore scores 0, as all its idf are 0. (This is
    what the literature calls CIDEr-D, under the name that the scorer prints.)

    Statistics (n, 1): the segment's CIDEr. The idf stays that of the whole reference set when rows are resampled.

    Same as `Cider` of tuetschek/e2e-metrics@1b9c4d8 and of pycocoevalcap 1.2, as a test asserts; the vectors of the
    references are kept, so that the next system or epoch costs a tenth.
    """

    name = "CIDEr"
    settings = f"{ptb.SIGNATURE}|n:{_CIDER_ORDER}|sigma:{_CIDER_SIGMA:g}|idf:references|agg:mean|impl:{_IMPLEMENTATION}"

    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return statistics (n, 1)."""
        known = _reference_vectors(tuple(map(tuple, ptb.tokenize_references(references, ids))))
        rows = []
        for text, block in zip(ptb.tokenize(hypotheses, ids), known.segments, strict=True):
            hypothesis = _vector(_counts(text), known.idf, known.unseen_idf)
            rows.append([10.0 * sum(_similarity(hypothesis, reference) for reference in block) / len(block)])
        return np.array(rows)


class _Vector(NamedTuple):
    """The tf-idf weights of a text, their norm for each order, and the text's length, counted in bigrams."""

    weights: dict[Ngram, float]
    norms: list[float]
    length: int


class _ReferenceVectors(NamedTuple):
    segments: list[list[_Vector]]
    idf: dict[Ngram, float]
    unseen_idf: float


@lru_cache(maxsize=4)
def _reference_vectors(references: tuple[tuple[str, ...], ...]) -> _ReferenceVectors:
    counts = [[_counts(text) for text in block] for block in references]
    segments_with = Counter(ngram for block in counts for ngram in set().union(*block))
    unseen_idf = math.log(len(references))
    idf = {ngram: unseen_idf - math.log(number) for ngram, number in segments_with.items()}
    segments = [[_vector(text, idf, unseen_idf) for text in block] for block in counts]
    return _ReferenceVectors(segments, idf, unseen_idf)


def _counts(text: str) -> Counter[Ngram]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for n in range(1, _CIDER_ORDER + 1) for i in range(len(words) - n + 1))


def _vector(counts: Counter[Ngram], idf: dict[Ngram, float], unseen_idf: float) -> _Vector:
    weights = {ngram: count * idf.get(ngram, unseen_idf) for ngram, count in counts.items()}
    squares = [0.0] * _CIDER_ORDER
    for ngram, weight in weights.items():
        squares[len(ngram) - 1] += weight**2
    length = sum(count for ngram, count in counts.items() if len(ngram) == 2)
    return _Vector(weights, [math.sqrt(one) for one in squares], length)


def _similarity(hypothesis: _Vector, reference: _Vector) -> float:
    products = [0.0] * _CIDER_ORDER
    for ngram, weight in hypothesis.weights.items():
        if ngram in reference.weights:
            other = reference.weights[ngram]
            products[len(ngram) - 1] += min(weight, other) * other
    norms = zip(products, hypothesis.norms, reference.norms, strict=True)
    cosines = sum(product / (ours * theirs) for product, ours, theirs in norms if ours and theirs)
    return cosines / _CIDER_ORDER * math.exp(-((hypothesis.length - reference.length) ** 2) / (2 * _CIDER_SIGMA**2))
