"""Two rows of a table compared over the examples of the test set: one paired bootstrap for all seeds together.

A resample draws examples with replacement and takes both rows' outputs for them, of every seed the rows have in common;
its statistic is the mean over the seeds of left - right. The same examples are drawn for every seed, row and metric, so
that what an easy example does to all of them stays in. (Resampling each seed alone would make an example that is hard
under all seeds look like several; joining the seeds' p values would take tests on one test set for independent ones.)

It says how far the difference would move had other examples of the same kind been drawn, with the outputs of exactly
these trained models; nothing of models trained from other seeds. Only kept segment statistics are summed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deltalora.errors import StoreError
from deltalora.metrics.base import Metric, Statistics, Values
from deltalora.metrics.experiments import is_slow, metric_of_score
from deltalora.metrics.resampling import MIN_SEGMENTS, SEED, bootstrap_values_of_all, two_sided_p
from deltalora.report.paper import MetricColumn
from deltalora.report.selection import Records
from deltalora.report.statistics import CONFIDENCE, Interval
from deltalora.report.table import VALIDATION_LOSS, ExampleComparison, NoComparison
from deltalora.results import RunRecord, Segments, read_segments

#: Reads the segment statistics of a record; None where there are none.
ReadSegments = Callable[[RunRecord], Segments | None]

NO_SEGMENTS = "no segment statistics"
NO_SCORE = "no score of examples"
TOO_FEW = f"fewer than {MIN_SEGMENTS} examples"
NO_COMMON_SEED = "no common seed"

#: Resamples of any test set, unless fewer are requested.
_LEAST = 1_000
#: Resamples times examples, above which a test set gets fewer.
_CELLS = 60_000_000
#: The kept statistics give the recorded score but for the order of a sum.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class _Series:
    """One column of one run in the table's unit: on all examples, and on every resample of them."""

    value: float
    resampled: Values
    examples: int


def kept_segments(record: RunRecord, folder: Path) -> Segments | None:
    """Read the segment statistics in a run's folder: None if there are none, a `StoreError` if not those recorded."""
    if record.segments is None or not (folder / record.segments.file).is_file():
        return None
    return read_segments(folder, record.segments)


class ExampleBootstrap:
    """Every run's scores on shared resamples of the test sets, computed once, and comparisons of rows made of them.

    The experiments of a table have test sets of their own, which are resampled independently of each other; a column
    that is a mean of others is the mean of theirs.
    """

    def __init__(
        self,
        columns: Sequence[MetricColumn],
        parts: Sequence[str],
        finished: Records,
        read: ReadSegments,
        resamples: int = 10_000,
    ) -> None:
        """Reads and resamples, at most so often.

        Raises:
            StoreError: Segment statistics cover other examples than those of the other runs of the same experiment,
                or do not give the recorded score; or the runs' metrics differ in signature.
        """
        self._columns = {column.name: column for column in columns}
        self._only_part = parts[0]
        self._finished = finished
        self._series: dict[tuple[str, str], _Series] = {}
        self._too_few: set[tuple[str, str]] = set()
        measured = [column for column in columns if column != VALIDATION_LOSS and not column.mean_of]
        for place, part in enumerate(parts):
            records = {record.run_id: record for row in finished.values() for record in row.get(part, {}).values()}
            runs = [(record, kept) for record in records.values() if (kept := read(record)) is not None]
            scores = {column.score for column in measured if (column.part or parts[0]) == part}
            for score in sorted(scores):
                _check(part, score, runs)
            # A seed per test set: those of equal size would otherwise share resamples.
            self._resample(part, scores, runs, resamples, SEED + place)

    def compare(self, column: MetricColumn, left: str, right: str) -> ExampleComparison | NoComparison:
        """Left minus right row over the examples, on the seeds both have; `p_holm` is not known yet."""
        if column == VALIDATION_LOSS:
            return NoComparison(NO_SCORE)
        ours, theirs = self._of_row(column, left), self._of_row(column, right)
        seeds = sorted(ours.keys() & theirs.keys())
        if not seeds:
            return NoComparison(self._reason(column, left, right))
        pairs = [(ours[seed], theirs[seed]) for seed in seeds]
        size = min(len(one.resampled) for pair in pairs for one in pair)
        resampled = np.mean([one.resampled[:size] - other.resampled[:size] for one, other in pairs], axis=0)
        means = [float(np.mean([one.value for one in side])) for side in zip(*pairs, strict=True)]
        low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return ExampleComparison(
            seeds=tuple(seeds),
            examples=pairs[0][0].examples,
            difference=means[0] - means[1],
            interval=Interval(float(low), float(high)),
            p_value=two_sided_p(resampled, means[0], means[1]),
            p_holm=None,
            resamples=size,
        )

    def _resample(
        self, part: str, scores: set[str], runs: Sequence[tuple[RunRecord, Segments]], most: int, seed: int
    ) -> None:
        """Fill the series of one experiment; all scores of one size are resampled in one go."""
        groups: dict[tuple[int, int], dict[tuple[str, str], tuple[Metric, Statistics]]] = {}
        values = {}
        for record, segments in runs:
            for score in scores & segments.statistics.keys():
                key, metric, statistics = (
                    (record.run_id, score),
                    metric_of_score(part, score),
                    segments.statistics[score],
                )
                n = len(statistics)
                if n < MIN_SEGMENTS:
                    self._too_few.add(key)
                    continue
                values[key] = record.scores[score].value
                groups.setdefault((n, _resamples(most, metric, n)), {})[key] = (metric, statistics)
        for (n, resamples), scored in groups.items():
            for key, resampled in bootstrap_values_of_all(scored, resamples, seed).items():
                self._series[key] = _Series(values[key], resampled, n)

    def _records(self, column: MetricColumn, row: str) -> Mapping[int, RunRecord]:
        return self._finished[row].get(column.part or self._only_part, {})

    def _of_row(self, column: MetricColumn, row: str) -> dict[int, _Series]:
        """Seed -> the row's series of a column, in the table's unit; only seeds that have one."""
        if column.mean_of:
            terms = [self._of_row(self._columns[name], row) for name in column.mean_of]
            return {seed: _mean([term[seed] for term in terms]) for seed in set.intersection(*map(set, terms))}
        found = {seed: self._series.get((one.run_id, column.score)) for seed, one in self._records(column, row).items()}
        return {
            seed: _Series(column.factor * one.value, column.factor * one.resampled, one.examples)
            for seed, one in found.items()
            if one is not None
        }

    def _reason(self, column: MetricColumn, left: str, right: str) -> str:
        """Why two rows have no common series."""
        keys: set[tuple[str, str]] = set()
        for one in [self._columns[name] for name in column.mean_of] or [column]:
            ours, theirs = self._records(one, left), self._records(one, right)
            if not ours.keys() & theirs.keys():
                return NO_COMMON_SEED
            keys |= {(record.run_id, one.score) for record in (*ours.values(), *theirs.values())}
        return TOO_FEW if keys & self._too_few else NO_SEGMENTS


def _mean(terms: Sequence[_Series]) -> _Series:
    size = min(len(term.resampled) for term in terms)
    return _Series(
        float(np.mean([term.value for term in terms])),
        np.mean([term.resampled[:size] for term in terms], axis=0),
        sum(term.examples for term in terms),
    )


def _resamples(most: int, metric: Metric, n: int) -> int:
    """Of 10,000 the smallest p value is 0.0002, which Holm's correction over a table of 100 tests leaves below 0.05.

    Large test sets get fewer, as do metrics that have to build each resample.
    """
    return min(most, _LEAST) if is_slow(metric) else min(most, max(_LEAST, _CELLS // n))


def _check(part: str, score: str, runs: Sequence[tuple[RunRecord, Segments]]) -> None:
    """Refuse segment statistics that are not the record's, or not of the same examples under the same signature."""
    for record, segments in runs:
        recorded, kept = score in record.scores, score in segments.statistics
        if recorded != kept:
            raise StoreError(
                f"run {record.run_id}: expected {score} in the record as in its segment statistics, found it in "
                f"{'the record' if recorded else 'the statistics'} alone; restore the run's files or run again"
            )
    having = [(record, segments) for record, segments in runs if score in record.scores]
    for record, segments in having:
        first, first_segments = having[0]
        if segments.ids_of(score) != first_segments.ids_of(score):
            raise StoreError(
                f"runs {first.run_id} and {record.run_id}: expected segment statistics of {score} of the same examples "
                "in the same order, found others; run the table on one test set into a new runtime.results_dir"
            )
        signatures = [one.scores[score].signature for one in (first, record)]
        if len(set(signatures)) > 1:
            raise StoreError(
                f"runs {first.run_id} and {record.run_id}: expected {score} under one signature, found "
                f"{' and '.join(signatures)}; score both with the same settings and versions"
            )
        found = metric_of_score(part, score).aggregate(segments.statistics[score])
        value = record.scores[score].value
        if abs(found - value) > _ROUNDING * max(1.0, abs(value)):
            raise StoreError(
                f"run {record.run_id}: expected segment statistics that give {score} = {value} as recorded, "
                f"found {found}; restore the run's files or run again"
            )
