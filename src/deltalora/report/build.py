"""Join the paper's table with the records of ours: values, effects and what a reader must know about them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from deltalora.errors import StoreError, one_line
from deltalora.report.example_tests import ExampleBootstrap, ReadSegments
from deltalora.report.paper import MetricColumn, PaperTable
from deltalora.report.provenance import SETTINGS, departures, dropout_note, setting, trace
from deltalora.report.selection import Selected, select_records
from deltalora.report.statistics import holm, paired_difference, seed_evidence, summarise
from deltalora.report.table import (
    VALIDATION_LOSS,
    Cell,
    Effect,
    EffectCell,
    Family,
    PartResult,
    RowResult,
    SeedResult,
    Setting,
    Table,
    UnfinishedRun,
)
from deltalora.results import RunRecord
from deltalora.results.table_request import Row, Runs, TableRequest

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
Values = Mapping[str, dict[int, float]]


def build_table(
    paper: PaperTable, request: TableRequest, records: Iterable[RunRecord], read: ReadSegments | None = None
) -> Table:
    """Join the paper's table with those of our records that the request names.

    Two effects are measured, both paired by seed: every row minus the reference row (the paper's claim), and
    Delta-LoRA minus every control (what is left of the claim once the control is matched). With `read`, which reads the
    segment statistics of a record, rows are compared over the test set's examples as well.

    Raises:
        StoreError: The records may not be in one table; see `select_records`. Or a record's config lacks a key of its
            setting, or a score is in another unit than the table's column says. Or segment statistics are not those of
            the records; see `ExampleBootstrap`.
    """
    selected = select_records(records, request.rows)
    paper = paper.of(next(iter(request.rows[0].parts)))
    columns = paper.metrics if len(paper.parts) > 1 else (VALIDATION_LOSS, *paper.metrics)
    values = {row.row: _values(columns, paper.parts[0], selected.finished[row.row]) for row in request.rows}
    labels = {row.row: row.label for row in request.rows}
    departing = departures(selected.all_finished)
    # An experiment beyond the paper has no metrics in the look-up that resamples.
    bootstrap = ExampleBootstrap(columns, paper.parts, selected.finished, read) if read and paper.rows else None

    def effect(left: str, right: str) -> Effect:
        cells = {}
        for column in columns:
            ours, theirs = values[left][column.name], values[right][column.name]
            difference = paired_difference(ours, theirs)
            cells[column.name] = EffectCell(
                paper=_paper_effect(paper, column, left, right),
                ours=difference,
                over_seeds=seed_evidence(ours, theirs, higher_is_better=column.higher_is_better),
                over_examples=bootstrap.compare(column, left, right) if bootstrap and difference else None,
            )
        return Effect(labels[left], labels[right], cells)

    reference, reference_label = paper.reference_row, labels.get(paper.reference_row, paper.reference_row)
    measured = [row for row in labels if row != reference] if reference in labels else []
    controls = [row.row for row in request.rows if row.control] if SUBJECT_ROW in labels else []
    across = f"every row and column against {reference_label}"
    row_effects, family = _adjust([effect(row, reference) for row in measured], across)
    effects = dict(zip(measured, row_effects, strict=True))
    families, control_effects = [family], list[Effect]()
    if controls:
        across = f"every column of {labels[SUBJECT_ROW]} against every control"
        control_effects, family = _adjust([effect(SUBJECT_ROW, control) for control in controls], across)
        families.append(family)

    rows = []
    for row in request.rows:
        of_row, printed = values[row.row], paper.scores(row.row)
        cells = {name: _cell(printed.get(name), of_row[name], comparable=not departing) for name in of_row}
        rows.append(_row_result(row, paper, columns, of_row, cells, selected, effects.get(row.row)))
        # A row that the paper quotes is where the paper has it, below the authors' own run of the method.
        if row.row == reference:
            rows += _quoted_rows(paper, columns, row.label)
    return Table(
        name=paper.name,
        title=paper.title,
        setting=paper.setting,
        reference=reference_label,
        parts=paper.parts,
        vary=paper.vary,
        columns=columns,
        settings=tuple(name for name in paper.printed if name in SETTINGS),
        rows=tuple(rows),
        control_effects=tuple(control_effects),
        unfinished=tuple(
            UnfinishedRun(labels[row] if paper.vary else row, part, seed, one.run_id, one.status, _reason(one))
            for row, of_row in selected.unfinished.items()
            for part, of_part in of_row.items()
            for seed, one in of_part.items()
        ),
        departures=departing,
        notes=_notes(paper, selected),
        divergences=paper.divergences,
        provenance=trace(selected, paper.parts, request),
        families=tuple(families),
    )


def _values(columns: Sequence[MetricColumn], only_part: str, records: Mapping[str, Mapping[int, RunRecord]]) -> Values:
    """Return the values of one row; a metric that a run did not compute is left out for its seed."""
    values: dict[str, dict[int, float]] = {}
    for column in sorted(columns, key=lambda one: bool(one.mean_of)):
        if column.mean_of:
            terms = [values[name] for name in column.mean_of]
            common = sorted(set.intersection(*map(set, terms)))
            values[column.name] = {seed: math.fsum(term[seed] for term in terms) / len(terms) for seed in common}
        else:
            found = {seed: _value(column, one) for seed, one in records.get(column.part or only_part, {}).items()}
            values[column.name] = {seed: value for seed, value in found.items() if value is not None}
    return {column.name: values[column.name] for column in columns}


def _value(column: MetricColumn, record: RunRecord) -> float | None:
    if column == VALIDATION_LOSS:
        return record.validation.get("loss")
    if column.score not in record.scores:
        return None
    value = record.scores[column.score].value
    # A percentage taken for a fraction would be printed as a hundredfold score.
    low, high, text = _RANGES[column.unit]
    if not low - _ROUNDING <= value <= high + _ROUNDING:
        found = f"expected {column.score} as {text}, found {value}"
        raise StoreError(f"run {record.run_id}: {found}; fix the metric's unit and score the run again")
    return column.factor * value


def _adjust(effects: Sequence[Effect], across: str) -> tuple[list[Effect], Family]:
    """Add Holm's adjusted p values, over seeds and over examples as one family each, and count the tests of both.

    A cell without a p value is no test and does not count.
    """
    cells: list[dict[str, Any]] = [dict(effect.cells) for effect in effects]
    numbers = {}
    for kind in ("over_seeds", "over_examples"):
        evidence = {
            (place, column): found
            for place, of_effect in enumerate(cells)
            for column, cell in of_effect.items()
            if getattr(found := getattr(cell, kind), "p_value", None) is not None
        }
        adjusted = holm([found.p_value for found in evidence.values()])
        for ((place, column), found), p in zip(evidence.items(), adjusted, strict=True):
            cells[place][column] = replace(cells[place][column], **{kind: replace(found, p_holm=p)})
        numbers[kind] = len(evidence)
    family = Family(across, **numbers)
    return [replace(effect, cells=found) for effect, found in zip(effects, cells, strict=True)], family


def _cell(paper: Decimal | None, of_seeds: Mapping[int, float], *, comparable: bool) -> Cell:
    ours = summarise(list(of_seeds.values())) if of_seeds else None
    if not comparable or ours is None or paper is None:
        return Cell(paper, ours)
    inside = None if ours.interval is None else ours.interval.low <= paper <= ours.interval.high
    return Cell(paper, ours, ours.mean - float(paper), inside)


def _row_result(
    row: Row,
    paper: PaperTable,
    columns: Sequence[MetricColumn],
    values: Values,
    cells: dict[str, Cell],
    selected: Selected,
    effect: Effect | None,
) -> RowResult:
    finished, printed, parts = selected.finished[row.row], paper.printed_in(row.row), {}
    for name, runs in row.parts.items():
        own = [column.name for column in columns if not column.mean_of and (column.part or paper.parts[0]) == name]
        of_part = {column: values[column] for column in own}
        parts[name] = _part_result(runs, of_part, finished[name], selected.unfinished[row.row][name])
    record = next((record for records in finished.values() for record in records.values()), None)
    return RowResult(
        label=row.label,
        row=row.row,
        control=row.control,
        in_paper=paper.row(row.row) is not None,
        remark=row.remark,
        paper_parameters=_paper_parameters(paper, row.row),
        settings={
            name: Setting(printed.get(name), None if record is None else setting(record, name))
            for name in paper.printed
            if name in SETTINGS
        },
        parts=parts,
        computed={column.name: values[column.name] for column in columns if column.mean_of},
        cells=cells,
        effect=effect,
    )


def _part_result(
    runs: Runs, values: Values, finished: Mapping[int, RunRecord], unfinished: Mapping[int, RunRecord]
) -> PartResult:
    counted = {record.parameters: record.run_id for record in finished.values() if record.parameters is not None}
    if len(counted) > 1:
        raise StoreError(
            f"runs {' and '.join(counted.values())}: expected the same number of parameters for every seed, "
            f"found {' and '.join(map(str, counted))}; run the row again into a new runtime.results_dir"
        )
    counts = next(iter(counted), None)
    return PartResult(
        config_id=runs.config_id,
        seeds_asked=tuple(sorted(runs.run_ids)),
        seeds={
            seed: SeedResult(record.run_id, {name: of[seed] for name, of in values.items() if seed in of})
            for seed, record in finished.items()
        },
        unfinished=tuple(unfinished),
        not_run=tuple(sorted(runs.run_ids.keys() - finished.keys() - unfinished.keys())),
        trainable=counts.trainable if counts else None,
        extra_updatable=counts.extra_updatable if counts else None,
        head=counts.head if counts else None,
    )


def _quoted_rows(paper: PaperTable, columns: Sequence[MetricColumn], reference_label: str) -> Iterable[RowResult]:
    """Yield the rows of the paper that no run of ours can have: their numbers are quoted from elsewhere."""
    for row in paper.rows:
        if row.quoted:
            reference = paper.reference_row
            effects = {one.name: EffectCell(_paper_effect(paper, one, row.row, reference), None) for one in columns}
            yield RowResult(
                label=row.label,
                row=row.row,
                quoted=row.quoted,
                paper_parameters=_paper_parameters(paper, row.row),
                cells={column.name: Cell(paper.scores(row.row).get(column.name), None) for column in columns},
                effect=Effect(f"{row.label}, quoted", reference_label, effects),
            )


def _paper_effect(paper: PaperTable, column: MetricColumn, left: str, right: str) -> Decimal | None:
    minuend, subtrahend = (paper.scores(row).get(column.name) for row in (left, right))
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def _paper_parameters(paper: PaperTable, row: str) -> str | None:
    """Return '0.375M + 48M' as printed; None where the table has no such columns."""
    printed = paper.printed_in(row)
    return " + ".join(printed[name] for name in ("trainable", "extra_updatable") if name in printed) or None


def _reason(record: RunRecord) -> str:
    return one_line(f"{record.error.type}: {record.error.message}" if record.error else "no reason recorded")


def _notes(paper: PaperTable, selected: Selected) -> tuple[str, ...]:
    notes = [row.parameter_note for row in paper.rows if row.parameter_note and row.row in selected.finished]
    for part in paper.parts:
        one_of_each = {row: next(iter(of[part].values())) for row, of in selected.finished.items() if of.get(part)}
        if (dropout := dropout_note(paper.reference_row, one_of_each)) is not None:
            notes.append(dropout)
    return (*dict.fromkeys(notes), *paper.notes)
