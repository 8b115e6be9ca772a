"""CIDEr as the COCO caption scorer computes it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

import numpy as np

from deltalora.metrics import ptb
from deltalora.metrics.base import MeanMetric, Statistics, TextMetric

_ORDER = 4
_SIGMA = 6.0

Ngram = tuple[str, ...]


class Cider(TextMetric, MeanMetric):
    """Ten times the mean clipped similarity of tf-idf vectors of 1- to 4-grams, on PTB tokens, with a length penalty.

    A segment's similarity is the mean over orders and references of the cosine, the hypothesis' weights clipped at
    the reference's, times exp(-(length difference)² / 2σ²) with σ = 6. The idf is log(segments) - log(segments in
    whose references the n-gram occurs). (This is what the literature calls CIDEr-D, under the name that the scorer
    prints.)

    Statistics (n, 1): the segment's CIDEr. The idf is that of the whole reference set and stays fixed when rows are
    resampled; a test set of one segment therefore scores 0, as all its idf are 0.

    Same as `Cider` of tuetschek/e2e-metrics@1b9c4d8 and of pycocoevalcap 1.2, as a test asserts; the vectors of the
    references are kept, so that the next system or epoch costs a tenth.
    """

    name = "CIDEr"
    settings = (
        f"{ptb.SIGNATURE}|n:{_ORDER}|sigma:{_SIGMA:g}|idf:references|agg:mean"
        f"|impl:pycocoevalcap-{version('pycocoevalcap')}"
    )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Return statistics (n, 1)."""
        known = _reference_vectors(tuple(map(tuple, ptb.tokenize_references(references, ids))))
        rows = []
        for text, block in zip(ptb.tokenize(hypotheses, ids), known.segments, strict=True):
            hypothesis = _vector(_counts(text), known.idf, known.unseen_idf)
            rows.append([10.0 * sum(_similarity(hypothesis, reference) for reference in block) / len(block)])
        return np.array(rows)


@dataclass(frozen=True)
class _Vector:
    """The tf-idf weights of a text, their norm for each order, and the text's length, counted in bigrams."""

    weights: dict[Ngram, float]
    norms: tuple[float, ...]
    length: int


@dataclass(frozen=True)
class _ReferenceVectors:
    segments: tuple[tuple[_Vector, ...], ...]
    idf: dict[Ngram, float]
    unseen_idf: float


@lru_cache(maxsize=4)
def _reference_vectors(references: tuple[tuple[str, ...], ...]) -> _ReferenceVectors:
    counts = [[_counts(text) for text in block] for block in references]
    segments_with = Counter(ngram for block in counts for ngram in set().union(*block))
    unseen_idf = math.log(len(references))
    idf = {ngram: unseen_idf - math.log(number) for ngram, number in segments_with.items()}
    segments = tuple(tuple(_vector(text, idf, unseen_idf) for text in block) for block in counts)
    return _ReferenceVectors(segments, idf, unseen_idf)


def _counts(text: str) -> Counter[Ngram]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for n in range(1, _ORDER + 1) for i in range(len(words) - n + 1))


def _vector(counts: Counter[Ngram], idf: dict[Ngram, float], unseen_idf: float) -> _Vector:
    weights = {ngram: count * idf.get(ngram, unseen_idf) for ngram, count in counts.items()}
    squares = [0.0] * _ORDER
    for ngram, weight in weights.items():
        squares[len(ngram) - 1] += weight**2
    length = sum(count for ngram, count in counts.items() if len(ngram) == 2)
    return _Vector(weights, tuple(map(math.sqrt, squares)), length)


def _similarity(hypothesis: _Vector, reference: _Vector) -> float:
    products = [0.0] * _ORDER
    for ngram, weight in hypothesis.weights.items():
        if ngram in reference.weights:
            other = reference.weights[ngram]
            products[len(ngram) - 1] += min(weight, other) * other
    norms = zip(products, hypothesis.norms, reference.norms, strict=True)
    cosines = sum(product / (ours * theirs) for product, ours, theirs in norms if ours and theirs)
    return cosines / _ORDER * math.exp(-((hypothesis.length - reference.length) ** 2) / (2 * _SIGMA**2))
