"""`deltalora table`: the paper's table beside ours, from the records in the store."""

from collections.abc import Sequence
from functools import partial

from deltalora import report
from deltalora.commands.arguments import OneLineParser, add_store_option, open_store
from deltalora.config import table_runs
from deltalora.results import RunRecord, Segments, Store, read_segments
from deltalora.sweep.table_runs import rows_of_table

RENDERERS = {"md": report.to_markdown, "latex": report.to_latex, "json": report.to_json}

DESCRIPTION = """Prints the table; runs nothing. Rows, seeds and settings are those of conf/table/NAME.yaml under the
overrides that `deltalora train +table=NAME` was given, on the data and weights that are there now: only the records of
exactly these runs enter it."""


def table(arguments: Sequence[str]) -> int:
    """Prints the table in one of three formats."""
    parser = OneLineParser(prog="deltalora table", description=DESCRIPTION)
    parser.add_argument("name", help="table1, table2, table3, table4, table5, table6, table8 or table9")
    parser.add_argument("--format", choices=list(RENDERERS), default="md")
    add_store_option(parser)
    options, overrides = parser.with_overrides(arguments)
    paper = report.paper_table(options.name)
    runs = table_runs(options.name, overrides)
    first = runs[0].config
    store = open_store(options, runs)
    seeds = sorted({run.config.seed for run in runs})
    built = report.build_table(
        paper,
        rows_of_table(paper, runs),
        store.records(),
        first.scale,
        first.task.source,
        seeds,
        partial(_segments, store),
    )
    print(RENDERERS[options.format](built))
    return 0


def _segments(store: Store, record: RunRecord) -> Segments:
    assert record.segments is not None  # asked only of records that have some
    return read_segments(store.run_dir(record.run_id), record.segments)
