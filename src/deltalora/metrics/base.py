"""The contract of every metric: text in, a `Score` out, and statistics from which any subset can be scored again.

A metric works in five stages: preprocess, reference cache, segment statistics, aggregate, score. Only the last two
see the corpus as a whole, and they see numbers only. A bootstrap therefore resamples rows of `Score.statistics` and
calls `Metric.aggregate`; it never tokenises, counts or starts Java again.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltalora.errors import MetricError

#: One row a segment, one column a statistic; what the columns are is said by the metric.
Statistics = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Score:
    """A corpus score and all that is needed to trust it and to resample it.

    Attributes:
        value: The corpus score on the official scorer's own scale (a fraction for BLEU, METEOR and ROUGE-L).
        statistics: Array (n_segments, k), in the order of the hypotheses.
        signature: Every setting that can move the number, as `NAME|key:value|...`.
    """

    value: float
    statistics: Statistics
    signature: str


class Metric(ABC):
    """A corpus metric whose value is a function of the rows of its segment statistics.

    Subclasses give `name`, `settings`, `segment_statistics` and `combine`.
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
