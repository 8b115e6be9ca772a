"""Bootstrap intervals and a paired test over the segments of one test set, from segment statistics alone.

An interval says how far a score would move had other segments of the same kind been drawn, with these outputs of this
one trained model. It does NOT say how far the score would move had the model been trained with another seed: a paired
p value below 0.05 between two runs says that these two sets of outputs differ, not that one method is better. That
takes runs over seeds and the interval over seeds (`report.statistics`).

A resample is a row of counts, how often it holds each segment; the metric turns a matrix of counts into values
(`aggregate_many`), mostly by one matrix product, equal to scoring the resampled texts. Only NIST's information and
CIDEr's idf stay those of the full set: they belong to the measure, not to the sample. Indices are drawn as by
sacrebleu's significance.py (2.6), so that one seed gives the same resamples here and there.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from deltalora.errors import MetricError
from deltalora.metrics.base import Counts, Metric, Score, Statistics, Values

#: sacrebleu's default.
SEED = 12345
#: Fewer segments have too few distinct resamples: the percentiles of 5 segments are those of 126 multisets.
MIN_SEGMENTS = 10
#: Cells of the matrix of counts that are drawn, and summed over for every system, at once: 8 MB, a processor's cache.
_BLOCK_CELLS = 1_000_000
#: Equal values may differ in the last digits by the order of a sum; relative to the larger of 1 and the scores.
_ROUNDING = 1e-12

Key = TypeVar("Key", bound=Hashable)
Scored = Score | Statistics


@dataclass(frozen=True)
class BootstrapInterval:
    """A two-sided percentile interval of a score over `n` segments; no statement about training seeds.

    `low` and `high` are the (1 ∓ confidence) / 2 quantiles of the resampled scores, linear between order statistics;
    `value` is the score of all segments, each once.
    """

    metric: str
    value: float
    low: float
    high: float
    confidence: float
    n: int
    resamples: int
    seed: int


@dataclass(frozen=True)
class PairedComparison:
    """Two systems' scores on the same segments, by the paired bootstrap; no statement about training seeds."""

    left: float
    right: float
    #: Of the difference left - right; of error rates (TER) the lower is the better.
    interval: BootstrapInterval
    #: Two-sided; above 0 and at most 1.
    p_value: float

    @property
    def difference(self) -> float:
        """The left score minus the right."""
        return self.interval.value


def bootstrap_values(metric: Metric, score: Scored, resamples: int = 1000, seed: int = SEED) -> Values:
    """Return the scores (resamples,) of as many segments as there are, drawn with replacement, the same by one seed.

    Raises:
        MetricError: There are too few segments, or a setting is out of range.
    """
    return bootstrap_values_of_all({"": (metric, score)}, resamples, seed)[""]


def bootstrap_values_of_all(
    scored: Mapping[Key, tuple[Metric, Scored]], resamples: int = 1000, seed: int = SEED
) -> dict[Key, Values]:
    """Return `bootstrap_values` of many systems and metrics on equally many segments, with resamples drawn once.

    Raises:
        MetricError: As `bootstrap_values`, or the numbers of segments differ.
    """
    rows = {key: (metric, _statistics(metric, score)) for key, (metric, score) in scored.items()}
    numbers = {len(statistics): metric for metric, statistics in rows.values()}
    values: dict[Key, list[Values]] = {key: [] for key in rows}
    for n, metric in numbers.items():
        if len(numbers) > 1:
            raise MetricError(
                f"{metric.name}: expected equally many segments from all, found {' and '.join(map(str, numbers))}; "
                "resample each test set separately"
            )
        if n < MIN_SEGMENTS:
            raise MetricError(
                f"{metric.name}: expected at least {MIN_SEGMENTS} segments to resample, found {n}; "
                "give the score without an interval or a test"
            )
        if resamples < 1 or seed < 0:
            raise MetricError(
                f"{metric.name}: expected at least one resample and a seed from 0 upward, found {resamples} resamples "
                f"and seed {seed}; choose others"
            )
        for counts in _bootstrap_counts(n, resamples, seed):
            for key, (metric, statistics) in rows.items():
                values[key].append(metric.aggregate_many(statistics, counts))
    return {key: np.concatenate(blocks) for key, blocks in values.items()}


def bootstrap_interval(
    metric: Metric, score: Scored, resamples: int = 1000, confidence: float = 0.95, seed: int = SEED
) -> BootstrapInterval:
    """Return the percentile bootstrap interval of a score (Efron and Tibshirani, 1993, section 13.3).

    Same as scipy's `bootstrap` with `method="percentile"`, as a test asserts. Differs from sacrebleu's `estimate_ci`,
    which prints half of the range between two order statistics around the mean of the resamples, always symmetric.

    Raises:
        MetricError: There are too few segments, too few resamples for this confidence, or a setting is out of range.
    """
    _check_confidence(metric, resamples, confidence)
    statistics = _statistics(metric, score)
    values = bootstrap_values(metric, statistics, resamples, seed)
    return _interval(metric, metric.aggregate(statistics), values, confidence, len(statistics), seed)


def paired_bootstrap(
    metric: Metric, left: Scored, right: Scored, resamples: int = 1000, confidence: float = 0.95, seed: int = SEED
) -> PairedComparison:
    """Test two systems by the paired bootstrap (Koehn, 2004), two-sided, with the interval of the difference.

    Both are scored on the same B resamples of the same segments; with the differences d_b = left_b - right_b,

        p = min(1, 2 · (1 + min(#{d_b <= 0}, #{d_b >= 0})) / (B + 1))

    Koehn counts how often the better system is not ahead, which is one-sided; this is twice that, with the 1 that keeps
    p above 0 (Davison and Hinkley, 1997, section 4.2). It inverts the percentile interval: p < 0.05 where the 95 %
    interval leaves out 0, up to one resample in the tail. A difference of 0 counts on both sides, so that a system
    against itself has p = 1.

    Differs from sacrebleu's `_paired_bs_test` on the same resamples, p = (1 + #{|d_b| - mean |d_b| > |d|}) / (B + 1),
    which has one tail beyond |d|, not two: at a nominal 0.05 it finds a difference between equal systems about twice as
    often as that (a test measures both).

    Raises:
        MetricError: As `bootstrap_interval`, or the two differ in segments or settings.
    """
    _check_confidence(metric, resamples, confidence)
    ours, theirs = _statistics(metric, left), _statistics(metric, right)
    if ours.shape != theirs.shape:
        raise MetricError(
            f"{metric.name}: expected two systems on the same segments, found statistics of shapes {ours.shape} and "
            f"{theirs.shape}; score both on one test set, in the same order"
        )
    if isinstance(left, Score) and isinstance(right, Score) and left.signature != right.signature:
        raise MetricError(
            f"{metric.name}: expected two scores of one signature, found {left.signature} and {right.signature}; "
            "score both with the same settings and versions"
        )
    differences = bootstrap_values(metric, ours, resamples, seed) - bootstrap_values(metric, theirs, resamples, seed)
    scores = metric.aggregate(ours), metric.aggregate(theirs)
    interval = _interval(metric, scores[0] - scores[1], differences, confidence, len(ours), seed)
    return PairedComparison(*scores, interval, two_sided_p(differences, *scores))


def two_sided_p(differences: Values, left: float, right: float) -> float:
    """Return the p value of `paired_bootstrap` from its resampled differences; `left` and `right` decide what is 0."""
    slack = _ROUNDING * max(1.0, abs(left), abs(right))
    tail = min(int((differences <= slack).sum()), int((differences >= -slack).sum()))
    return min(1.0, 2 * (1 + tail) / (len(differences) + 1))


def _bootstrap_counts(n: int, resamples: int, seed: int) -> Iterator[Counts]:
    """Yield the counts (rows, n) of all resamples in blocks; the rows do not depend on the size of the blocks."""
    rng = np.random.default_rng(seed)
    most = max(1, _BLOCK_CELLS // n)
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        cells = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(cells.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _interval(metric: Metric, value: float, values: Values, confidence: float, n: int, seed: int) -> BootstrapInterval:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return BootstrapInterval(metric.name, value, float(low), float(high), confidence, n, len(values), seed)


def _statistics(metric: Metric, score: Scored) -> Statistics:
    statistics = score.statistics if isinstance(score, Score) else score
    if statistics.ndim != 2:
        raise MetricError(
            f"{metric.name}: expected statistics of shape (segments, k), found {statistics.shape}; "
            "pass `Score.statistics` unchanged"
        )
    return statistics


def _check_confidence(metric: Metric, resamples: int, confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise MetricError(
            f"{metric.name}: expected a confidence between 0 and 1, found {confidence}; 0.95 is the usual one"
        )
    # Rounded, as 1000 · (1 - 0.998) / 2 is a little below 1 in binary.
    if round(resamples * (1.0 - confidence) / 2, 9) < 1.0:
        raise MetricError(
            f"{metric.name}: expected a resample in each tail of the {100 * confidence:g} % interval, found "
            f"{resamples} resamples; take more, or a lower confidence"
        )
