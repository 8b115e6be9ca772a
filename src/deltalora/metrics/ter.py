"""TER as the WebNLG 2020 scorer computes it with `pyter`: mean over sentences of the best reference's edit rate."""

from collections.abc import Sequence

import numpy as np

from deltalora.metrics.base import MeanMetric, Statistics, TextMetric, Values
from deltalora.metrics.disk_cache import cached
from deltalora.metrics.edit_distance import EditDistance, Question, Search, Shift, least_distance, search_all, shifted
from deltalora.metrics.multi_bleu import prepare_all, word_tokens

#: Part of the key of stored statistics: raise it with any change of the search that can move a number.
_VERSION = 1


class Ter(TextMetric, MeanMetric):
    """Mean over segments of min over references of (shifts + edits) / reference length.

    A shift moves a run of words that equals a run of the reference to that run's place. The shift that lowers the edit
    distance most is taken (of equal ones the last in the order of the shifted word lists), until none lowers it.
    `TER-tercom` restricts the shifts, and weighs long references more: it is another number.

    Statistics (n, 1): the rate of the segment.

    Same as `ter_score` of WebNLG/GenerationEval's eval.py, which microsoft/LoRA@c4593f0 runs, on prepared text, with
    two differences. Its files end in a line feed that it reads as one more, empty, segment of rate 1; `blank_line`
    counts that segment too. And pyter's search is rewritten: the same edits, a hundred times as fast.
    """

    name = "TER"

    def __init__(self, blank_line: bool = False) -> None:
        self._blank_line = blank_line

    @property
    def settings(self) -> str:
        """Case, tokeniser, choice of reference, aggregation, whether the upstream blank line counts."""
        blank_line = "counted" if self._blank_line else "dropped"
        return f"case:lc|tok:split-W+nltk|over-refs:min|agg:mean|blank-line:{blank_line}|impl:pyter3-0.3.v{_VERSION}"

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Return statistics (n, 1), kept on disk for the next time."""
        texts, blocks = prepare_all(hypotheses, references)
        return cached(f"pyter-v{_VERSION}", texts, blocks, lambda: _rates(texts, blocks))

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return the mean; 0 is perfect, without an upper bound. A counted blank line is once in every resample."""
        extra = int(self._blank_line)
        return super().value_of_sums(sums + extra, numbers + extra)


def _rates(texts: Sequence[str], blocks: Sequence[Sequence[str]]) -> Statistics:
    return np.array(search_all(map(_best_rate, texts, blocks))).reshape(-1, 1)


def _best_rate(text: str, block: Sequence[str]) -> Search[float]:
    hypothesis = word_tokens(text)
    best = float("inf")
    for reference in map(word_tokens, block):
        if least_distance(hypothesis, reference) / len(reference) < best:
            best = min(best, (yield from edits(hypothesis, reference)) / len(reference))
    return best


def edits(hypothesis: Sequence[str], reference: Sequence[str]) -> Search[int]:
    """Count the shifts and edits that turn the hypothesis into the reference, by pyter's greedy search.

    Same as `pyter.ter(hypothesis, reference) * len(reference)` of pyter3 0.3.
    """
    table = EditDistance(reference)
    least = least_distance(hypothesis, reference)
    words, shifts, distance = list(hypothesis), 0, table.distance(hypothesis)
    while distance > least:
        candidates = _runs(words, reference, table)
        reached = yield Question(table, words, candidates)
        fewest = min(reached, default=distance)
        if fewest >= distance:
            break
        best = (shift for shift, one in zip(candidates, reached, strict=True) if one == fewest)
        words, distance = max(shifted(words, shift) for shift in best), fewest
        shifts += 1
    return shifts + distance


def _runs(words: Sequence[str], reference: Sequence[str], table: EditDistance) -> list[Shift]:
    """Return the shift of every longest run that the reference has at another place, to that place."""
    found = []
    for start, word in enumerate(words):
        for target in table.places.get(word, ()):
            if start != target:
                longest = min(len(words) - start, len(reference) - target)
                length = 1
                while length < longest and words[start + length] == reference[target + length]:
                    length += 1
                found.append((start, length, target))
    return found
