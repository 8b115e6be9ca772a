"""The paper's table beside ours, as typed cells; what it looks like is decided in `layout`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltalora.errors import StoreError
from deltalora.report.paper import MetricColumn, PaperRow, PaperTable
from deltalora.report.selection import Selected, select_records
from deltalora.report.statistics import Summary, paired_difference, summarise
from deltalora.results import RunRecord

#: The scale at which our absolute numbers may be set against the paper's.
PAPER_SCALE = "paper"

#: Our first column: it resolves what the metrics cannot. The paper has no such column.
VALIDATION_LOSS = MetricColumn(name="Val. loss", factor=1, higher_is_better=False, paper_decimals=3, our_decimals=3)

#: The method under test; each control of ours is set against it.
SUBJECT_ROW = "delta_lora"


@dataclass(frozen=True)
class TableRow:
    """A row asked for.

    Attributes:
        label: Name to print.
        row: Name in conf/method, by which the paper's row is found.
        control: A control of ours, which the paper does not have.
        config_id: Configuration the row's records must have.
    """

    label: str
    row: str
    control: bool
    config_id: str


@dataclass(frozen=True)
class Cell:
    """One metric of one row, in the table's unit.

    Attributes:
        paper: The paper's number; None if it has none or it could not be read.
        ours: Over seeds; None without a finished run.
        difference: ours.mean - paper; None unless the scale is the paper's.
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
        seeds: Seeds of the finished runs.
        unfinished: Number of failed and interrupted runs.
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
    seeds: tuple[int, ...]
    unfinished: int
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
class Provenance:
    """Where our numbers come from. Everything is empty or None before the first run."""

    scale: str
    source: str
    seeds: tuple[int, ...]
    selection_rule: str | None
    split: str | None
    results_version: int | None
    model: str | None
    model_sha256: str | None
    data_sha256: dict[str, str]
    inputs: dict[str, int]
    signatures: dict[str, str]
    superseded: int


@dataclass(frozen=True)
class Table:
    """The whole table."""

    name: str
    title: str
    setting: str
    reference: str
    columns: tuple[MetricColumn, ...]
    rows: tuple[RowResult, ...]
    control_effects: tuple[Effect, ...]
    unfinished: tuple[UnfinishedRun, ...]
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def comparable(self) -> bool:
        """Whether our absolute numbers may be set against the paper's."""
        return self.provenance.scale == PAPER_SCALE


def build_table(
    paper_table: PaperTable, rows: Sequence[TableRow], records: Iterable[RunRecord], scale: str, source: str
) -> Table:
    """Join the paper's table with our records.

    Two effects are measured, both paired by seed: every row minus the reference row (the paper's claim), and
    Delta-LoRA minus every control (what is left of the claim once the control is matched).

    Args:
        paper_table: The paper's numbers.
        rows: Rows asked for, in the order to print.
        records: Any records; those with the config id of a row are used.
        scale: The one scale of the table.
        source: The one data source of the table.

    Raises:
        StoreError: The records asked for may not stand in one table; see `select_records`. Or a score is in another
            unit than the table's column says.
    """
    selected = select_records(records, [row.config_id for row in rows], scale, source)
    columns = (VALIDATION_LOSS, *paper_table.metrics)
    values = {row.row: _values_by_seed(columns, selected.finished[row.config_id]) for row in rows}
    labels = {row.row: row.label for row in rows}

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
                comparable=scale == PAPER_SCALE,
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
        unfinished=tuple(_unfinished(record) for record in selected.unfinished),
        notes=tuple(row.parameter_note for row in paper_table.rows if row.parameter_note and row.row in values),
        provenance=_provenance(selected, scale, source),
    )


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
    records = selected.finished[row.config_id]
    cells = {}
    for column in columns:
        printed = _paper_score(paper, column.name)
        ours = summarise(list(values[column.name].values())) if values[column.name] else None
        difference = ours.mean - printed if comparable and ours is not None and printed is not None else None
        cells[column.name] = Cell(paper=printed, ours=ours, difference=difference)
    trainable, extra = _parameter_counts(records.values())
    return RowResult(
        label=row.label,
        row=row.row,
        control=row.control,
        in_paper=paper is not None,
        paper_parameters=_paper_parameters(paper),
        trainable=trainable,
        extra_updatable=extra,
        seeds=tuple(sorted(records)),
        unfinished=sum(record.config_id == row.config_id for record in selected.unfinished),
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
            f"found {' and '.join(str(pair) for pair in counts)}; delete the run that is out of date and run it again"
        )
    return next(iter(counts))


def _unfinished(record: RunRecord) -> UnfinishedRun:
    reason = f"{record.error.type}: {record.error.message}" if record.error else "no reason recorded"
    return UnfinishedRun(
        row=record.row, seed=record.seed, run_id=record.run_id, status=record.status, reason=" ".join(reason.split())
    )


def _provenance(selected: Selected, scale: str, source: str) -> Provenance:
    finished = selected.all_finished
    # All the chosen agree on what is read off the first: `select_records` has made sure.
    first = finished[0] if finished else None
    selection = first.selection if first else None
    signatures = {name: score.signature for record in finished for name, score in record.scores.items()}
    return Provenance(
        scale=scale,
        source=source,
        seeds=tuple(sorted({record.seed for record in finished})),
        selection_rule=selection.rule if selection else None,
        split=selection.split if selection else None,
        results_version=first.code.results_version if first else None,
        model=first.model.name if first else None,
        model_sha256=first.model.sha256 if first else None,
        data_sha256=dict(first.data.files) if first else {},
        inputs={name: score.n for record in finished for name, score in record.scores.items()},
        signatures=signatures,
        superseded=selected.superseded,
    )
