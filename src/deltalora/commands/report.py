"""`deltalora report`: every table, curve and run of some stores as one page that opens without a network."""

import sys
from collections.abc import Sequence
from pathlib import Path

from deltalora.commands.arguments import OneLineParser
from deltalora.errors import ConfigError
from deltalora.page.write import write_page

#: Written to unless told otherwise.
DEFAULT_OUT = Path("results/page")
#: Read unless told otherwise: where `deltalora train` keeps its runs.
DEFAULT_STORE = Path("results/runs")

DESCRIPTION = """Writes DIR/index.html, a page for every run, and the numbers as CSV and JSON; runs nothing and composes
no configuration. The tables and figures are those that a sweep in one of the stores asked for (`deltalora train
+table=NAME`), built from its records; other records have their page and stand in the list of runs. A page that is in
DIR is replaced once the new one is whole. The exit code is 1 where records of a table may not stand together: the page
says so in its place."""


def report(arguments: Sequence[str]) -> int:
    """Writes the page and says where it is."""
    parser = OneLineParser(prog="deltalora report", description=DESCRIPTION)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help=f"folder of the page; default: {DEFAULT_OUT}")
    parser.add_argument(
        "--store",
        type=Path,
        nargs="+",
        action="extend",
        metavar="DIR",
        help=f"folders of run records; default: {DEFAULT_STORE}",
    )
    options, rest = parser.with_overrides(arguments)
    if rest:
        raise ConfigError(f"report reads the records that are there, found {rest[0]!r}: drop it")
    written = write_page(options.store or [DEFAULT_STORE], options.out)
    for fault in written.faults:
        print(f"deltalora: {fault}", file=sys.stderr)
    print(f"{written.tables} tables and figures, {written.runs} runs: {written.index}")
    return 1 if written.faults else 0
