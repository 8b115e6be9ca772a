"""ROUGE-1, -2, -L and -Lsum of summaries, as the `rouge-score` package computes them; E2E's ROUGE-L is another metric.

The package and nltk take seconds to import, so the first score imports them.
"""

from functools import lru_cache
from importlib.metadata import version
from typing import Literal, get_args

import numpy as np

from deltalora.metrics.base import MeanMetric, References, Statistics, TextMetric, Texts

Variant = Literal["1", "2", "L", "Lsum"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


class Rouge(TextMetric, MeanMetric):
    """Mean over segments of F = 2·P·R / (P + R), on lower-cased, Porter-stemmed tokens.

    P and R are the units that both texts share over the hypothesis' and over the reference's number of units: unigrams
    (1), bigrams (2), the longest common subsequence (L), or for each reference sentence the union of its subsequences
    with all hypothesis sentences (Lsum). Of several references the one with the largest F counts. Tokens are runs of
    a-z and 0-9, and everything else separates them: "café" is "caf", and a text with no such character has no tokens
    and scores 0, even against itself, as does a one-token text in bigrams. Words of more than 3 characters are stemmed.

    The texts are stripped and split into sentences, which moves Lsum only; on texts of one sentence Lsum is L. Differs
    from transformers' summarization scripts, the usual XSum scorer, in two ways. They split by nltk's `sent_tokenize`,
    whose trained data (`punkt_tab`) is not on PyPI; the untrained `PunktSentenceTokenizer` here knows no abbreviation
    and splits "Mr. Smith". And they report the mid value of the package's `BootstrapAggregator`, the median of 1,000
    unseeded resampled means, which is never twice the same; the plain mean is that within its resampling noise.

    Statistics (n, 1): F of the segment. One pass gives all four variants.

    Same as `RougeScorer(..., use_stemmer=True)` of rouge-score 0.1.2, which it calls. Perl's ROUGE-1.5.5 is another
    number: on a published XSum output, SimCLS's, its values are 0.07 to 0.24 points (of 100) above these. It counts
    the same tokens, but stems them by a table of irregular forms ("said" is "say") and then by Porter's own algorithm
    instead of nltk's variant; a test exchanges the stemmer and finds Perl's numbers.
    """

    def __init__(self, variant: Variant) -> None:
        self.name = f"ROUGE-{variant}"
        self._column = VARIANTS.index(variant)

    @property
    def settings(self) -> str:
        """Case, tokeniser, stemmer, splitter (Lsum only), choice of reference, aggregation, versions."""
        split = "split:punkt-untrained|" if self.name == "ROUGE-Lsum" else ""
        return (
            f"case:lc|tok:a-z0-9|stem:porter|{split}over-refs:max-f|agg:mean"
            f"|impl:rouge-score-{version('rouge-score')}+nltk-{version('nltk')}"
        )

    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return statistics (n, 1)."""
        return _f_measures(tuple(hypotheses), tuple(map(tuple, references)))[:, [self._column]]


@lru_cache(maxsize=1)
def _f_measures(hypotheses: tuple[str, ...], references: tuple[tuple[str, ...], ...]) -> Statistics:
    """Return F of all variants (n, 4); kept for the next variant."""
    from nltk.tokenize.punkt import PunktSentenceTokenizer
    from rouge_score.rouge_scorer import RougeScorer

    splitter = PunktSentenceTokenizer()
    scorer = RougeScorer([f"rouge{variant}" for variant in VARIANTS], use_stemmer=True)

    def sentence_lines(text: str) -> str:
        return "\n".join(splitter.tokenize(text.strip()))

    rows = [
        scorer.score_multi([sentence_lines(reference) for reference in block], sentence_lines(text))
        for text, block in zip(hypotheses, references, strict=True)
    ]
    return np.array([[row[f"rouge{variant}"].fmeasure for variant in VARIANTS] for row in rows], dtype=np.float64)
