"""A table as the page shows it: the paper's number beside ours, and by row its runs and the cause of a difference."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from deltalora.errors import StoreError
from deltalora.report.build import build_table
from deltalora.report.document import Document, document
from deltalora.report.example_tests import ReadSegments
from deltalora.report.paper import paper_table
from deltalora.report.table import RowResult, Table, UnfinishedRun
from deltalora.results import RunRecord
from deltalora.results.table_request import TableRequest


@dataclass(frozen=True)
class TableView:
    """One table of the page.

    Attributes:
        anchor: Of its section and files.
        request: Its rows and runs.
        title: Of the paper's table.
        fault: Why it could not be built; empty if it was.
        table: None where it could not be built.
        document: The table laid out.
        methods: Row -> the method of its runs, by which it is filtered.
        runs: Row -> label, run id and whether it finished, of every run there is.
        causes: Row -> text and anchor of what sets our number apart from the paper's; an empty anchor is no link.
    """

    anchor: str
    request: TableRequest
    title: str
    fault: str = ""
    table: Table | None = None
    document: Document | None = None
    methods: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, list[tuple[str, str, bool]]] = field(default_factory=dict)
    causes: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that makes it."""
        return shlex.join(["deltalora", "train", f"+table={self.request.name}", *self.request.overrides])


def table_view(
    request: TableRequest, anchor: str, records: Mapping[str, RunRecord], read: ReadSegments | None
) -> TableView:
    """Build a table and lay it out. Records that may not stand in one table make a view that says so.

    Args:
        request: Its rows and runs.
        anchor: Of its section.
        records: Run id -> record, of all runs.
        read: Reads the segment statistics of a record.
    """
    paper = paper_table(request.name)
    own = [records[run_id] for run_id in sorted(request.run_ids) if run_id in records]
    try:
        table = build_table(paper, request, own, read)
    except StoreError as error:
        return TableView(anchor, request, paper.title, str(error))
    return TableView(
        anchor=anchor,
        request=request,
        title=table.title,
        table=table,
        document=document(table),
        methods={row.row: _method(row, table, records) for row in table.rows},
        runs={row.row: _runs(row, table) for row in table.rows},
        causes={row.row: _causes(row, table, anchor) for row in table.rows},
    )


def _method(row: RowResult, table: Table, records: Mapping[str, RunRecord]) -> str:
    """Return the method of a row: where rows are values of a key, its runs know it."""
    if table.vary is None:
        return row.row
    return next((records[run_id].row for _, run_id, _ in _runs(row, table) if run_id in records), "")


def _stopped(row: RowResult, table: Table) -> list[UnfinishedRun]:
    name = row.label if table.vary else row.row
    return [run for run in table.unfinished if run.row == name]


def _runs(row: RowResult, table: Table) -> list[tuple[str, str, bool]]:
    found = [(name, seed, one.run_id, True) for name, part in row.parts.items() for seed, one in part.seeds.items()]
    found += [(run.part, run.seed, run.run_id, False) for run in _stopped(row, table)]
    several = len(row.parts) > 1
    return [(f"{part} {seed}" if several else str(seed), run_id, done) for part, seed, run_id, done in found]


def _causes(row: RowResult, table: Table, anchor: str) -> list[tuple[str, str]]:
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
    return causes
