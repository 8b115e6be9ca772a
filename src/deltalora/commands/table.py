"""`deltalora table`: the paper's table beside ours, from the records in the store."""

from collections.abc import Sequence
from dataclasses import replace

from deltalora import report
from deltalora.commands.arguments import OneLineParser, add_store_option, records_of, requested
from deltalora.report.example_tests import kept_segments

RENDERERS = {"md": report.to_markdown, "latex": report.to_latex, "json": report.to_json}

DESCRIPTION = """Print the table; run nothing. `deltalora train +table=NAME [KEY=VALUE ...]` stores which runs make it
up: the table of the same overrides is printed, or without overrides the latest. A table that was never run is composed
from conf/table/NAME.yaml and the overrides, on the data and weights that are there now."""


def table(arguments: Sequence[str]) -> int:
    """Print the table in one of three formats."""
    parser = OneLineParser(prog="deltalora table", description=DESCRIPTION)
    parser.add_argument("name", help="table1, table2, table3, table4, table5, table6, table8 or table9")
    parser.add_argument("--format", choices=list(RENDERERS), default="md")
    add_store_option(parser)
    options, overrides = parser.with_overrides(arguments)
    paper = report.paper_table(options.name)
    found, store = requested(options.name, options.store, overrides)
    built = report.build_table(
        paper,
        found.request,
        records_of(found, store),
        lambda record: kept_segments(record, store.run_dir(record.run_id)),
    )
    if found.note:
        built = replace(built, notes=(*built.notes, found.note))
    print(RENDERERS[options.format](built))
    return 0
