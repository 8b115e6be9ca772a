"""NIST in the two forms that the E2E scorer prints: its Python port (`-p`) and the Perl original.

Both are NIST-5: Σ_n (Σ information of the matched n-grams / number of n-grams), times a length penalty, with
information(w_1..w_n) = log2(count(w_1..w_{n-1}) / count(w_1..w_n)) counted over *all* references of the test set.
They part in the length that an output is held against when the number of references varies:

    port:  Σ_segments mean reference length
    Perl:  (Σ of all reference lengths) / (mean number of references per segment)

nltk's `corpus_nist` is neither of them: it takes one best reference per order and that reference's length.
"""

import math
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from deltalora.metrics.base import AdditiveMetric, Statistics, Values
from deltalora.metrics.ngrams import (
    MAX_ORDER,
    ReferenceCounts,
    Tokens,
    clipped_matches,
    count_references,
    ngram_counts,
    perl_tokens,
    port_tokens,
)

_BETA = math.log(2.0) / math.log(1.5) ** 2


class Nist(AdditiveMetric):
    """NIST as `measure_scores.py -p` prints it, the form this suite reports.

    The penalty is exp(-β ln²(min(1, length / reference length))), β = ln 2 / ln² 1.5: one half at two thirds of the
    length. As in the port a hypothesis of `L` tokens adds `L - n + 1` to the number of n-grams even where that is
    negative.

    Statistics (n, 11): information matched in orders 1-5, n-grams of orders 1-5, mean reference length. The information
    weights are those of the whole reference set and stay fixed when rows are resampled.

    Same as `NISTScore` of tuetschek/e2e-metrics@1b9c4d8, except that an order of which no n-gram exists contributes
    0; the port divides by zero there.
    """

    name = "NIST"

    @property
    def settings(self) -> str:
        """Case, tokeniser, order, length rule."""
        return (
            f"case:lc|tok:13a|n:{MAX_ORDER}|len:segment-mean|info:references"
            f"|impl:pymteval-1b9c4d8+sacrebleu-{version('sacrebleu')}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Statistics (n, 11): information matched in orders 1-5, n-grams of orders 1-5, mean reference length."""
        counted = count_references(references, port_tokens)
        rows = np.zeros((len(hypotheses), 2 * MAX_ORDER + 1))
        for row, text, segment in zip(rows, hypotheses, counted.segments, strict=True):
            tokens = port_tokens(text)
            for ngram, count in clipped_matches(ngram_counts(tokens), segment.limits).items():
                row[len(ngram) - 1] += count * _information(ngram, counted)
            row[MAX_ORDER:-1] = [len(tokens) - n for n in range(MAX_ORDER)]
            row[-1] = np.mean(segment.lengths)
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """NIST of summed rows, in bits, from 0 upward."""
        information, totals, reference_length = sums[:, :MAX_ORDER], sums[:, MAX_ORDER:-1], sums[:, -1]
        gains = np.divide(information, totals, out=np.zeros_like(totals), where=totals != 0)
        values: Values = gains.sum(axis=1) * _length_penalty(totals[:, 0] / reference_length)
        return values


class NistMteval(AdditiveMetric):
    """NIST as mteval-v13a-sig.pl prints it, the form in the E2E challenge's published tables.

    Statistics (n, 12): information matched in orders 1-5, n-grams of orders 1-5, tokens in all references, number of
    references. The information weights are those of the whole reference set and stay fixed when rows are resampled.

    Same as `measure_scores.py` without `-p` (tuetschek/e2e-metrics@1b9c4d8), with no Perl.
    """

    name = "NIST-mteval"

    @property
    def settings(self) -> str:
        """Case, tokeniser, order, length rule."""
        return (
            f"case:lc-ascii|tok:13a|n:{MAX_ORDER}|len:corpus-mean|info:references"
            f"|impl:mteval-v13a-sig+sacrebleu-{version('sacrebleu')}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Statistics (n, 12): information and n-grams of orders 1-5, reference tokens, number of references."""
        counted = count_references(references, perl_tokens)
        rows = np.zeros((len(hypotheses), 2 * MAX_ORDER + 2))
        for row, text, segment in zip(rows, hypotheses, counted.segments, strict=True):
            tokens = perl_tokens(text)
            for ngram, count in clipped_matches(ngram_counts(tokens), segment.limits).items():
                row[len(ngram) - 1] += count * _perl_information(ngram, counted)
            row[MAX_ORDER:-2] = [max(len(tokens) - n, 0) for n in range(MAX_ORDER)]
            row[-2] = sum(segment.lengths)
            row[-1] = len(segment.lengths)
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """NIST of summed rows, in bits, from 0 upward."""
        information, totals = sums[:, :MAX_ORDER], sums[:, MAX_ORDER:-2]
        reference_tokens, mean_references = sums[:, -2], sums[:, -1] / numbers
        gains = (information / np.maximum(totals, 1)).sum(axis=1)
        values: Values = gains * _length_penalty(totals[:, 0] * mean_references / reference_tokens)
        return values


def _information(ngram: Tokens, counted: ReferenceCounts) -> float:
    return math.log2(counted.totals[ngram[:-1]] / counted.totals[ngram])


def _perl_information(ngram: Tokens, counted: ReferenceCounts) -> float:
    # The script tests the prefix for truth to see whether there is one, and in Perl the text "0" is false.
    prefix = () if ngram[:-1] == ("0",) else ngram[:-1]
    return math.log2(counted.totals[prefix] / counted.totals[ngram])


def _length_penalty(ratios: Values) -> Values:
    logarithms = np.log(np.minimum(1.0, ratios), out=np.full_like(ratios, -np.inf), where=ratios > 0)
    return np.exp(-_BETA * logarithms**2)
