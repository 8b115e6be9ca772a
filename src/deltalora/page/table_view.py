"""A table as the page shows it: the paper's number and ours in columns of their own, with interval, gap and cause."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deltalora.errors import StoreError
from deltalora.page.templating import heading
from deltalora.report import layout
from deltalora.report.build import build_table
from deltalora.report.divergences import divergences
from deltalora.report.example_tests import ReadSegments
from deltalora.report.layout import MISSING, Grid
from deltalora.report.paper import MetricColumn, paper_table
from deltalora.report.statistics import Summary
from deltalora.report.table import Cell, RowResult, Table, UnfinishedRun
from deltalora.results import RunRecord
from deltalora.results.table_request import TableRequest


@dataclass(frozen=True)
class Entry:
    """One metric of one row, to print.

    Attributes:
        paper: The paper's number; None where the column has no place for one.
        ours: Mean, with the deviation where there are several seeds.
        n: Number of seeds.
        interval: Student-t interval of the mean; empty for one seed.
        gap: Ours - paper; None where the column has no place for one.
        remark: Whether the paper's number lies in our interval; empty where that cannot be asked.
    """

    paper: str | None
    ours: str
    n: int
    interval: str
    gap: str | None
    remark: str


@dataclass(frozen=True)
class Line:
    """One row, to print.

    Attributes:
        method: Row of its runs in conf/method, by which it is filtered.
        result: The row.
        paper_parameters: As printed there.
        parameters: Ours, exact.
        entries: One a column.
        runs: Label, run id and whether it finished, of every run there is.
        causes: Text and anchor of what sets our number apart from the paper's; an empty anchor is no link.
    """

    method: str
    result: RowResult
    paper_parameters: str
    parameters: str
    entries: tuple[Entry, ...]
    runs: tuple[tuple[str, str, bool], ...]
    causes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Heading:
    """One metric column: name, arrow and the columns below it."""

    name: str
    title: str
    below: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A grid of `layout` with what filters it: the method of every group, the metric of every column."""

    grid: Grid
    methods: tuple[str, ...]
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class TableView:
    """One table of the page; `table` is None where it could not be built, and `fault` says why."""

    anchor: str
    asked: TableRequest
    heading: str
    title: str
    command: str
    fault: str = ""
    table: Table | None = None
    headings: tuple[Heading, ...] = ()
    lines: tuple[Line, ...] = ()
    counts: tuple[Block, ...] = ()
    effects: tuple[Block, ...] = ()
    controls: tuple[Block, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    effects_note: str = ""
    controls_note: str = ""
    unfinished: tuple[str, ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    divergences: tuple[tuple[str, str], ...] = ()


def table_view(
    asked: TableRequest, anchor: str, records: Mapping[str, RunRecord], read: ReadSegments | None
) -> TableView:
    """Build a table and lay it out. Records that may not stand in one table make a view that says so.

    Args:
        asked: The question.
        anchor: Of its section.
        records: Run id -> record, of all runs.
        read: Reads the segment statistics of a record.
    """
    paper = paper_table(asked.name)
    command = shlex.join(["deltalora", "train", f"+table={asked.name}", *asked.overrides])
    own = [records[run_id] for run_id in sorted(asked.run_ids) if run_id in records]
    try:
        table = build_table(paper, asked, own, read)
    except StoreError as error:
        return TableView(anchor, asked, heading(asked.name), paper.title, command, fault=str(error))
    methods = {row.row: _method(row, table, records) for row in table.rows}
    by_label = {row.label: methods[row.row] for row in table.rows}
    titles = {f"{column.name} {'↑' if column.higher_is_better else '↓'}": column.name for column in table.columns}

    def blocks(grids: Sequence[Grid]) -> tuple[Block, ...]:
        return tuple(_block(grid, by_label, titles) for grid in grids if grid.groups)

    register = divergences()
    return TableView(
        anchor=anchor,
        asked=asked,
        heading=heading(asked.name),
        title=table.title,
        command=command,
        table=table,
        headings=tuple(_heading(column, comparable=table.comparable) for column in table.columns),
        lines=tuple(_line(row, table, methods[row.row], anchor) for row in table.rows),
        counts=blocks([layout.parameters_grid(table), layout.parts_grid(table)]),
        effects=blocks(layout.effects_grids(table)),
        controls=blocks(layout.controls_grids(table)),
        facts=layout.facts(table),
        notes=layout.reading_notes(table),
        effects_note=layout.effects_note(table),
        controls_note=layout.controls_note(table) if table.control_effects else "",
        unfinished=layout.unfinished_lines(table),
        provenance=layout.provenance(table),
        divergences=tuple((tag, register[tag].title) for tag in table.divergences if tag in register),
    )


def _method(row: RowResult, table: Table, records: Mapping[str, RunRecord]) -> str:
    """A table that varies a key has its values as rows; their runs say which method they are of."""
    if table.vary is None:
        return row.row
    ids = [seed.run_id for part in row.parts.values() for seed in part.seeds.values()]
    ids += [run.run_id for run in table.unfinished if run.row in (row.label, row.row)]
    return next((records[run_id].row for run_id in ids if run_id in records), "")


def _block(grid: Grid, by_label: Mapping[str, str], titles: Mapping[str, str]) -> Block:
    methods = tuple(by_label.get(group[0][0], "") if group else "" for group in grid.groups)
    return Block(grid, methods, tuple(titles.get(title, "") for title in grid.header))


def _heading(column: MetricColumn, *, comparable: bool) -> Heading:
    below = ("paper", "ours", "gap") if comparable else ("paper", "ours")
    title = f"{column.name} {'↑' if column.higher_is_better else '↓'}"
    return Heading(column.name, title, below if column.in_paper else ("ours",))


def _line(row: RowResult, table: Table, method: str, anchor: str) -> Line:
    parts = row.parts
    several = len(parts) > 1
    runs = []
    for name, part in parts.items():
        where = f"{name} " if several else ""
        runs += [(f"{where}{seed}", result.run_id, True) for seed, result in part.seeds.items()]
    runs += [(f"{run.part + ' ' if several else ''}{run.seed}", run.run_id, False) for run in _stopped(row, table)]
    return Line(
        method=method,
        result=row,
        paper_parameters=row.paper_parameters or "",
        parameters="" if several or row.quoted is not None else _parameters(row),
        entries=tuple(_entry(row, row.cells[column.name], column, table) for column in table.columns),
        runs=tuple(runs),
        causes=_causes(row, table, anchor),
    )


def _stopped(row: RowResult, table: Table) -> list[UnfinishedRun]:
    name = row.label if table.vary else row.row
    return [run for run in table.unfinished if run.row == name]


def _parameters(row: RowResult) -> str:
    part = next(iter(row.parts.values()))
    if part.trainable is None:
        return MISSING
    return f"{part.trainable:,}" + (f" + {part.extra_updatable:,}" if part.extra_updatable else "")


def _entry(row: RowResult, cell: Cell, column: MetricColumn, table: Table) -> Entry:
    paper = ("" if cell.paper is None else str(cell.paper)) if column.in_paper else None
    gap = None
    if column.in_paper and table.comparable:
        gap = signed(cell.difference, column.our_decimals) if cell.difference is not None else ""
    remark = ""
    if cell.paper_in_interval is not None:
        remark = "paper in our interval" if cell.paper_in_interval else "paper outside our interval"
    ours, n, interval = summary_text(cell.ours, column.our_decimals)
    if row.quoted is not None:
        ours = ""
    return Entry(paper, ours, n, interval, gap, remark)


def summary_text(ours: Summary | None, decimals: int) -> tuple[str, int, str]:
    """Mean with deviation, number of seeds, and the t interval."""
    if ours is None:
        return MISSING, 0, ""
    mean = f"{ours.mean:.{decimals}f}" + (f" ± {ours.sd:.{decimals}f}" if ours.sd is not None else "")
    between = ours.interval
    return mean, ours.n, f"{between.low:.{decimals}f} to {between.high:.{decimals}f}" if between else ""


def signed(value: float, decimals: int) -> str:
    """With its sign, but for zero."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _causes(row: RowResult, table: Table, anchor: str) -> tuple[tuple[str, str], ...]:
    causes = [(row.remark, "")] if row.remark else []
    if row.quoted is not None:
        causes.append((f"quoted by the paper from {row.quoted}; no run of ours", ""))
    elif row.control:
        causes.append(("no row of the paper", ""))
    elif table.departures:
        causes.append(("not the paper's setting", f"{anchor}-why"))
    elif table.divergences:
        causes.append(("divergences", f"{anchor}-why"))
    for run in _stopped(row, table):
        where = f"{run.part}, " if len(row.parts) > 1 else ""
        causes.append((f"{where}seed {run.seed} {run.status}: {run.reason}", f"{anchor}-unfinished"))
    missing = sorted({seed for part in row.parts.values() for seed in part.not_run})
    if missing:
        named = f"seed{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
        causes.append((f"{named} not run", f"{anchor}-unfinished"))
    return tuple(causes)
