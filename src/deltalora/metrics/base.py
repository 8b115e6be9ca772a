"""The contract of every metric: a function of segment statistics, so that any subset can be scored again.

Only `TextMetric.segment_statistics` reads text: a bootstrap never tokenises, counts or starts Java again.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltalora.errors import MetricError

#: One row per segment, one column per statistic; each metric defines its columns.
Statistics = npt.NDArray[np.float64]
#: One row per resample, one column per segment: how often the resample holds the segment, 0, 1, 2, ...
Counts = npt.NDArray[np.float64]
#: One number per resample.
Values = npt.NDArray[np.float64]
#: One text per segment: hypotheses, or the segments' names.
Texts = Sequence[str]
#: One or more texts per segment.
References = Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Score:
    """A corpus score with all that is needed to trust it and to resample it."""

    #: On the official scorer's own scale: a fraction for BLEU, METEOR and ROUGE-L.
    value: float
    #: (n_segments, k), in the order of the hypotheses.
    statistics: Statistics
    #: Every setting that can move the number, as `NAME|key:value|...`.
    signature: str
    #: For a score of some of the segments, the places of its rows among all, from 0; None for all of them.
    places: tuple[int, ...] | None = None


class Metric(ABC):
    """A corpus metric: a `name` (in tables and in `deltalora score --json`) and a function of rows of statistics."""

    name: str

    @abstractmethod
    def combine(self, statistics: Statistics) -> float:
        """Return the corpus value of at least one row of statistics."""

    def aggregate(self, statistics: Statistics) -> float:
        """Return the corpus value of any rows of `Score.statistics`; raise a `MetricError` where there is none."""
        if len(statistics) == 0:
            raise MetricError(
                f"{self.name}: expected statistics of at least one example, found none; score some examples first"
            )
        return float(self.combine(statistics))

    def aggregate_many(self, statistics: Statistics, counts: Counts) -> Values:
        """Return the corpus values (m,) of m resamples of statistics (n, k), by how often each holds each row (m, n).

        Raises:
            MetricError: The counts do not fit the rows, or a resample is empty.
        """
        if counts.ndim != 2 or counts.shape[1] != len(statistics):
            raise MetricError(
                f"{self.name}: expected counts of shape (resamples, {len(statistics)}), one column per row of "
                f"statistics, found {counts.shape}; count the segments of each resample"
            )
        if not counts.any(axis=1).all():
            raise MetricError(
                f"{self.name}: expected at least one segment in every resample, found none in resample "
                f"{int(np.argmin(counts.any(axis=1)))}; drop the empty resample"
            )
        return self._combine_many(statistics, counts)

    def _combine_many(self, statistics: Statistics, counts: Counts) -> Values:
        return np.array([self.combine(np.repeat(statistics, row, axis=0)) for row in counts.astype(np.int64)])


class AdditiveMetric(Metric):
    """A metric whose value is a function of sums over segments, so that all resamples are one matrix product.

    With terms T (n, j) and counts C (m, n) the values are `value_of_sums(C T, C 1)`; a plain score is one row of ones.
    Each formula is therefore written once, for scoring and resampling alike.
    """

    def terms(self, statistics: Statistics) -> Statistics:
        """Return what is summed, (n, j): a function of each row alone; by default the statistics themselves."""
        return statistics

    @abstractmethod
    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return the corpus values (m,) of summed terms (m, j), and how many segments, at least 1, were summed (m,)."""

    def combine(self, statistics: Statistics) -> float:
        """Return the corpus value of at least one row of statistics."""
        sums = self.terms(statistics).sum(axis=0)
        return float(self.value_of_sums(sums[None], np.array([len(statistics)], dtype=np.float64))[0])

    def _combine_many(self, statistics: Statistics, counts: Counts) -> Values:
        return self.value_of_sums(counts @ self.terms(statistics), counts.sum(axis=1))


class MeanMetric(AdditiveMetric):
    """The mean over segments of the first term."""

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return the means (m,)."""
        return sums[:, 0] / numbers


class TextMetric(Metric):
    """A metric of texts against one or more references each."""

    #: Whether another process does the work; `score_all` then scores by the other metrics meanwhile.
    waits_for_java = False

    @property
    @abstractmethod
    def settings(self) -> str:
        """Return the settings that move the number, as `key:value` parts joined by bars."""

    @abstractmethod
    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return the statistics (n_segments, k) of every hypothesis against its own references.

        Weights that come from the whole reference set (NIST's information, CIDEr's idf) are already in these numbers,
        so that they stay fixed when rows are resampled, as is the custom for paired tests on one test set.

        Raises:
            MetricError: A segment cannot be scored; names it by its id.
        """

    def score(self, hypotheses: Texts, references: References, ids: Texts | None = None) -> Score:
        """Return the corpus score of hypotheses, which may be empty texts, against non-empty references.

        Raises:
            MetricError: The lengths differ, there is nothing to score, a segment has no reference or an empty one, or
                the scorer behind the metric failed. Segments are named by `ids`, else `#1`, `#2`, ...
        """
        names = numbered(hypotheses) if ids is None else ids
        self._check(hypotheses, references, names)
        statistics = self.segment_statistics(hypotheses, references, names)
        counts = {len(block) for block in references}
        refs = str(counts.pop()) if len(counts) == 1 else "var"
        return Score(self.aggregate(statistics), statistics, f"{self.name}|refs:{refs}|{self.settings}")

    def _check(self, hypotheses: Texts, references: References, ids: Texts) -> None:
        if not len(hypotheses) == len(references) == len(ids):
            raise MetricError(
                f"{self.name}: expected one list of references and one id per hypothesis, found {len(hypotheses)} "
                f"hypotheses, {len(references)} lists and {len(ids)} ids; pass sequences of equal length"
            )
        if not hypotheses:
            raise MetricError(f"{self.name}: expected at least one hypothesis, found none; there is nothing to score")
        for identifier, block in zip(ids, references, strict=True):
            if isinstance(block, str):
                raise MetricError(
                    f"{self.name}: expected a list of references for {identifier}, found one text; wrap it in a list"
                )
            if not block or not all(text.strip() for text in block):
                raise MetricError(
                    f"{self.name}: expected one or more non-empty references for {identifier}, found {list(block)}; "
                    "drop the empty reference or the segment"
                )


def divide(numerators: Values, denominators: Values, otherwise: float = 0.0) -> Values:
    """Return the quotients, and `otherwise` where a denominator is 0."""
    where = denominators != 0
    quotients: Values = np.divide(numerators, denominators, out=np.full_like(denominators, otherwise), where=where)
    return quotients


def numbered(segments: Sequence[object]) -> list[str]:
    """Return `#1`, `#2`, ...: names for segments without."""
    return [f"#{number}" for number in range(1, len(segments) + 1)]


def score_all(
    metrics: Mapping[str, TextMetric], hypotheses: Texts, references: References, ids: Texts | None = None
) -> dict[str, Score]:
    """Return the scores of the same texts by several metrics, in the order of the metrics; see `TextMetric.score`.

    Raises:
        MetricError: A score cannot be computed; names the metric, the example and the cause.
    """
    with ThreadPoolExecutor() as threads:
        waiting = {
            name: threads.submit(metric.score, hypotheses, references, ids)
            for name, metric in metrics.items()
            if metric.waits_for_java
        }
        scores = {
            name: metric.score(hypotheses, references, ids) for name, metric in metrics.items() if name not in waiting
        }
        return {name: waiting[name].result() if name in waiting else scores[name] for name in metrics}
