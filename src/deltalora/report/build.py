"""Joining the paper's table with the records of ours: values, effects and what a reader must know of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from deltalora.errors import StoreError, one_line
from deltalora.report.departures import SETTINGS, departures, dropout_note, setting
from deltalora.report.example_tests import ExampleBootstrap, ReadSegments
from deltalora.report.paper import MetricColumn, PaperRow, PaperTable
from deltalora.report.provenance import trace
from deltalora.report.seed_tests import adjust, family, seed_evidence
from deltalora.report.selection import Selected, select_records
from deltalora.report.statistics import paired_difference, summarise
from deltalora.report.table import (
    VALIDATION_LOSS,
    Cell,
    Effect,
    EffectCell,
    PartResult,
    RowResult,
    SeedResult,
    Setting,
    Table,
    UnfinishedRun,
)
from deltalora.results import Parameters, RunRecord
from deltalora.results.table_request import Row, Runs, TableRequest

#: The method under test; each control of ours is set against it.
SUBJECT_ROW = "delta_lora"

#: Unit of a score -> smallest value, largest value, and both in words.
_RANGES = {
    "fraction": (0.0, 1.0, "a fraction from 0 to 1"),
    "correlation": (-1.0, 1.0, "a correlation from -1 to 1"),
    "unbounded": (0.0, math.inf, "a number from 0"),
}
#: A correlation of equal lists may come out as 1 and an ulp.
_ROUNDING = 1e-9


def build_table(
    paper_table: PaperTable,
    request: TableRequest,
    records: Iterable[RunRecord],
    read: ReadSegments | None = None,
) -> Table:
    """Join the paper's table with our records.

    Two effects are measured, both paired by seed: every row minus the reference row (the paper's claim), and
    Delta-LoRA minus every control (what is left of the claim once the control is matched).

    Args:
        paper_table: The paper's numbers.
        request: The rows, in the order to print, and their runs.
        records: Any records; exactly those with a row's run ids are used.
        read: Reads the segment statistics of a record, to compare rows over the test set's examples; without it the
            table has no such comparison.

    Raises:
        StoreError: The records may not be in one table; see `select_records`. Or a record's config lacks a key of its
            setting, or a score is in another unit than the table's column says. Or segment statistics are not those of
            the records; see `ExampleBootstrap`.
    """
    rows = request.rows
    selected = select_records(records, rows)
    parts = paper_table.parts
    columns = paper_table.metrics if len(parts) > 1 else (VALIDATION_LOSS, *paper_table.metrics)
    values = {row.row: _values_by_seed(columns, parts[0], selected.finished[row.row]) for row in rows}
    labels = {row.row: row.label for row in rows}
    departing = departures(selected.all_finished)

    bootstrap = ExampleBootstrap(columns, parts, selected.finished, read) if read else None

    def effect(left: str, right: str) -> Effect:
        return _effect(labels, columns, values, paper_table, left, right, bootstrap)

    reference = paper_table.reference_row
    measured = [row.row for row in rows if row.row != reference] if reference in values else []
    effects = dict(zip(measured, adjust([effect(row, reference) for row in measured]), strict=True))
    results = []
    for row in rows:
        results.append(
            _row_result(
                row,
                paper_table,
                columns,
                values[row.row],
                selected,
                comparable=not departing,
                effect=effects.get(row.row),
            )
        )
        # A row that the paper quotes stands where the paper has it, below the authors' own run of the method.
        if row.row == reference:
            results += [_quoted_row(one, paper_table, columns, row.label) for one in paper_table.rows if one.quoted]
    controls = [row for row in rows if row.control] if SUBJECT_ROW in values else []
    control_effects = adjust([effect(SUBJECT_ROW, control.row) for control in controls])
    families = [family(f"every row and column against {labels.get(reference, reference)}", list(effects.values()))]
    if control_effects:
        families.append(family(f"every column of {labels[SUBJECT_ROW]} against every control", control_effects))
    return Table(
        name=paper_table.name,
        title=paper_table.title,
        setting=paper_table.setting,
        reference=labels.get(reference, reference),
        parts=parts,
        vary=paper_table.vary,
        columns=columns,
        settings=tuple(name for name in paper_table.printed if name in SETTINGS),
        rows=tuple(results),
        control_effects=tuple(control_effects),
        unfinished=tuple(
            _unfinished(labels[row] if paper_table.vary else row, part, seed, record)
            for row, of_row in selected.unfinished.items()
            for part, of_part in of_row.items()
            for seed, record in of_part.items()
        ),
        departures=departing,
        notes=_notes(paper_table, selected),
        divergences=paper_table.divergences,
        provenance=trace(selected, parts, request.scale, request.source, request.seeds),
        families=tuple(families),
    )


def _notes(paper_table: PaperTable, selected: Selected) -> tuple[str, ...]:
    notes = [row.parameter_note for row in paper_table.rows if row.parameter_note and row.row in selected.finished]
    for part in paper_table.parts:
        of_part = {row: list(of.get(part, {}).values()) for row, of in selected.finished.items()}
        one_of_each = {row: records[0] for row, records in of_part.items() if records}
        if (dropout := dropout_note(paper_table.reference_row, one_of_each)) is not None and dropout not in notes:
            notes.append(dropout)
    return (*notes, *paper_table.notes)


def _values_by_seed(
    columns: Sequence[MetricColumn], only_part: str, records: Mapping[str, Mapping[int, RunRecord]]
) -> dict[str, dict[int, float]]:
    """Column -> seed -> value in the table's unit; a metric a run did not compute is left out for its seed."""
    values: dict[str, dict[int, float]] = {}
    for column in columns:
        if not column.mean_of:
            of_part = records.get(column.part or only_part, {})
            found = {seed: _value(column, record) for seed, record in of_part.items()}
            values[column.name] = {seed: value for seed, value in found.items() if value is not None}
    for column in columns:
        if column.mean_of:
            terms = [values[name] for name in column.mean_of]
            common = sorted(set.intersection(*(set(term) for term in terms)))
            values[column.name] = {seed: math.fsum(term[seed] for term in terms) / len(terms) for seed in common}
    return values


def _value(column: MetricColumn, record: RunRecord) -> float | None:
    """The column's value of one run in the table's unit; None if the run has no such number."""
    if column == VALIDATION_LOSS:
        return record.validation.get("loss")
    if column.score not in record.scores:
        return None
    value = record.scores[column.score].value
    # A percentage taken for a fraction would be printed as a hundredfold score.
    low, high, text = _RANGES[column.unit]
    if not low - _ROUNDING <= value <= high + _ROUNDING:
        raise StoreError(
            f"run {record.run_id}: expected {column.score} as {text}, found {value}; "
            f"mend the metric's unit and score the run again"
        )
    return column.factor * value


def _row_result(
    row: Row,
    paper_table: PaperTable,
    columns: Sequence[MetricColumn],
    values: Mapping[str, Mapping[int, float]],
    selected: Selected,
    *,
    comparable: bool,
    effect: Effect | None,
) -> RowResult:
    paper = paper_table.row(row.row)
    printed_scores = paper_table.scores(row.row)
    cells = {}
    for column in columns:
        printed = printed_scores.get(column.name)
        ours = summarise(list(values[column.name].values())) if values[column.name] else None
        difference = ours.mean - float(printed) if comparable and ours is not None and printed is not None else None
        interval = ours.interval if ours is not None and difference is not None else None
        inside = interval.low <= printed <= interval.high if interval is not None and printed is not None else None
        cells[column.name] = Cell(paper=printed, ours=ours, difference=difference, paper_in_interval=inside)
    parts = {}
    for name, part in row.parts.items():
        own = [column for column in columns if not column.mean_of and (column.part or paper_table.parts[0]) == name]
        finished, unfinished = selected.finished[row.row][name], selected.unfinished[row.row][name]
        parts[name] = _part_result(part, {column.name: values[column.name] for column in own}, finished, unfinished)
    return RowResult(
        label=row.label,
        row=row.row,
        control=row.control,
        in_paper=paper is not None,
        quoted=None,
        remark=row.remark,
        paper_parameters=_paper_parameters(paper_table, row.row),
        settings=_settings(paper_table, row.row, selected),
        parts=parts,
        computed={column.name: dict(values[column.name]) for column in columns if column.mean_of},
        cells=cells,
        effect=effect,
    )


def _quoted_row(row: PaperRow, paper_table: PaperTable, columns: Sequence[MetricColumn], reference: str) -> RowResult:
    """A row of the paper that no run of ours can have: its numbers are quoted from elsewhere."""
    scores = paper_table.scores(row.row)
    effects = {
        column.name: EffectCell(paper=_paper_effect(paper_table, column, row.row, paper_table.reference_row), ours=None)
        for column in columns
    }
    return RowResult(
        label=row.label,
        row=row.row,
        control=False,
        in_paper=True,
        quoted=row.quoted,
        remark="",
        paper_parameters=_paper_parameters(paper_table, row.row),
        settings={},
        parts={},
        computed={},
        cells={column.name: Cell(paper=scores.get(column.name), ours=None, difference=None) for column in columns},
        effect=Effect(left=f"{row.label}, quoted", right=reference, cells=effects),
    )


def _settings(paper_table: PaperTable, row: str, selected: Selected) -> dict[str, Setting]:
    """The row's hyper-parameters that the table prints, and those of our runs."""
    printed = paper_table.printed_in(row)
    of_row = selected.finished[row].values()
    record = next((record for records in of_row for record in records.values()), None)
    return {
        name: Setting(printed.get(name), None if record is None else setting(record, name))
        for name in paper_table.printed
        if name in SETTINGS
    }


def _part_result(
    part: Runs,
    values: Mapping[str, Mapping[int, float]],
    finished: Mapping[int, RunRecord],
    unfinished: Mapping[int, RunRecord],
) -> PartResult:
    counts = _parameter_counts(finished.values())
    return PartResult(
        config_id=part.config_id,
        seeds_asked=tuple(sorted(part.run_ids)),
        seeds={
            seed: SeedResult(record.run_id, {name: of[seed] for name, of in values.items() if seed in of})
            for seed, record in finished.items()
        },
        unfinished=tuple(unfinished),
        not_run=tuple(sorted(part.run_ids.keys() - finished.keys() - unfinished.keys())),
        trainable=counts.trainable if counts else None,
        extra_updatable=counts.extra_updatable if counts else None,
        head=counts.head if counts else None,
    )


def _effect(
    labels: Mapping[str, str],
    columns: Sequence[MetricColumn],
    values: Mapping[str, Mapping[str, Mapping[int, float]]],
    paper_table: PaperTable,
    left: str,
    right: str,
    bootstrap: ExampleBootstrap | None,
) -> Effect:
    cells = {}
    for column in columns:
        ours, theirs = values[left][column.name], values[right][column.name]
        difference = paired_difference(ours, theirs)
        cells[column.name] = EffectCell(
            paper=_paper_effect(paper_table, column, left, right),
            ours=difference,
            over_seeds=seed_evidence(ours, theirs, column),
            over_examples=bootstrap.compare(column, left, right) if bootstrap and difference else None,
        )
    return Effect(left=labels[left], right=labels[right], cells=cells)


def _paper_effect(paper_table: PaperTable, column: MetricColumn, left: str, right: str) -> Decimal | None:
    minuend, subtrahend = (paper_table.scores(row).get(column.name) for row in (left, right))
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def _paper_parameters(paper_table: PaperTable, row: str) -> str | None:
    """'0.375M + 48M' as printed; None where the table has no such columns."""
    printed = paper_table.printed_in(row)
    counts = [printed[name] for name in ("trainable", "extra_updatable") if name in printed]
    return " + ".join(counts) or None


def _parameter_counts(records: Iterable[RunRecord]) -> Parameters | None:
    counts = {record.parameters: record.run_id for record in records if record.parameters is not None}
    if len(counts) > 1:
        raise StoreError(
            f"runs {' and '.join(counts.values())}: expected the same number of parameters for every seed, "
            f"found {' and '.join(str(found) for found in counts)}; run the row again into a new runtime.results_dir"
        )
    return next(iter(counts), None)


def _unfinished(row: str, part: str, seed: int, record: RunRecord) -> UnfinishedRun:
    reason = f"{record.error.type}: {record.error.message}" if record.error else "no reason recorded"
    return UnfinishedRun(
        row=row, part=part, seed=seed, run_id=record.run_id, status=record.status, reason=one_line(reason)
    )
