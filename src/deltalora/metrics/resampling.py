"""Bootstrap intervals and a paired test over the segments of one test set, from segment statistics alone.

An interval says how far a score would move had other segments of the same kind been drawn, with these outputs of this
one trained model. It does NOT say how far the score would move had the model been trained with another seed. Two runs
of one method with two seeds may lie outside each other's interval, and a paired p value below 0.05 between two runs
says that these two sets of outputs differ, not that one method is better. That takes runs over seeds and the interval
over seeds (`report.statistics`); tables show the two as two columns and never add them up.

A resample is a row of counts, how often it holds each segment; the metric turns a matrix of counts into values
(`aggregate_many`), mostly by one matrix product. No text is read again. The values are those of scoring the resampled
texts, for every metric without weights from the whole reference set. The information of NIST and the idf of CIDEr stay
those of the full set, as is the custom for tests on one test set: they belong to the measure, not to the sample.

Indices are drawn as by sacrebleu's significance.py (2.6), so that one seed gives the same resamples here and there.
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
#: Cells of the matrix of counts that are held at once: 32 MB.
_BLOCK_CELLS = 4_000_000
#: Cells that every system is summed over before the next are read: 8 MB stay in a processor's cache.
_CACHED_CELLS = 1_000_000
#: Equal values may differ in the last digits by the order of a sum; relative to the larger of 1 and the scores.
_ROUNDING = 1e-12

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class BootstrapInterval:
    """A two-sided percentile interval of a score over segments; no statement about training seeds.

    Attributes:
        metric: Name of the metric.
        value: The score of all segments, each once.
        low: The (1 - confidence) / 2 quantile of the resampled scores, linear between order statistics.
        high: The (1 + confidence) / 2 quantile.
        confidence: Nominal coverage, between 0 and 1.
        n: Number of segments.
        resamples: Number of resamples.
        seed: Seed of the resamples.
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
    """Two systems on the same segments, by the paired bootstrap test; no statement about training seeds.

    Attributes:
        left: The score of the left system.
        right: The score of the right system.
        interval: Percentile interval of the difference left - right; of error rates (TER) the lower is the better.
        p_value: Two-sided; above 0 and at most 1.
    """

    left: float
    right: float
    interval: BootstrapInterval
    p_value: float

    @property
    def difference(self) -> float:
        """The left score minus the right."""
        return self.interval.value


def bootstrap_values(metric: Metric, score: Score | Statistics, resamples: int = 1000, seed: int = SEED) -> Values:
    """Return the scores (resamples,) of resamples of as many segments as there are, drawn with replacement.

    The same seed and number of segments give the same resamples to every metric and system.

    Raises:
        MetricError: There are too few segments, or a setting is out of range.
    """
    return bootstrap_values_of_all({"": (metric, score)}, resamples, seed)[""]


def bootstrap_values_of_all(
    scored: Mapping[Key, tuple[Metric, Score | Statistics]], resamples: int = 1000, seed: int = SEED
) -> dict[Key, Values]:
    """Return `bootstrap_values` of many systems and metrics on equally many segments, with resamples drawn once.

    Args:
        scored: Any key -> a metric, and its score or the statistics of it.
        resamples: How many.
        seed: Seeds numpy's default generator.

    Raises:
        MetricError: As `bootstrap_values`, or the numbers of segments differ.
    """
    rows = {key: (metric, _statistics(metric, score)) for key, (metric, score) in scored.items()}
    numbers = {len(statistics): metric for metric, statistics in rows.values()}
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
    values: dict[Key, list[Values]] = {key: [] for key in rows}
    for n in numbers:
        for counts in _bootstrap_counts(n, resamples, seed):
            size = max(1, _CACHED_CELLS // n)
            for start in range(0, len(counts), size):
                for key, (metric, statistics) in rows.items():
                    values[key].append(metric.aggregate_many(statistics, counts[start : start + size]))
    return {key: np.concatenate(blocks) for key, blocks in values.items()}


def bootstrap_interval(
    metric: Metric, score: Score | Statistics, resamples: int = 1000, confidence: float = 0.95, seed: int = SEED
) -> BootstrapInterval:
    """Return the percentile bootstrap interval of a score (Efron and Tibshirani, 1993, section 13.3).

    [Q((1 - confidence) / 2), Q((1 + confidence) / 2)] of the resampled scores. Same as scipy's `bootstrap` with
    `method="percentile"`, as a test asserts. Differs from sacrebleu's `estimate_ci`, which prints half of the range
    between two order statistics around the mean of the resamples, and so makes every interval symmetric.

    Raises:
        MetricError: There are too few segments, too few resamples for this confidence, or a setting is out of range.
    """
    _check_confidence(metric, resamples, confidence)
    statistics = _statistics(metric, score)
    values = bootstrap_values(metric, statistics, resamples, seed)
    return _interval(metric, metric.aggregate(statistics), values, confidence, len(statistics), seed)


def paired_bootstrap(
    metric: Metric,
    left: Score | Statistics,
    right: Score | Statistics,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = SEED,
) -> PairedComparison:
    """Test two systems by the paired bootstrap (Koehn, 2004), two-sided, with the interval of the difference.

    Both systems are scored on the same B resamples; with the differences d_b = left_b - right_b,

        p = min(1, 2 · (1 + min(#{d_b <= 0}, #{d_b >= 0})) / (B + 1))

    Koehn counts how often the better system is not ahead, which is one-sided; this is twice that, with the 1 that keeps
    a p value of finitely many resamples from being 0 (Davison and Hinkley, 1997, section 4.2). It inverts the
    percentile interval: p < 0.05 where the 95 % interval leaves out 0, up to one resample in the tail. A difference of
    0 counts on both sides, so that a system against itself has p = 1.

    Differs from sacrebleu's `_paired_bs_test` on the same resamples, p = (1 + #{|d_b| - mean |d_b| > |d|}) / (B + 1):
    where the systems differ, |d_b| - mean |d_b| has one tail beyond |d|, not two, so that at a nominal 0.05 it finds a
    difference between equal systems about twice as often as that (a test measures both).

    Args:
        metric: The metric that made both.
        left: Score or statistics of the left system.
        right: The same of the right system, on the same segments in the same order.
        resamples: B.
        confidence: Coverage of the interval.
        seed: As `bootstrap_values`.

    Raises:
        MetricError: The two differ in segments or settings, there are too few segments or resamples, or a setting is
            out of range.
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
    """Return the p value of `paired_bootstrap` from its resampled differences.

    Args:
        differences: One per resample.
        left: The score of the left system; both scores decide which differences count as 0.
        right: The score of the right system.
    """
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


def _statistics(metric: Metric, score: Score | Statistics) -> Statistics:
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
