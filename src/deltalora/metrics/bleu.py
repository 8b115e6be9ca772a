"""BLEU in the two forms that the E2E scorer prints: its Python port (`-p`) and the Perl original.

Both are BLEU-4 of a corpus: case-insensitive, on 13a tokens, against the closest of several references. On ordinary
outputs they agree. They part over:

    an empty output:            one token in the port, none in Perl
    fewer than four words:      the port subtracts from the number of n-grams, Perl adds nothing
    an order without a match:   nearly 0 in the port; a half, then a quarter, ... of a match in Perl
    capitals outside ASCII:     folded by the port, kept by Perl
"""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from deltalora.metrics.base import AdditiveMetric, Statistics, Values
from deltalora.metrics.ngrams import (
    SegmentReferences,
    Tokens,
    clipped_matches,
    count_references,
    ngram_counts,
    perl_tokens,
    port_tokens,
)

_ORDER = 4
#: The port's floors: an order without a match, or without any n-gram, keeps the logarithm finite and the score near
#: zero.
_MIN_MATCHES = 1e-15
_MIN_TOTAL = 1e-9


class Bleu(AdditiveMetric):
    """BLEU as `measure_scores.py -p` prints it, the form this suite reports.

    BLEU = BP · exp(¼ Σ_n log(matches_n / total_n)), n = 1..4, with BP = exp(min(0, 1 - ref_length / length)).

    Matches are clipped at the largest count in any one reference; the reference length is that closest to the
    hypothesis, the shorter on a tie. A hypothesis of `L` tokens adds `L - n + 1` to total_n even where that is
    negative, and an empty one counts as one token: so does the scorer, and it decides about outputs of fewer than
    four words.

    Statistics (n, 9): matches of orders 1-4, totals of orders 1-4, closest reference length.

    Same as `BLEUScore` of tuetschek/e2e-metrics@1b9c4d8. On ordinary text it equals sacrebleu's
    `corpus_bleu(lowercase=True, tokenize="13a", smooth_method="none", force=True)` to 4 decimals, whose tokeniser it
    uses; sacrebleu's own default keeps case and is another number.
    """

    name = "BLEU"

    @property
    def settings(self) -> str:
        """Case, tokeniser, smoothing, order and length rule; the tokeniser is a library's, so its version counts."""
        return (
            f"case:lc|tok:13a|smooth:none|n:{_ORDER}|len:closest|impl:pymteval-1b9c4d8+sacrebleu-{version('sacrebleu')}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Statistics (n, 9): matches of orders 1-4, totals of orders 1-4, closest reference length."""
        counted = count_references(references, port_tokens)
        rows = np.zeros((len(hypotheses), 2 * _ORDER + 1))
        for row, text, segment in zip(rows, hypotheses, counted.segments, strict=True):
            tokens = port_tokens(text)
            row[:_ORDER] = _matches(tokens, segment)
            row[_ORDER:-1] = [len(tokens) - n for n in range(_ORDER)]
            row[-1] = _closest(len(tokens), segment.lengths)
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_ORDER], sums[:, _ORDER:-1], sums[:, -1]
        precisions = np.maximum(matches, _MIN_MATCHES) / np.maximum(totals, _MIN_TOTAL)
        log_brevity = np.minimum(0.0, 1.0 - reference_length / totals[:, 0])
        values: Values = np.exp(log_brevity) * np.exp(np.log(precisions).mean(axis=1))
        return values


class BleuMteval(AdditiveMetric):
    """BLEU as mteval-v13a-sig.pl prints it, what the E2E scorer gives by default.

    The formula is that of `Bleu`, with a hypothesis of `L` tokens adding max(L - n + 1, 0) to total_n. The k-th order
    that has n-grams and no match counts 2^-k matches, an order without any n-gram has precision 1, and outputs without
    any token score 0.

    Statistics (n, 9): matches of orders 1-4, totals of orders 1-4, closest reference length.

    Same as `measure_scores.py` without `-p` (tuetschek/e2e-metrics@1b9c4d8), with no Perl.
    """

    name = "BLEU-mteval"

    @property
    def settings(self) -> str:
        """Case, tokeniser, smoothing, order and length rule."""
        return (
            f"case:lc-ascii|tok:13a|smooth:exp|n:{_ORDER}|len:closest"
            f"|impl:mteval-v13a-sig+sacrebleu-{version('sacrebleu')}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Statistics (n, 9): matches of orders 1-4, totals of orders 1-4, closest reference length."""
        counted = count_references(references, perl_tokens)
        rows = np.zeros((len(hypotheses), 2 * _ORDER + 1))
        for row, text, segment in zip(rows, hypotheses, counted.segments, strict=True):
            tokens = perl_tokens(text)
            row[:_ORDER] = _matches(tokens, segment)
            row[_ORDER:-1] = [max(len(tokens) - n, 0) for n in range(_ORDER)]
            row[-1] = _closest(len(tokens), segment.lengths)
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_ORDER], sums[:, _ORDER:-1], sums[:, -1]
        unmatched = (matches == 0) & (totals > 0)
        smoothed = np.where(unmatched, 0.5 ** unmatched.cumsum(axis=1), matches)
        precisions = np.divide(smoothed, totals, out=np.ones_like(totals), where=totals > 0)
        lengths = totals[:, 0]
        ratios = np.divide(reference_length, lengths, out=np.full_like(lengths, np.inf), where=lengths > 0)
        brevity = np.exp(np.minimum(0.0, 1.0 - ratios))
        values: Values = brevity * np.exp(np.log(precisions).mean(axis=1))
        return values


def _matches(tokens: Tokens, segment: SegmentReferences) -> list[int]:
    """The clipped matches of orders 1-4."""
    matches = [0] * _ORDER
    for ngram, count in clipped_matches(ngram_counts(tokens), segment.limits).items():
        if len(ngram) <= _ORDER:
            matches[len(ngram) - 1] += count
    return matches


def _closest(length: int, references: Sequence[int]) -> int:
    """The reference length nearest to that of the hypothesis, the shorter on a tie."""
    return min(references, key=lambda reference: (abs(reference - length), reference))
