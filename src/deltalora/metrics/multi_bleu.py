"""BLEU as `multi-bleu-detok.perl` computes it on prepared text: the WebNLG scorer's, and another number than E2E's."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from deltalora.metrics.base import AdditiveMetric, Statistics, Values
from deltalora.metrics.webnlg_text import prepare

_ORDER = 4


class MultiBleu(AdditiveMetric):
    """BLEU = BP · exp(¼ Σ_n log(matches_n / total_n)), n = 1..4, of prepared text; 0 where an order has no match.

    The text is in lower case before it is compared, so the comparison itself heeds case. Spaces decide: what stands
    apart in prepared text scores otherwise than the raw output.

    Statistics (n, 10): matches of orders 1-4, totals of orders 1-4, length, closest reference length.

    Same as sacrebleu's `corpus_bleu(tokenize="13a", smooth_method="none")` on prepared text, which it calls, and so as
    `multi-bleu-detok.perl`, which WebNLG/GenerationEval's eval.py runs, on the files of microsoft/LoRA's decoder: where
    an input has fewer references than there are files, it repeats the first. The 2017 organisers' published BLEU
    differs in two ways: their words are what stands between spaces (`tokenize="none"`), and such an input has empty
    lines instead, whose length 0 lies closest to short outputs and spares them the brevity penalty.
    """

    name = "BLEU"

    def __init__(self, tokenize: Literal["13a", "none"] = "13a") -> None:
        self._tokenize = tokenize

    @property
    def settings(self) -> str:
        """Case, tokeniser, smoothing, order, length rule and version."""
        return (
            f"case:lc|tok:split-W+{self._tokenize}|smooth:none|n:{_ORDER}|len:closest"
            f"|impl:sacrebleu-{version('sacrebleu')}"
        )

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Statistics (n, 10): matches of orders 1-4, totals of orders 1-4, length, closest reference length."""
        bleu = BLEU(tokenize=self._tokenize, smooth_method="none", force=True)
        rows = np.empty((len(hypotheses), 2 * _ORDER + 2))
        for row, text, block in zip(rows, hypotheses, references, strict=True):
            one = bleu.corpus_score([prepare(text)], [[prepare(reference)] for reference in block])
            row[:] = [*one.counts, *one.totals, one.sys_len, one.ref_len]
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """BLEU of summed rows, from 0 to 1."""
        return np.array([_bleu([int(one) for one in row]) for row in sums])


def _bleu(sums: list[int]) -> float:
    length, reference_length = sums[2 * _ORDER :]
    bleu = BLEU.compute_bleu(sums[:_ORDER], sums[_ORDER : 2 * _ORDER], length, reference_length)
    return float(bleu.score) / 100
