"""Two rows of a table compared over the examples of the test set: one paired bootstrap for all seeds together.

A resample draws examples with replacement and takes both rows' outputs for them, of every seed the rows have in common;
its statistic is the mean over the seeds of left - right. The same examples are drawn for every seed, row and metric, so
that what an easy example does to all of them stays in. (Resampling each seed alone would make an example that is
hard under all seeds look like several; and joining the seeds' p values by Fisher's or Stouffer's rule would take tests
on one and the same test set for independent ones.)

It says how far the difference would move had other examples of the same kind been drawn, with the outputs of exactly
these trained models. Of models trained from other seeds it says nothing: that is `SeedEvidence`. No text is read, no
metric counts anything and no Java is started: segment statistics kept beside the records are summed.
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
    """One column of one run in the table's unit.

    Attributes:
        value: On all examples.
        resampled: On every resample.
        examples: Number of examples.
    """

    value: float
    resampled: Values
    examples: int


def kept_segments(record: RunRecord, folder: Path) -> Segments | None:
    """Read the segment statistics in a run's folder; None if the run has none, or they are not kept with its record.

    Raises:
        StoreError: The file is there and is not the recorded one.
    """
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
        """Reads and resamples.

        Args:
            columns: Of the table.
            parts: Of the table.
            finished: Row -> part -> seed -> record.
            read: Reads a record's segment statistics.
            resamples: At most; see `_resamples`.

        Raises:
            StoreError: Segment statistics cover other examples than those of the other runs of the same experiment,
                or do not give the recorded score; or the runs' metrics differ in signature.
        """
        self._columns = {column.name: column for column in columns}
        self._only_part = parts[0]
        self._finished = finished
        self._most = resamples
        self._series: dict[tuple[str, str], _Series] = {}
        self._too_few: set[tuple[str, str]] = set()
        for place, part in enumerate(parts):
            of_part = {record.run_id: record for row in finished.values() for record in row.get(part, {}).values()}
            segments = {run_id: kept for run_id, record in of_part.items() if (kept := read(record)) is not None}
            runs = {run_id: of_part[run_id] for run_id in segments}
            scores = {one.score for one in columns if self._is_read(one) and (one.part or parts[0]) == part}
            for score in sorted(scores):
                for run_id, record in runs.items():
                    _check_recorded(record, score, segments[run_id])
                _check_alike(score, runs, segments)
            # Else test sets of equal size would get the same draws, as if their examples had to do with each other.
            self._resample(part, runs, segments, scores, SEED + place)

    def compare(self, column: MetricColumn, left: str, right: str) -> ExampleComparison | NoComparison:
        """Left minus right over the examples, on the seeds both have; `p_holm` is not known yet.

        Args:
            column: Of the table.
            left: Row.
            right: Row.
        """
        if column == VALIDATION_LOSS:
            return NoComparison(NO_SCORE)
        sides = [self._of_row(column, row) for row in (left, right)]
        seeds = sorted(sides[0].keys() & sides[1].keys())
        if not seeds:
            return NoComparison(self._reason(column, left, right))
        ours, theirs = ([side[seed] for seed in seeds] for side in sides)
        size = min(len(one.resampled) for one in (*ours, *theirs))
        resampled = np.mean(
            [one.resampled[:size] - other.resampled[:size] for one, other in zip(ours, theirs, strict=True)], axis=0
        )
        means = [float(np.mean([one.value for one in side])) for side in (ours, theirs)]
        low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return ExampleComparison(
            seeds=tuple(seeds),
            examples=ours[0].examples,
            difference=means[0] - means[1],
            interval=Interval(float(low), float(high)),
            p_value=two_sided_p(resampled, means[0], means[1]),
            p_holm=None,
            resamples=size,
        )

    def _is_read(self, column: MetricColumn) -> bool:
        return column != VALIDATION_LOSS and not column.mean_of

    def _resample(
        self,
        part: str,
        runs: Mapping[str, RunRecord],
        segments: Mapping[str, Segments],
        scores: set[str],
        seed: int,
    ) -> None:
        """Fills the series of one experiment; all runs of one size are resampled in one go."""
        groups: dict[int, dict[tuple[str, str], tuple[Metric, Statistics]]] = {}
        for run_id, record in runs.items():
            for score in scores & segments[run_id].statistics.keys():
                statistics = segments[run_id].statistics[score]
                metric = metric_of_score(part, score)
                _check_value(record, score, metric.aggregate(statistics))
                if len(statistics) < MIN_SEGMENTS:
                    self._too_few.add((run_id, score))
                    continue
                groups.setdefault(_resamples(self._most, metric, len(statistics)), {})[run_id, score] = (
                    metric,
                    statistics,
                )
        for resamples, scored in groups.items():
            for n in sorted({len(statistics) for _, statistics in scored.values()}):
                same = {key: one for key, one in scored.items() if len(one[1]) == n}
                for (run_id, score), values in bootstrap_values_of_all(same, resamples, seed).items():
                    value = runs[run_id].scores[score].value
                    self._series[run_id, score] = _Series(value, values, n)

    def _of_row(self, column: MetricColumn, row: str) -> dict[int, _Series]:
        """Seed -> the row's series of a column, in the table's unit; only seeds that have one."""
        if column.mean_of:
            terms = [self._of_row(self._columns[name], row) for name in column.mean_of]
            common = set.intersection(*(set(term) for term in terms))
            return {seed: _mean([term[seed] for term in terms]) for seed in common}
        records = self._finished[row].get(column.part or self._only_part, {})
        found = {seed: self._series.get((record.run_id, column.score)) for seed, record in records.items()}
        return {
            seed: _Series(column.factor * one.value, column.factor * one.resampled, one.examples)
            for seed, one in found.items()
            if one is not None
        }

    def _reason(self, column: MetricColumn, left: str, right: str) -> str:
        """Why two rows have no common series."""
        read = [self._columns[name] for name in column.mean_of] or [column]
        of_sides = [[self._finished[row].get(one.part or self._only_part, {}) for one in read] for row in (left, right)]
        if any(not (ours.keys() & theirs.keys()) for ours, theirs in zip(*of_sides, strict=True)):
            return NO_COMMON_SEED
        keys = {
            (record.run_id, one.score)
            for side in of_sides
            for records, one in zip(side, read, strict=True)
            for record in records.values()
        }
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


def _check_alike(score: str, runs: Mapping[str, RunRecord], segments: Mapping[str, Segments]) -> None:
    """Refuse runs whose rows of a score are not of the same examples in the same order, under the same signature."""
    having = [run_id for run_id in runs if score in segments[run_id].statistics]
    for run_id in having:
        first = having[0]
        if segments[run_id].ids_of(score) != segments[first].ids_of(score):
            raise StoreError(
                f"runs {first} and {run_id}: expected segment statistics of {score} of the same examples in the same "
                "order, found others; run the table on one test set into a new runtime.results_dir"
            )
        signatures = [runs[one].scores[score].signature for one in (first, run_id)]
        if len(set(signatures)) > 1:
            raise StoreError(
                f"runs {first} and {run_id}: expected {score} under one signature, found {' and '.join(signatures)}; "
                "score both with the same settings and versions"
            )


def _check_recorded(record: RunRecord, score: str, segments: Segments) -> None:
    """Refuse segment statistics of a score the record does not have, or the other way round."""
    recorded, kept = score in record.scores, score in segments.statistics
    if recorded != kept:
        raise StoreError(
            f"run {record.run_id}: expected {score} in the record as in its segment statistics, found it in "
            f"{'the record' if recorded else 'the statistics'} alone; restore the run's files or run again"
        )


def _check_value(record: RunRecord, score: str, found: float) -> None:
    recorded = record.scores[score].value
    if abs(found - recorded) > _ROUNDING * max(1.0, abs(recorded)):
        raise StoreError(
            f"run {record.run_id}: expected segment statistics that give {score} = {recorded} as recorded, "
            f"found {found}; restore the run's files or run again"
        )
