"""BLEU as the E2E scorer's Python port computes it: case-insensitive, 13a tokens, several references, corpus level."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from deltalora.metrics.base import AdditiveMetric, Statistics, Values
from deltalora.metrics.ngrams import clipped_matches, count_references, ngram_counts, port_tokens

_ORDER = 4
#: The port's floors: an order without a match, or without any n-gram, keeps the logarithm finite and the score near
#: zero.
_MIN_MATCHES = 1e-15
_MIN_TOTAL = 1e-9


class Bleu(AdditiveMetric):
    """BLEU = BP · exp(¼ Σ_n log(matches_n / total_n)), n = 1..4, with BP = exp(min(0, 1 - ref_length / length)).

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
            length = len(tokens)
            for ngram, count in clipped_matches(ngram_counts(tokens), segment.limits).items():
                if len(ngram) <= _ORDER:
                    row[len(ngram) - 1] += count
            row[_ORDER:-1] = [length - n for n in range(_ORDER)]
            row[-1] = min(segment.lengths, key=lambda reference: (abs(reference - length), reference))
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_ORDER], sums[:, _ORDER:-1], sums[:, -1]
        precisions = np.maximum(matches, _MIN_MATCHES) / np.maximum(totals, _MIN_TOTAL)
        log_brevity = np.minimum(0.0, 1.0 - reference_length / totals[:, 0])
        values: Values = np.exp(log_brevity) * np.exp(np.log(precisions).mean(axis=1))
        return values
