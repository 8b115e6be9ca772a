"""Accuracy, F1, Matthews, Pearson and Spearman, each a function of any rows of (prediction, label)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deltalora.errors import MetricError
from deltalora.metrics.base import Counts, Score, Statistics, Values, aggregate_each, check_counts


@dataclass(frozen=True)
class LabelMetric:
    """A metric of judgements: like `Metric`, but of numbers.

    Statistics (n, 2) are the judgements themselves: prediction and label.

    Attributes:
        name: The name in tables.
        combine: The value of predictions and labels.
        settings: What moves the number, as `key:value` parts joined by bars.
        combine_many: The values (m,) of predictions, labels and counts (m, n), where sums suffice; None where each
            resample has to be built, as for correlations: their sums of squares cancel, and ranks are of the resample.
    """

    name: str
    combine: Callable[[Values, Values], float]
    settings: str
    combine_many: Callable[[Values, Values, Counts], Values] | None = None

    def aggregate(self, statistics: Statistics) -> float:
        """The value of any rows of `Score.statistics`: all of them, a subset, or a resample.

        Raises:
            MetricError: There is no row.
        """
        if len(statistics) == 0:
            raise MetricError(f"{self.name}: expected at least one judgement, found none; judge some examples first")
        return float(self.combine(statistics[:, 0], statistics[:, 1]))

    def aggregate_many(self, statistics: Statistics, counts: Counts) -> Values:
        """The values (m,) of m resamples; as `Metric.aggregate_many`.

        Raises:
            MetricError: The counts are not of these rows, or a resample is empty.
        """
        check_counts(self.name, statistics, counts)
        if self.combine_many is None:
            return aggregate_each(self.aggregate, statistics, counts)
        return self.combine_many(statistics[:, 0], statistics[:, 1], counts)

    def score(self, predictions: Sequence[float], labels: Sequence[float]) -> Score:
        """The score of predictions against as many labels.

        Raises:
            MetricError: There is none.
        """
        statistics = np.array([predictions, labels], dtype=np.float64).T
        return Score(self.aggregate(statistics), statistics, f"{self.name}|n:{len(statistics)}|{self.settings}")


def accuracy(predictions: Values, labels: Values) -> float:
    """The share of predictions that equal their labels."""
    return float((predictions == labels).mean())


def accuracy_many(predictions: Values, labels: Values, counts: Counts) -> Values:
    """`accuracy` of resamples, from the counts of right predictions."""
    values: Values = counts @ (predictions == labels) / counts.sum(axis=1)
    return values


def f1(predictions: Values, labels: Values) -> float:
    """F1 = 2·TP / (2·TP + FP + FN) of class 1; 0 where neither side has it. Same as sklearn's `f1_score`."""
    found = float((predictions == 1).sum() + (labels == 1).sum())
    return 2.0 * float(((predictions == 1) & (labels == 1)).sum()) / found if found else 0.0


def f1_many(predictions: Values, labels: Values, counts: Counts) -> Values:
    """`f1` of resamples, from the counts of class 1 on either side and on both."""
    ours, theirs = predictions == 1, labels == 1
    found = counts @ ours + counts @ theirs
    values: Values = np.divide(2.0 * (counts @ (ours & theirs)), found, out=np.zeros_like(found), where=found != 0)
    return values


def matthews(predictions: Values, labels: Values) -> float:
    """Pearson's correlation of two binary variables; 0 where either is constant, as sklearn's `matthews_corrcoef`."""
    return pearson(predictions, labels)


def matthews_many(predictions: Values, labels: Values, counts: Counts) -> Values:
    """`matthews` of resamples, r from the sums of p, y, p², y² and p·y: exact, as classes are whole numbers."""
    numbers = counts.sum(axis=1)
    p, y = counts @ predictions, counts @ labels
    spread = (numbers * (counts @ predictions**2) - p**2) * (numbers * (counts @ labels**2) - y**2)
    common = numbers * (counts @ (predictions * labels)) - p * y
    values: Values = np.divide(common, np.sqrt(spread), out=np.zeros_like(spread), where=spread != 0)
    return values.clip(-1.0, 1.0)


def pearson(predictions: Values, labels: Values) -> float:
    """Pearson's r = cov(p, y) / (σ_p · σ_y), as scipy's `pearsonr`.

    Where predictions or labels are constant r is not defined (scipy gives NaN and a warning); it is 0 here, as
    Matthews' is in sklearn: such predictions tell nothing of the labels, and a tiny run may well make them.
    """
    if any(one.min() == one.max() for one in (predictions, labels)):
        return 0.0
    return float(np.clip(_unit(predictions) @ _unit(labels), -1.0, 1.0))


def spearman(predictions: Values, labels: Values) -> float:
    """Pearson's r of the ranks, ties at their mean rank, as scipy's `spearmanr`; 0 where either side is constant."""
    return pearson(_ranks(predictions), _ranks(labels))


def _unit(values: Values) -> Values:
    # Scaled before it is squared: predictions of a run that diverges may be huge.
    centred = values / np.abs(values).max()
    centred = centred - centred.mean()
    unit: Values = centred / np.linalg.norm(centred)
    return unit


def _ranks(values: Values) -> Values:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Values = (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    return ranks
