"""Bootstrap intervals and paired tests over the segments of one test set, from segment statistics alone.

What the intervals say: how far a score would move had other segments of the same kind been drawn, with these outputs of
this one trained model. What they do NOT say: how far it would move had the model been trained with another seed. Two
runs of one method with two seeds may lie outside each other's interval, and a paired p value below 0.05 between two
runs tells that these two sets of outputs differ, not that one method is better. That takes runs over seeds and the
interval over seeds (`report.statistics`); tables show the two as two columns and never add them up.

A resample is a row of counts, how often it holds each segment; the metric turns a matrix of counts into values
(`aggregate_many`), mostly by one matrix product. No text is read again. The values are those of scoring the resampled
texts, for every metric without weights from the whole reference set. The information of NIST and the idf of CIDEr stay
those of the full set, as is the custom for tests on one test set: they belong to the measure, not to the sample.

Indices are drawn as by sacrebleu's significance.py (2.6), so that one seed gives the same resamples here and there.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

from deltalora.errors import MetricError
from deltalora.metrics.base import Counts, Score, Statistics, Values

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
Test = Literal["paired-bootstrap", "paired-approximate-randomization"]


class Resampled(Protocol):
    """What is asked of a metric: `Metric`, `LabelMetric` and `MnliAccuracy` have it."""

    @property
    def name(self) -> str:
        """The name in tables."""

    def aggregate(self, statistics: Statistics) -> float:
        """The value of any rows."""

    def aggregate_many(self, statistics: Statistics, counts: Counts) -> Values:
        """The values of m resamples, given by how often each holds each row."""


@dataclass(frozen=True)
class BootstrapInterval:
    """A two-sided percentile interval of a score over segments; no statement about seeds of training.

    Attributes:
        metric: Name of the metric.
        value: The score of all segments, each once.
        low: The (1 - confidence) / 2 quantile of the resampled scores, linear between order statistics.
        high: The (1 + confidence) / 2 quantile.
        confidence: Nominal coverage, between 0 and 1.
        n: Number of segments.
        resamples: Number of resamples.
        seed: Of the resamples.
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
    """Two systems on the same segments; no statement about seeds of training.

    Attributes:
        metric: Name of the metric.
        test: How `p_value` was found.
        left: The score of the left system.
        right: The score of the right system.
        difference: left - right; for a rate of errors (TER) the left is better where it is below 0.
        interval: Percentile interval of the difference, from the same resamples; None for randomisation, which draws
            under the hypothesis of no difference and so has none.
        p_value: Two-sided; above 0 and at most 1.
        n: Number of segments.
        resamples: Number of resamples or shufflings.
        seed: Of the resamples or shufflings.
    """

    metric: str
    test: Test
    left: float
    right: float
    difference: float
    interval: BootstrapInterval | None
    p_value: float
    n: int
    resamples: int
    seed: int


def bootstrap_values(metric: Resampled, score: Score | Statistics, resamples: int = 1000, seed: int = SEED) -> Values:
    """The scores (resamples,) of resamples of as many segments as there are, drawn with replacement.

    Args:
        metric: The metric that made the statistics.
        score: Its score, or the statistics of it.
        resamples: How many.
        seed: Of numpy's default generator; the same seed and number of segments give the same resamples to every
            metric and system.

    Raises:
        MetricError: There are too few segments, or a setting is out of range.
    """
    return bootstrap_values_of_all({"": (metric, score)}, resamples, seed)[""]


def bootstrap_values_of_all(
    scored: Mapping[Key, tuple[Resampled, Score | Statistics]], resamples: int = 1000, seed: int = SEED
) -> dict[Key, Values]:
    """`bootstrap_values` of many systems and metrics on equally many segments; the resamples are drawn once for all.

    Args:
        scored: Any key -> a metric, and its score or the statistics of it.
        resamples: How many.
        seed: As `bootstrap_values`.

    Raises:
        MetricError: As `bootstrap_values`, or the numbers of segments differ.
    """
    rows = {key: (metric, _statistics(metric, score)) for key, (metric, score) in scored.items()}
    numbers = {len(statistics): metric for metric, statistics in rows.values()}
    for n, metric in numbers.items():
        if len(numbers) > 1:
            raise MetricError(
                f"{metric.name}: expected equally many segments from all, found {' and '.join(map(str, numbers))}; "
                "resample each test set by itself"
            )
        _check_settings(metric, n, resamples, seed)
    values: dict[Key, list[Values]] = {key: [] for key in rows}
    for n in numbers:
        for counts in _bootstrap_counts(n, resamples, seed):
            size = max(1, _CACHED_CELLS // n)
            for start in range(0, len(counts), size):
                for key, (metric, statistics) in rows.items():
                    values[key].append(metric.aggregate_many(statistics, counts[start : start + size]))
    return {key: np.concatenate(blocks) for key, blocks in values.items()}


def bootstrap_interval(
    metric: Resampled,
    score: Score | Statistics,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = SEED,
) -> BootstrapInterval:
    """The percentile bootstrap interval of a score (Efron and Tibshirani, 1993, section 13.3).

    [Q((1 - confidence) / 2), Q((1 + confidence) / 2)] of the resampled scores. Same as scipy's `bootstrap` with
    `method="percentile"`, which a test holds it to. Differs from sacrebleu's `estimate_ci`, which prints half of the
    range between two order statistics around the mean of the resamples, and so makes every interval symmetric.

    Raises:
        MetricError: There are too few segments, too few resamples for this confidence, or a setting is out of range.
    """
    _check_confidence(metric, resamples, confidence)
    statistics = _statistics(metric, score)
    values = bootstrap_values(metric, statistics, resamples, seed)
    return _interval(metric, metric.aggregate(statistics), values, confidence, len(statistics), seed)


def paired_bootstrap(
    metric: Resampled,
    left: Score | Statistics,
    right: Score | Statistics,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = SEED,
) -> PairedComparison:
    """The paired bootstrap test (Koehn, 2004), two-sided, and the percentile interval of the difference.

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
        right: Of the right system, on the same segments in the same order.
        resamples: How many.
        confidence: Of the interval.
        seed: Of the resamples.

    Raises:
        MetricError: The two are not of the same segments or settings, there are too few segments or resamples, or a
            setting is out of range.
    """
    _check_confidence(metric, resamples, confidence)
    ours, theirs = _pair(metric, left, right)
    differences = bootstrap_values(metric, ours, resamples, seed) - bootstrap_values(metric, theirs, resamples, seed)
    scores = metric.aggregate(ours), metric.aggregate(theirs)
    return PairedComparison(
        metric=metric.name,
        test="paired-bootstrap",
        left=scores[0],
        right=scores[1],
        difference=scores[0] - scores[1],
        interval=_interval(metric, scores[0] - scores[1], differences, confidence, len(ours), seed),
        p_value=two_sided_p(differences, *scores),
        n=len(ours),
        resamples=resamples,
        seed=seed,
    )


def two_sided_p(differences: Values, left: float, right: float) -> float:
    """The p value of `paired_bootstrap` from its resampled differences.

    Args:
        differences: One a resample.
        left: The score of the left system; of the two comes what counts as a difference of 0.
        right: The score of the right system.
    """
    slack = _slack(left, right)
    tail = min(int((differences <= slack).sum()), int((differences >= -slack).sum()))
    return min(1.0, 2 * (1 + tail) / (len(differences) + 1))


def paired_approximate_randomization(
    metric: Resampled,
    left: Score | Statistics,
    right: Score | Statistics,
    resamples: int = 10_000,
    seed: int = SEED,
) -> PairedComparison:
    """The paired approximate randomisation test (Noreen, 1989; Riezler and Maxwell, 2005), two-sided.

    If the systems were exchangeable, swapping their outputs of any segment would not matter. In each of R shufflings
    every segment is swapped with probability one half; with the difference d_r of the shuffled systems,

        p = (1 + #{|d_r| >= |d|}) / (R + 1)

    Same as sacrebleu's `_paired_ar_test` with the same seed, but for ties: it counts |d_r| > |d| only, which gives a
    system against itself p = 1 / (R + 1) instead of 1, and too small a p value where few segments differ or, as with
    TER's whole edits, many shufflings have the same difference.

    Args:
        metric: The metric that made both.
        left: Score or statistics of the left system.
        right: Of the right system, on the same segments in the same order.
        resamples: R, the number of shufflings; sacrebleu's default.
        seed: Of the shufflings.

    Raises:
        MetricError: The two are not of the same segments or settings, there are too few segments, or a setting is out
            of range.
    """
    ours, theirs = _pair(metric, left, right)
    scores = metric.aggregate(ours), metric.aggregate(theirs)
    threshold = abs(scores[0] - scores[1]) - _slack(*scores)
    reached = int((np.abs(shuffled_differences(metric, ours, theirs, resamples, seed)) >= threshold).sum())
    return PairedComparison(
        metric=metric.name,
        test="paired-approximate-randomization",
        left=scores[0],
        right=scores[1],
        difference=scores[0] - scores[1],
        interval=None,
        p_value=(1 + reached) / (resamples + 1),
        n=len(ours),
        resamples=resamples,
        seed=seed,
    )


def shuffled_differences(
    metric: Resampled, left: Score | Statistics, right: Score | Statistics, resamples: int = 10_000, seed: int = SEED
) -> Values:
    """The differences (resamples,) of two systems after swapping each segment's outputs with probability one half.

    Arguments and errors as `paired_approximate_randomization`.
    """
    ours, theirs = _pair(metric, left, right)
    _check_settings(metric, len(ours), resamples, seed)
    both = np.concatenate([ours, theirs])
    blocks = []
    for kept in _shufflings(len(ours), resamples, seed):
        swapped = 1.0 - kept
        ours_now = metric.aggregate_many(both, np.hstack([kept, swapped]))
        blocks.append(ours_now - metric.aggregate_many(both, np.hstack([swapped, kept])))
    return np.concatenate(blocks)


def _bootstrap_counts(n: int, resamples: int, seed: int) -> Iterator[Counts]:
    """Counts (rows, n) of all resamples, some rows at a time; the rows do not depend on how many come at a time."""
    rng = np.random.default_rng(seed)
    for rows in _blocks(n, resamples):
        cells = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(cells.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _shufflings(n: int, resamples: int, seed: int) -> Iterator[Counts]:
    """1 where the segment keeps its place, 0 where it is swapped, some rows of (resamples, n) at a time."""
    # Drawn at once: numpy drops the unused bits at the end of a draw, so that blocks would be other shufflings.
    kept = np.random.default_rng(seed).integers(2, size=(resamples, n), dtype=bool)
    start = 0
    for rows in _blocks(2 * n, resamples):
        yield kept[start : start + rows].astype(np.float64)
        start += rows


def _blocks(columns: int, resamples: int) -> Iterator[int]:
    rows = max(1, _BLOCK_CELLS // columns)
    for start in range(0, resamples, rows):
        yield min(rows, resamples - start)


def _interval(
    metric: Resampled, value: float, values: Values, confidence: float, n: int, seed: int
) -> BootstrapInterval:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return BootstrapInterval(metric.name, value, float(low), float(high), confidence, n, len(values), seed)


def _slack(left: float, right: float) -> float:
    return _ROUNDING * max(1.0, abs(left), abs(right))


def _statistics(metric: Resampled, score: Score | Statistics) -> Statistics:
    statistics = score.statistics if isinstance(score, Score) else score
    if statistics.ndim != 2:
        raise MetricError(
            f"{metric.name}: expected statistics of shape (segments, k), found {statistics.shape}; "
            "pass `Score.statistics` as they are"
        )
    return statistics


def _pair(metric: Resampled, left: Score | Statistics, right: Score | Statistics) -> tuple[Statistics, Statistics]:
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
    return ours, theirs


def _check_settings(metric: Resampled, n: int, resamples: int, seed: int) -> None:
    if n < MIN_SEGMENTS:
        raise MetricError(
            f"{metric.name}: expected at least {MIN_SEGMENTS} segments to resample, found {n}; "
            "give the score without an interval or a test"
        )
    if resamples < 1 or seed < 0:
        raise MetricError(
            f"{metric.name}: expected at least one resample and a seed from 0 upward, found {resamples} resamples and "
            f"seed {seed}; choose others"
        )


def _check_confidence(metric: Resampled, resamples: int, confidence: float) -> None:
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
