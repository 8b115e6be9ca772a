"""NIST in the two forms that the E2E scorer prints: its Python port (`-p`) and the Perl original.

Both are NIST-5: Σ_n (Σ information of the matched n-grams / number of n-grams), times a length penalty, with
information(w_1..w_n) = log2(count(w_1..w_{n-1}) / count(w_1..w_n)) counted over *all* references of the test set, so
that these weights stay fixed when rows are resampled. Besides the differences of `ngrams`, the forms compare an output
with another length where the number of references varies:

    port:  Σ_segments mean reference length
    Perl:  (Σ of all reference lengths) / (mean number of references per segment)

nltk's `corpus_nist` is neither of them: it takes one best reference per order and that reference's length.
"""

import math
from collections.abc import Sequence

import numpy as np

from deltalora.metrics.base import AdditiveMetric, Statistics, TextMetric, Values
from deltalora.metrics.ngrams import (
    MAX_ORDER,
    PERL,
    PORT,
    ReferenceCounts,
    Tokens,
    clipped_matches,
    count_references,
)

_BETA = math.log(2.0) / math.log(1.5) ** 2


class Nist(TextMetric, AdditiveMetric):
    """NIST as `measure_scores.py -p` prints it, the form this suite reports.

    The penalty is exp(-β ln²(min(1, length / reference length))), β = ln 2 / ln² 1.5: one half at two thirds of the
    length.

    Statistics (n, 11): information matched in orders 1-5, n-grams of orders 1-5, mean reference length.

    Same as `NISTScore` of tuetschek/e2e-metrics@1b9c4d8, except that an order of which no n-gram exists contributes
    0; the port divides by zero there.
    """

    name = "NIST"
    _convention = PORT
    _length_rule = "segment-mean"

    @property
    def settings(self) -> str:
        """Case, tokeniser, order, length rule and implementation."""
        return (
            f"case:{self._convention.case}|tok:13a|n:{MAX_ORDER}|len:{self._length_rule}|info:references"
            f"|impl:{self._convention.implementation}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Return statistics of information, n-grams and reference lengths; see the class."""
        counted = count_references(references, self._convention)
        rows = []
        for text, segment in zip(hypotheses, counted.segments, strict=True):
            tokens = self._convention.tokenize(text)
            information = [0.0] * MAX_ORDER
            for ngram, count in clipped_matches(tokens, segment.limits).items():
                information[len(ngram) - 1] += count * self._information(ngram, counted)
            totals = self._convention.numbers(len(tokens), MAX_ORDER)
            rows.append([*information, *totals, *self._lengths(segment.lengths)])
        return np.array(rows, dtype=np.float64)

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return NIST of summed rows, in bits, from 0 upward."""
        information, totals, reference_length = sums[:, :MAX_ORDER], sums[:, MAX_ORDER:-1], sums[:, -1]
        gains = np.divide(information, totals, out=np.zeros_like(totals), where=totals != 0)
        values: Values = gains.sum(axis=1) * _length_penalty(totals[:, 0] / reference_length)
        return values

    def _information(self, ngram: Tokens, counted: ReferenceCounts) -> float:
        return math.log2(counted.totals[ngram[:-1]] / counted.totals[ngram])

    def _lengths(self, lengths: Sequence[int]) -> list[float]:
        return [float(np.mean(lengths))]


class NistMteval(Nist):
    """NIST as mteval-v13a-sig.pl prints it, the form in the E2E challenge's published tables.

    Statistics (n, 12): information matched in orders 1-5, n-grams of orders 1-5, tokens in all references, number of
    references.

    Same as `measure_scores.py` without `-p` (tuetschek/e2e-metrics@1b9c4d8), with no Perl.
    """

    name = "NIST-mteval"
    _convention = PERL
    _length_rule = "corpus-mean"

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return NIST of summed rows, in bits, from 0 upward."""
        information, totals = sums[:, :MAX_ORDER], sums[:, MAX_ORDER:-2]
        reference_tokens, mean_references = sums[:, -2], sums[:, -1] / numbers
        gains = (information / np.maximum(totals, 1)).sum(axis=1)
        values: Values = gains * _length_penalty(totals[:, 0] * mean_references / reference_tokens)
        return values

    def _information(self, ngram: Tokens, counted: ReferenceCounts) -> float:
        # The script tests whether there is a prefix by its truth value, and in Perl the text "0" is false.
        prefix = () if ngram[:-1] == ("0",) else ngram[:-1]
        return math.log2(counted.totals[prefix] / counted.totals[ngram])

    def _lengths(self, lengths: Sequence[int]) -> list[float]:
        return [sum(lengths), len(lengths)]


def _length_penalty(ratios: Values) -> Values:
    logarithms = np.log(np.minimum(1.0, ratios), out=np.full_like(ratios, -np.inf), where=ratios > 0)
    return np.exp(-_BETA * logarithms**2)
