"""BLEU as `multi-bleu-detok.perl` computes it for WebNLG (not E2E's BLEU), and the prepared text of all its metrics."""

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Literal

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from deltalora.metrics.base import AdditiveMetric, References, Statistics, TextMetric, Texts, Values

_NOT_A_WORD = re.compile(r"(\W)")
_ORDER = 4
#: All that nltk changes in a prepared text, where punctuation stands alone already.
_NLTK_CHANGES = re.compile(r"\"|\b(?:cannot|gimme|gonna|gotta|lemme|wanna)\b")


def prepare(text: str) -> str:
    """Lower-case a text and put single spaces around every character that is no letter, digit or underscore.

    A prepared text stays as it is, so that outputs and prepared files score the same. Same as `post_process` of the
    authors' decoder, microsoft/LoRA@c4593f0 gpt2_decode.py, with `--lower --tokenize`.
    """
    return " ".join(" ".join(_NOT_A_WORD.split(text.lower())).split())


def prepare_all(hypotheses: Texts, references: References) -> tuple[list[str], list[list[str]]]:
    """Prepare the hypotheses and the references of each."""
    return [prepare(text) for text in hypotheses], [[prepare(text) for text in block] for block in references]


def word_tokens(prepared: str) -> list[str]:
    """Split a prepared text into words, as `nltk.word_tokenize` does.

    On such a text `"` becomes two backticks, and "cannot", "gonna" and the like are split. Sentences need not be found
    first (by data that is not on PyPI): that moves a final period only, which is a word of its own here already.
    """
    return _word_tokenizer()(prepared) if _NLTK_CHANGES.search(prepared) else prepared.split()


@cache
def _word_tokenizer() -> Callable[[str], list[str]]:
    from nltk.tokenize.destructive import NLTKWordTokenizer  # takes a second

    tokenize: Callable[[str], list[str]] = NLTKWordTokenizer().tokenize
    return tokenize


class MultiBleu(TextMetric, AdditiveMetric):
    """BLEU = BP · exp(¼ Σ_n log(matches_n / total_n)), n = 1..4, of prepared text; 0 where an order has no match.

    Statistics (n, 10): matches of orders 1-4, totals of orders 1-4, length, closest reference length.

    Same as sacrebleu's `corpus_bleu(tokenize="13a", smooth_method="none")` on prepared text, which it calls, and
    therefore as `multi-bleu-detok.perl`, which WebNLG/GenerationEval's eval.py runs, on the files of microsoft/LoRA's
    decoder, which repeats the first reference where an input has fewer than there are files. The 2017 organisers'
    published BLEU differs in two ways: it splits words at spaces only (`tokenize="none"`), and such an input has empty
    lines instead, whose length 0 is closest to short outputs and spares them the brevity penalty.
    """

    name = "BLEU"

    def __init__(self, tokenize: Literal["13a", "none"] = "13a") -> None:
        self._tokenize = tokenize

    @property
    def settings(self) -> str:
        """Case, tokeniser, smoothing, order, length rule and version."""
        implementation = f"sacrebleu-{version('sacrebleu')}"
        return f"case:lc|tok:split-W+{self._tokenize}|smooth:none|n:{_ORDER}|len:closest|impl:{implementation}"

    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return statistics (n, 10)."""
        bleu = BLEU(tokenize=self._tokenize, smooth_method="none", force=True)
        rows = np.empty((len(hypotheses), 2 * _ORDER + 2))
        for row, text, block in zip(rows, *prepare_all(hypotheses, references), strict=True):
            one = bleu.corpus_score([text], [[reference] for reference in block])
            row[:] = [*one.counts, *one.totals, one.sys_len, one.ref_len]
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return BLEU of summed rows, from 0 to 1."""
        rows = sums.astype(int).tolist()
        bleus = [BLEU.compute_bleu(row[:_ORDER], row[_ORDER:-2], row[-2], row[-1]) for row in rows]
        return np.array([bleu.score / 100 for bleu in bleus])
