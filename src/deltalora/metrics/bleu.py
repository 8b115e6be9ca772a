"""BLEU in the two forms that the E2E scorer prints: its Python port (`-p`) and the Perl original.

Both are BLEU-4 of a corpus: case-insensitive, on 13a tokens, against the closest of several references. On ordinary
outputs they agree. Besides the differences of `ngrams`, an order without a match counts nearly 0 in the port; in Perl
it counts half a match, the next such order a quarter, and so on.
"""

from collections.abc import Sequence

import numpy as np

from deltalora.metrics.base import AdditiveMetric, Statistics, TextMetric, Values
from deltalora.metrics.ngrams import PERL, PORT, clipped_matches, count_references

_ORDER = 4
#: The port's floors: an order without a match, or without any n-gram, keeps the logarithm finite and the score near
#: zero.
_MIN_MATCHES = 1e-15
_MIN_TOTAL = 1e-9


class Bleu(TextMetric, AdditiveMetric):
    """BLEU as `measure_scores.py -p` prints it, the form this suite reports.

    BLEU = BP · exp(¼ Σ_n log(matches_n / total_n)), n = 1..4, with BP = exp(min(0, 1 - ref_length / length)).

    Matches are clipped at the largest count in any one reference; the reference length is that closest to the
    hypothesis, the shorter on a tie.

    Statistics (n, 9): matches of orders 1-4, totals of orders 1-4, closest reference length.

    Same as `BLEUScore` of tuetschek/e2e-metrics@1b9c4d8. On ordinary text it equals sacrebleu's
    `corpus_bleu(lowercase=True, tokenize="13a", smooth_method="none", force=True)` to 4 decimals, whose tokeniser it
    uses; sacrebleu's own default keeps case and is another number.
    """

    name = "BLEU"
    _convention = PORT
    _smoothing = "none"

    @property
    def settings(self) -> str:
        """Case, tokeniser, smoothing, order, length rule and implementation."""
        return (
            f"case:{self._convention.case}|tok:13a|smooth:{self._smoothing}|n:{_ORDER}|len:closest"
            f"|impl:{self._convention.implementation}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Return statistics (n, 9)."""
        counted = count_references(references, self._convention)
        rows = np.zeros((len(hypotheses), 2 * _ORDER + 1))
        for row, text, segment in zip(rows, hypotheses, counted.segments, strict=True):
            tokens = self._convention.tokenize(text)
            for ngram, count in clipped_matches(tokens, segment.limits).items():
                if len(ngram) <= _ORDER:
                    row[len(ngram) - 1] += count
            row[_ORDER:-1] = self._convention.numbers(len(tokens), _ORDER)
            row[-1] = _closest(len(tokens), segment.lengths)
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_ORDER], sums[:, _ORDER:-1], sums[:, -1]
        precisions = np.maximum(matches, _MIN_MATCHES) / np.maximum(totals, _MIN_TOTAL)
        log_brevity = np.minimum(0.0, 1.0 - reference_length / totals[:, 0])
        values: Values = np.exp(log_brevity) * np.exp(np.log(precisions).mean(axis=1))
        return values


class BleuMteval(Bleu):
    """BLEU as mteval-v13a-sig.pl prints it, what the E2E scorer gives by default.

    The formula and the statistics are those of `Bleu`. The k-th order that has n-grams and no match counts 2^-k
    matches, an order without any n-gram has precision 1, and outputs without any token score 0.

    Same as `measure_scores.py` without `-p` (tuetschek/e2e-metrics@1b9c4d8), with no Perl.
    """

    name = "BLEU-mteval"
    _convention = PERL
    _smoothing = "exp"

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_ORDER], sums[:, _ORDER:-1], sums[:, -1]
        unmatched = (matches == 0) & (totals > 0)
        smoothed = np.where(unmatched, 0.5 ** unmatched.cumsum(axis=1), matches)
        precisions = np.divide(smoothed, totals, out=np.ones_like(totals), where=totals > 0)
        lengths = totals[:, 0]
        ratios = np.divide(reference_length, lengths, out=np.full_like(lengths, np.inf), where=lengths > 0)
        brevity = np.exp(np.minimum(0.0, 1.0 - ratios))
        values: Values = brevity * np.exp(np.log(precisions).mean(axis=1))
        return values


def _closest(length: int, references: Sequence[int]) -> int:
    """Return the reference length nearest to that of the hypothesis, the shorter on a tie."""
    return min(references, key=lambda reference: (abs(reference - length), reference))
