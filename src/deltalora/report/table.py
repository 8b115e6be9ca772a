"""The paper's table beside ours, as typed cells; what it looks like is decided in `layout`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltalora.errors import StoreError
from deltalora.report.paper import MetricColumn, PaperRow, PaperTable
from deltalora.report.provenance import Provenance, trace
from deltalora.report.selection import Selected, TableRow, select_records
from deltalora.report.setting import departures, dropout_note
from deltalora.report.statistics import Summary, paired_difference, summarise
from deltalora.results import RunRecord

#: Our first column: it resolves what the metrics cannot. The paper has no such column.
VALIDATION_LOSS = MetricColumn(name="Val. loss", factor=1, higher_is_better=False, paper_decimals=3, our_decimals=3)

#: The method under test; each control of ours is set against it.
SUBJECT_ROW = "delta_lora"


@dataclass(frozen=True)
class Cell:
    """One metric of one row, in the table's unit.

    Attributes:
        paper: The paper's number; None if it has none or it could not be read.
        ours: Over seeds; None without a finished run.
        difference: ours.mean - paper; None unless the runs are of the paper's setting.
    """

    paper: float | None
    ours: Summary | None
    difference: float | None


@dataclass(frozen=True)
class EffectCell:
    """One metric of one effect, in the table's unit.

    Attributes:
        paper: The paper's left - right; None where either number is missing.
        ours: Our left - right, paired by seed, with its interval; None without a common seed.
    """

    paper: float | None
    ours: Summary | None


@dataclass(frozen=True)
class Effect:
    """One row minus another."""

    left: str
    right: str
    cells: dict[str, EffectCell]


@dataclass(frozen=True)
class SeedResult:
    """One finished run of a row.

    Attributes:
        run_id: The run, by which its record is found.
        values: Column name -> value in the table's unit; without the metrics the run did not compute.
    """

    run_id: str
    values: dict[str, float]


@dataclass(frozen=True)
class RowResult:
    """One row of the table.

    Attributes:
        label: Name to print.
        row: Name in conf/method.
        control: A control of ours.
        in_paper: Whether the paper has this row at all.
        paper_parameters: The paper's figure as printed, e.g. '0.375M + 48M'.
        trainable: Exact number of trainable parameters; None without a finished run.
        extra_updatable: Exact number of parameters that move without a gradient.
        config_id: Configuration of the row's runs.
        seeds_asked: Seeds asked for.
        seeds: Seed -> its finished run.
        unfinished: Seeds whose run failed or was interrupted.
        not_run: Seeds without any record.
        cells: Column name -> cell, validation loss included.
        effect: This row minus the reference row; None for the reference row itself.
    """

    label: str
    row: str
    control: bool
    in_paper: bool
    paper_parameters: str | None
    trainable: int | None
    extra_updatable: int | None
    config_id: str
    seeds_asked: tuple[int, ...]
    seeds: dict[int, SeedResult]
    unfinished: tuple[int, ...]
    not_run: tuple[int, ...]
    cells: dict[str, Cell]
    effect: Effect | None


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that gave no numbers, and why."""

    row: str
    seed: int
    run_id: str
    status: str
    reason: str


@dataclass(frozen=True)
class Table:
    """The whole table.

    Attributes:
        name: E.g. 'table1'.
        title: Of the paper's table.
        setting: What the paper's numbers are of.
        reference: Label of the row effects are measured from.
        columns: Validation loss first.
        rows: In the order asked for.
        control_effects: Delta-LoRA minus every control.
        unfinished: Failed and interrupted runs.
        departures: What sets our runs apart from the paper's setting; empty if nothing does.
        notes: What a reader must know of these numbers, in sentences.
        provenance: Where our numbers come from.
    """

    name: str
    title: str
    setting: str
    reference: str
    columns: tuple[MetricColumn, ...]
    rows: tuple[RowResult, ...]
    control_effects: tuple[Effect, ...]
    unfinished: tuple[UnfinishedRun, ...]
    departures: tuple[str, ...]
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def comparable(self) -> bool:
        """Whether there are numbers of ours, and these may be set against the paper's."""
        return bool(self.provenance.seeds) and not self.departures


def build_table(
    paper_table: PaperTable,
    rows: Sequence[TableRow],
    records: Iterable[RunRecord],
    scale: str,
    source: str,
    seeds: Sequence[int],
) -> Table:
    """Join the paper's table with our records.

    Two effects are measured, both paired by seed: every row minus the reference row (the paper's claim), and
    Delta-LoRA minus every control (what is left of the claim once the control is matched).

    Args:
        paper_table: The paper's numbers.
        rows: Rows asked for, in the order to print.
        records: Any records; exactly those with a row's run ids are used.
        scale: Scale asked for, to print.
        source: Data source asked for, to print.
        seeds: Seeds asked for, to print; what a row lacks is counted by its own run ids.

    Raises:
        StoreError: The records asked for may not stand in one table; see `select_records`. Or a record's config lacks
            a key of its setting, or a score is in another unit than the table's column says.
    """
    selected = select_records(records, rows)
    columns = (VALIDATION_LOSS, *paper_table.metrics)
    values = {row.row: _values_by_seed(columns, selected.finished[row.row]) for row in rows}
    labels = {row.row: row.label for row in rows}
    departing = departures(selected.all_finished)

    def effect(left: str, right: str) -> Effect:
        return _effect(labels, columns, values, paper_table, left, right)

    reference = paper_table.reference_row
    results = []
    for row in rows:
        has_effect = row.row != reference and reference in values
        results.append(
            _row_result(
                row,
                paper_table.row(row.row),
                columns,
                values[row.row],
                selected,
                comparable=not departing,
                effect=effect(row.row, reference) if has_effect else None,
            )
        )
    controls = [row for row in rows if row.control] if SUBJECT_ROW in values else []
    return Table(
        name=paper_table.name,
        title=paper_table.title,
        setting=paper_table.setting,
        reference=labels.get(reference, reference),
        columns=columns,
        rows=tuple(results),
        control_effects=tuple(effect(SUBJECT_ROW, control.row) for control in controls),
        unfinished=tuple(
            _unfinished(row, seed, record)
            for row, of_row in selected.unfinished.items()
            for seed, record in of_row.items()
        ),
        departures=departing,
        notes=_notes(paper_table, selected),
        provenance=trace(selected, scale, source, seeds),
    )


def _notes(paper_table: PaperTable, selected: Selected) -> tuple[str, ...]:
    notes = [row.parameter_note for row in paper_table.rows if row.parameter_note and row.row in selected.finished]
    one_of_each = {row: next(iter(seeds.values())) for row, seeds in selected.finished.items() if seeds}
    if (dropout := dropout_note(paper_table.reference_row, one_of_each)) is not None:
        notes.append(dropout)
    return tuple(notes)


def _values_by_seed(columns: Sequence[MetricColumn], records: Mapping[int, RunRecord]) -> dict[str, dict[int, float]]:
    """Column -> seed -> value in the table's unit; a metric a run did not compute is left out for its seed."""
    values: dict[str, dict[int, float]] = {column.name: {} for column in columns}
    for seed, record in records.items():
        if "loss" in record.validation:
            values[VALIDATION_LOSS.name][seed] = record.validation["loss"]
        for column in columns:
            if column.name not in record.scores:
                continue
            value = record.scores[column.name].value
            # A percentage taken for a fraction would be printed as a hundredfold score.
            if column.factor != 1 and not 0 <= value <= 1:
                raise StoreError(
                    f"run {record.run_id}: expected {column.name} as a fraction from 0 to 1, found {value}; "
                    f"mend the metric's unit and score the run again"
                )
            values[column.name][seed] = column.factor * value
    return values


def _row_result(
    row: TableRow,
    paper: PaperRow | None,
    columns: Sequence[MetricColumn],
    values: Mapping[str, Mapping[int, float]],
    selected: Selected,
    *,
    comparable: bool,
    effect: Effect | None,
) -> RowResult:
    finished, unfinished = selected.finished[row.row], selected.unfinished[row.row]
    cells = {}
    for column in columns:
        printed = _paper_score(paper, column.name)
        ours = summarise(list(values[column.name].values())) if values[column.name] else None
        difference = ours.mean - printed if comparable and ours is not None and printed is not None else None
        cells[column.name] = Cell(paper=printed, ours=ours, difference=difference)
    trainable, extra = _parameter_counts(finished.values())
    return RowResult(
        label=row.label,
        row=row.row,
        control=row.control,
        in_paper=paper is not None,
        paper_parameters=_paper_parameters(paper),
        trainable=trainable,
        extra_updatable=extra,
        config_id=row.config_id,
        seeds_asked=tuple(sorted(row.run_ids)),
        seeds={
            seed: SeedResult(record.run_id, {name: of[seed] for name, of in values.items() if seed in of})
            for seed, record in finished.items()
        },
        unfinished=tuple(unfinished),
        not_run=tuple(sorted(row.run_ids.keys() - finished.keys() - unfinished.keys())),
        cells=cells,
        effect=effect,
    )


def _effect(
    labels: Mapping[str, str],
    columns: Sequence[MetricColumn],
    values: Mapping[str, Mapping[str, Mapping[int, float]]],
    paper_table: PaperTable,
    left: str,
    right: str,
) -> Effect:
    cells = {}
    for column in columns:
        minuend = _paper_score(paper_table.row(left), column.name)
        subtrahend = _paper_score(paper_table.row(right), column.name)
        cells[column.name] = EffectCell(
            # Rounded to the printed digits: 70.84 - 69.60 is 1.24 and not 1.2400000000000091.
            paper=round(minuend - subtrahend, column.paper_decimals)
            if minuend is not None and subtrahend is not None
            else None,
            ours=paired_difference(values[left][column.name], values[right][column.name]),
        )
    return Effect(left=labels[left], right=labels[right], cells=cells)


def _paper_score(row: PaperRow | None, metric: str) -> float | None:
    if row is None or metric not in row.scores:
        return None
    return row.scores[metric].value


def _paper_parameters(row: PaperRow | None) -> str | None:
    if row is None:
        return None
    return row.trainable.text + (f" + {row.extra_updatable.text}" if row.extra_updatable else "")


def _parameter_counts(records: Iterable[RunRecord]) -> tuple[int | None, int | None]:
    counts = {
        (record.parameters.trainable, record.parameters.extra_updatable): record.run_id
        for record in records
        if record.parameters is not None
    }
    if not counts:
        return None, None
    if len(counts) > 1:
        raise StoreError(
            f"runs {' and '.join(counts.values())}: expected the same number of parameters for every seed, "
            f"found {' and '.join(str(pair) for pair in counts)}; run the row again into a new runtime.results_dir"
        )
    return next(iter(counts))


def _unfinished(row: str, seed: int, record: RunRecord) -> UnfinishedRun:
    reason = f"{record.error.type}: {record.error.message}" if record.error else "no reason recorded"
    return UnfinishedRun(
        row=row, seed=seed, run_id=record.run_id, status=record.status, reason=" ".join(reason.split())
    )
