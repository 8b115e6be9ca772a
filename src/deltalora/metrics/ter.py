"""TER as the WebNLG 2020 scorer computes it with `pyter`: mean over sentences of the best reference's edit rate."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from deltalora.metrics.base import MeanMetric, Statistics, TextMetric, Values
from deltalora.metrics.disk_cache import cached
from deltalora.metrics.edit_distance import EditDistance, least_distance
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
    counts that segment too. And pyter's search is rewritten: the same edits, at least ten times as fast.
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
    return np.array([[_best_rate(text, block)] for text, block in zip(texts, blocks, strict=True)])


def _best_rate(text: str, block: Sequence[str]) -> float:
    hypothesis = word_tokens(text)
    best = float("inf")
    for reference in map(word_tokens, block):
        if least_distance(hypothesis, reference) / len(reference) < best:
            best = min(best, edits(hypothesis, reference) / len(reference))
    return best


def edits(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Count the shifts and edits that turn the hypothesis into the reference, by pyter's greedy search.

    Same as `pyter.ter(hypothesis, reference) * len(reference)` of pyter3 0.3.
    """
    table = EditDistance(reference)
    least = least_distance(hypothesis, reference)
    words, shifts = list(hypothesis), 0
    while True:
        rows = table.rows(words)
        distance = table.distance(words, rows[-1], len(words))
        if distance == least:
            return shifts + distance
        best: tuple[int, list[str]] = (distance, [])
        for start, target, length in _runs(words, reference, table.places):
            shifted = words[:start] + words[start + length :]
            shifted[target:target] = words[start : start + length]
            kept = min(start, target)
            reached = table.distance(shifted, rows[kept], kept)
            if reached < best[0] or (reached == best[0] < distance and shifted > best[1]):
                best = (reached, shifted)
        if best[0] == distance:
            return shifts + distance
        words = best[1]
        shifts += 1


def _runs(
    words: Sequence[str], reference: Sequence[str], places: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield (start, target, length) of every longest run from `start` that the reference has at another place."""
    for start, word in enumerate(words):
        for target in places.get(word, ()):
            if start != target:
                longest = min(len(words) - start, len(reference) - target)
                length = 1
                while length < longest and words[start + length] == reference[target + length]:
                    length += 1
                yield start, target, length
