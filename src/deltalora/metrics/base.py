"""The contract of every metric: text in, a `Score` out, and statistics from which any subset can be scored again.

A metric works in five stages: preprocess, reference cache, segment statistics, aggregate, score. Only the last two
see the corpus as a whole, and they see numbers only. A bootstrap (see `resampling`) therefore resamples rows of
`Score.statistics` and calls `Metric.aggregate_many`; it never tokenises, counts or starts Java again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltalora.errors import MetricError

#: One row a segment, one column a statistic; what the columns are is said by the metric.
Statistics = npt.NDArray[np.float64]
#: One row a resample, one column a segment: how often the resample holds the segment, 0, 1, 2, ...
Counts = npt.NDArray[np.float64]
#: One number a resample.
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Score:
    """A corpus score and all that is needed to trust it and to resample it.

    Attributes:
        value: The corpus score on the official scorer's own scale (a fraction for BLEU, METEOR and ROUGE-L).
        statistics: Array (n_segments, k), in the order of the hypotheses.
        signature: Every setting that can move the number, as `NAME|key:value|...`.
        places: For the score of a part of the segments, where its rows stand among all, from 0; None: it is of all.
    """

    value: float
    statistics: Statistics
    signature: str
    places: tuple[int, ...] | None = None


class Metric(ABC):
    """A corpus metric whose value is a function of the rows of its segment statistics.

    Subclasses give `name`, `settings`, `segment_statistics` and `combine`, or, where sums over segments decide, are
    an `AdditiveMetric` and give `value_of_sums`.
    """

    #: The name in tables and in `deltalora score --json`.
    name: str

    @property
    @abstractmethod
    def settings(self) -> str:
        """The settings that move the number, as `key:value` parts joined by bars."""

    @abstractmethod
    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """The statistics (n_segments, k) of every hypothesis against its own references.

        Weights that come from the whole reference set (NIST's information, CIDEr's idf) are already in these numbers,
        so that they stay fixed when rows are resampled, as is the custom for paired tests on one test set.

        Args:
            hypotheses: One text a segment.
            references: At least one text a segment.
            ids: The segments' names, for error messages.

        Raises:
            MetricError: A segment cannot be scored.
        """

    @abstractmethod
    def combine(self, statistics: Statistics) -> float:
        """The corpus value of at least one row of statistics."""

    def aggregate(self, statistics: Statistics) -> float:
        """The corpus value of any rows of `Score.statistics`: all of them, a subset, or a resample.

        Raises:
            MetricError: There is no row.
        """
        if len(statistics) == 0:
            raise MetricError(
                f"{self.name}: expected statistics of at least one segment, found none; score some text first"
            )
        return float(self.combine(statistics))

    def aggregate_many(self, statistics: Statistics, counts: Counts) -> Values:
        """The corpus values (m,) of m resamples, each given by how often it holds each row.

        The same as `aggregate` of the rows so repeated, one resample after the other; `AdditiveMetric` has it at once.

        Args:
            statistics: Array (n, k).
            counts: Array (m, n) of whole numbers from 0 upward.

        Raises:
            MetricError: The counts are not of these rows, or a resample is empty.
        """
        check_counts(self.name, statistics, counts)
        return aggregate_each(self.aggregate, statistics, counts)

    def score(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str] | None = None
    ) -> Score:
        """The corpus score of the hypotheses.

        Args:
            hypotheses: One text a segment; it may be empty.
            references: For each hypothesis, one or more non-empty texts.
            ids: Names for error messages; `#1`, `#2`, ... when not given.

        Raises:
            MetricError: The lengths differ, there is nothing to score, a segment has no reference or an empty one, or
            the
                scorer behind the metric failed.
        """
        names = [f"#{number}" for number in range(1, len(hypotheses) + 1)] if ids is None else ids
        _check(self.name, hypotheses, references, names)
        statistics = self.segment_statistics(hypotheses, references, names)
        counts = {len(block) for block in references}
        refs = str(counts.pop()) if len(counts) == 1 else "var"
        return Score(self.aggregate(statistics), statistics, f"{self.name}|refs:{refs}|{self.settings}")


class AdditiveMetric(Metric):
    """A metric whose value is a function of sums over segments, so that all resamples are one matrix product.

    With terms T (n, j) and counts C (m, n) the values are `value_of_sums(C T, C 1)`; a plain score is one row of ones.
    So each formula stands once, and scoring and resampling cannot part.
    """

    def terms(self, statistics: Statistics) -> Statistics:
        """What is summed, (n, j): a function of each row alone; the statistics themselves unless a metric derives."""
        return statistics

    @abstractmethod
    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """The corpus values (m,) of summed terms.

        Args:
            sums: Array (m, j), summed terms.
            numbers: Array (m,), how many segments were summed; at least 1.
        """

    def combine(self, statistics: Statistics) -> float:
        """The corpus value of at least one row of statistics."""
        sums = self.terms(statistics).sum(axis=0)
        return float(self.value_of_sums(sums[None], np.array([len(statistics)], dtype=np.float64))[0])

    def aggregate_many(self, statistics: Statistics, counts: Counts) -> Values:
        """As `Metric.aggregate_many`, by one matrix product."""
        check_counts(self.name, statistics, counts)
        return self.value_of_sums(counts @ self.terms(statistics), counts.sum(axis=1))


def aggregate_each(aggregate: Callable[[Statistics], float], statistics: Statistics, counts: Counts) -> Values:
    """`aggregate` of the rows of every resample, each row repeated as often as counted."""
    return np.array([aggregate(np.repeat(statistics, row, axis=0)) for row in counts.astype(np.int64)])


def check_counts(name: str, statistics: Statistics, counts: Counts) -> None:
    """Refuses counts that are not of these rows, and resamples without any.

    Raises:
        MetricError: The shapes do not fit, or a resample is empty.
    """
    if counts.ndim != 2 or counts.shape[1] != len(statistics):
        raise MetricError(
            f"{name}: expected counts of shape (resamples, {len(statistics)}), one column a row of statistics, found "
            f"{counts.shape}; count the segments of each resample"
        )
    if not counts.any(axis=1).all():
        raise MetricError(
            f"{name}: expected at least one segment in every resample, found none in resample "
            f"{int(np.argmin(counts.any(axis=1)))}; there is no score of nothing"
        )


def _check(name: str, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]) -> None:
    if not len(hypotheses) == len(references) == len(ids):
        raise MetricError(
            f"{name}: expected one list of references and one id per hypothesis, found {len(hypotheses)} hypotheses, "
            f"{len(references)} lists and {len(ids)} ids; pass sequences of equal length"
        )
    if not hypotheses:
        raise MetricError(f"{name}: expected at least one hypothesis, found none; there is no score of nothing")
    for identifier, block in zip(ids, references, strict=True):
        if isinstance(block, str):
            raise MetricError(
                f"{name}: expected a list of references for {identifier}, found one text; wrap it in a list"
            )
        if not block or not all(text.strip() for text in block):
            raise MetricError(
                f"{name}: expected one or more non-empty references for {identifier}, found {list(block)}; "
                "drop the empty reference or the segment"
            )
