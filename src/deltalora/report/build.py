"""Join the paper's table with the records of ours: values, effects and what a reader must know about them."""

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
from deltalora.results import RunRecord
from deltalora.results.table_request import Row, TableRequest

#: The method under test; each control of ours is compared with it.
SUBJECT_ROW = "delta_lora"

#: Unit of a score -> smallest value, largest value, and both in words.
_RANGES = {
    "fraction": (0.0, 1.0, "a fraction from 0 to 1"),
    "correlation": (-1.0, 1.0, "a correlation from -1 to 1"),
    "unbounded": (0.0, math.inf, "a number from 0"),
}
#: A correlation of equal lists may come out as 1 and an ulp.
_ROUNDING = 1e-9

#: Column -> seed -> value in the table's unit.
Values = dict[str, dict[int, float]]


def build_table(
    paper: PaperTable, request: TableRequest, records: Iterable[RunRecord], read: ReadSegments | None = None
) -> Table:
    """Join the paper's table with our records.

    Two effects are measured, both paired by seed: every row minus the reference row (the paper's claim), and
    Delta-LoRA minus every control (what is left of the claim once the control is matched).

    Args:
        paper: The paper's numbers.
        request: The rows, in the order to print, and their runs.
        records: Any records; exactly those with a row's run ids are used.
        read: Reads the segment statistics of a record, to compare rows over the test set's examples; without it the
            table has no such comparison.

    Raises:
        StoreError: The records may not be in one table; see `select_records`. Or a record's config lacks a key of its
            setting, or a score is in another unit than the table's column says. Or segment statistics are not those of
            the records; see `ExampleBootstrap`.
    """
    selected = select_records(records, request.rows)
    columns = paper.metrics if len(paper.parts) > 1 else (VALIDATION_LOSS, *paper.metrics)
    values = {row.row: _values(columns, paper.parts[0], selected.finished[row.row]) for row in request.rows}
    labels = {row.row: row.label for row in request.rows}
    departing = departures(selected.all_finished)
    bootstrap = ExampleBootstrap(columns, paper.parts, selected.finished, read) if read else None

    def effect(left: str, right: str) -> Effect:
        cells = {}
        for column in columns:
            ours, theirs = values[left][column.name], values[right][column.name]
            difference = paired_difference(ours, theirs)
            cells[column.name] = EffectCell(
                paper=_paper_effect(paper, column, left, right),
                ours=difference,
                over_seeds=seed_evidence(ours, theirs, column),
                over_examples=bootstrap.compare(column, left, right) if bootstrap and difference else None,
            )
        return Effect(left=labels[left], right=labels[right], cells=cells)

    reference = paper.reference_row
    measured = [row for row in labels if row != reference] if reference in labels else []
    effects = dict(zip(measured, adjust([effect(row, reference) for row in measured]), strict=True))
    controls = [row.row for row in request.rows if row.control] if SUBJECT_ROW in labels else []
    control_effects = adjust([effect(SUBJECT_ROW, control) for control in controls])
    families = [family(f"every row and column against {labels.get(reference, reference)}", list(effects.values()))]
    if control_effects:
        families.append(family(f"every column of {labels[SUBJECT_ROW]} against every control", control_effects))

    rows = []
    for row in request.rows:
        cells = _cells(paper, columns, row.row, values[row.row], comparable=not departing)
        rows.append(_row_result(row, paper, columns, values[row.row], cells, selected, effects.get(row.row)))
        # A row that the paper quotes is where the paper has it, below the authors' own run of the method.
        if row.row == reference:
            rows += [_quoted_row(one, paper, columns, row.label) for one in paper.rows if one.quoted]
    return Table(
        name=paper.name,
        title=paper.title,
        setting=paper.setting,
        reference=labels.get(reference, reference),
        parts=paper.parts,
        vary=paper.vary,
        columns=columns,
        settings=tuple(name for name in paper.printed if name in SETTINGS),
        rows=tuple(rows),
        control_effects=tuple(control_effects),
        unfinished=tuple(
            _unfinished(labels[row] if paper.vary else row, part, seed, record)
            for row, of_row in selected.unfinished.items()
            for part, of_part in of_row.items()
            for seed, record in of_part.items()
        ),
        departures=departing,
        notes=_notes(paper, selected),
        divergences=paper.divergences,
        provenance=trace(selected, paper.parts, request.scale, request.source, request.seeds),
        families=tuple(families),
    )


def _notes(paper: PaperTable, selected: Selected) -> tuple[str, ...]:
    notes = [row.parameter_note for row in paper.rows if row.parameter_note and row.row in selected.finished]
    for part in paper.parts:
        of_part = {row: list(of.get(part, {}).values()) for row, of in selected.finished.items()}
        one_of_each = {row: records[0] for row, records in of_part.items() if records}
        if (dropout := dropout_note(paper.reference_row, one_of_each)) is not None:
            notes.append(dropout)
    return (*dict.fromkeys(notes), *paper.notes)


def _values(columns: Sequence[MetricColumn], only_part: str, records: Mapping[str, Mapping[int, RunRecord]]) -> Values:
    """Return the values of one row; a metric that a run did not compute is left out for its seed."""
    values: Values = {}
    for column in columns:
        if not column.mean_of:
            found = {seed: _value(column, one) for seed, one in records.get(column.part or only_part, {}).items()}
            values[column.name] = {seed: value for seed, value in found.items() if value is not None}
    for column in columns:
        if column.mean_of:
            terms = [values[name] for name in column.mean_of]
            common = sorted(set.intersection(*(set(term) for term in terms)))
            values[column.name] = {seed: math.fsum(term[seed] for term in terms) / len(terms) for seed in common}
    return values


def _value(column: MetricColumn, record: RunRecord) -> float | None:
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
            f"fix the metric's unit and score the run again"
        )
    return column.factor * value


def _cells(
    paper: PaperTable, columns: Sequence[MetricColumn], row: str, values: Values, *, comparable: bool
) -> dict[str, Cell]:
    printed = paper.scores(row)
    cells = {}
    for column in columns:
        number, of_seeds = printed.get(column.name), list(values[column.name].values())
        ours = summarise(of_seeds) if of_seeds else None
        difference = ours.mean - float(number) if comparable and ours is not None and number is not None else None
        interval = ours.interval if ours is not None and difference is not None else None
        inside = interval.low <= number <= interval.high if interval is not None and number is not None else None
        cells[column.name] = Cell(number, ours, difference, inside)
    return cells


def _row_result(
    row: Row,
    paper: PaperTable,
    columns: Sequence[MetricColumn],
    values: Values,
    cells: dict[str, Cell],
    selected: Selected,
    effect: Effect | None,
) -> RowResult:
    finished, printed = selected.finished[row.row], paper.printed_in(row.row)
    parts = {}
    for name in row.parts:
        own = [column.name for column in columns if not column.mean_of and (column.part or paper.parts[0]) == name]
        of_part = {column: values[column] for column in own}
        parts[name] = _part_result(row, name, of_part, finished[name], selected.unfinished[row.row][name])
    record = next((record for records in finished.values() for record in records.values()), None)
    return RowResult(
        label=row.label,
        row=row.row,
        control=row.control,
        in_paper=paper.row(row.row) is not None,
        quoted=None,
        remark=row.remark,
        paper_parameters=_paper_parameters(paper, row.row),
        settings={
            name: Setting(printed.get(name), None if record is None else setting(record, name))
            for name in paper.printed
            if name in SETTINGS
        },
        parts=parts,
        computed={column.name: dict(values[column.name]) for column in columns if column.mean_of},
        cells=cells,
        effect=effect,
    )


def _part_result(
    row: Row, part: str, values: Values, finished: Mapping[int, RunRecord], unfinished: Mapping[int, RunRecord]
) -> PartResult:
    requested = row.parts[part]
    counted = {record.parameters: record.run_id for record in finished.values() if record.parameters is not None}
    if len(counted) > 1:
        raise StoreError(
            f"runs {' and '.join(counted.values())}: expected the same number of parameters for every seed, "
            f"found {' and '.join(map(str, counted))}; run the row again into a new runtime.results_dir"
        )
    counts = next(iter(counted), None)
    return PartResult(
        config_id=requested.config_id,
        seeds_asked=tuple(sorted(requested.run_ids)),
        seeds={
            seed: SeedResult(record.run_id, {name: of[seed] for name, of in values.items() if seed in of})
            for seed, record in finished.items()
        },
        unfinished=tuple(unfinished),
        not_run=tuple(sorted(requested.run_ids.keys() - finished.keys() - unfinished.keys())),
        trainable=counts.trainable if counts else None,
        extra_updatable=counts.extra_updatable if counts else None,
        head=counts.head if counts else None,
    )


def _quoted_row(row: PaperRow, paper: PaperTable, columns: Sequence[MetricColumn], reference: str) -> RowResult:
    """Return a row of the paper that no run of ours can have: its numbers are quoted from elsewhere."""
    effects = {
        column.name: EffectCell(_paper_effect(paper, column, row.row, paper.reference_row), None) for column in columns
    }
    return RowResult(
        label=row.label,
        row=row.row,
        control=False,
        in_paper=True,
        quoted=row.quoted,
        remark="",
        paper_parameters=_paper_parameters(paper, row.row),
        settings={},
        parts={},
        computed={},
        cells={column.name: Cell(paper.scores(row.row).get(column.name), None, None) for column in columns},
        effect=Effect(left=f"{row.label}, quoted", right=reference, cells=effects),
    )


def _paper_effect(paper: PaperTable, column: MetricColumn, left: str, right: str) -> Decimal | None:
    minuend, subtrahend = (paper.scores(row).get(column.name) for row in (left, right))
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def _paper_parameters(paper: PaperTable, row: str) -> str | None:
    """Return '0.375M + 48M' as printed; None where the table has no such columns."""
    printed = paper.printed_in(row)
    return " + ".join(printed[name] for name in ("trainable", "extra_updatable") if name in printed) or None


def _unfinished(row: str, part: str, seed: int, record: RunRecord) -> UnfinishedRun:
    reason = f"{record.error.type}: {record.error.message}" if record.error else "no reason recorded"
    return UnfinishedRun(row, part, seed, record.run_id, record.status, one_line(reason))
