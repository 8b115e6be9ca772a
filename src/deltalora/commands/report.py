"""`deltalora report`: every table, curve and run of some stores as one page that opens without a network."""

import sys
from collections.abc import Sequence
from pathlib import Path

from deltalora.commands.arguments import DEFAULT_STORE, OneLineParser
from deltalora.errors import ConfigError
from deltalora.page.write import write_page

DEFAULT_OUT = Path("results/page")

DESCRIPTION = """Write DIR/index.html, a page for every run, and the numbers as CSV and JSON; run nothing. The tables
and figures are those of the sweeps in the stores (`deltalora train +table=NAME`), built from their records; other
records have their page and are in the list of runs. A page that is in DIR is replaced once the new one is complete.
The exit code is 1 where records of a table must not be combined; the page says so in its place."""


def report(arguments: Sequence[str]) -> int:
    """Write the page and say where it is."""
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
        raise ConfigError(f"report takes no overrides, found {rest[0]!r}; drop it")
    written = write_page(options.store or [DEFAULT_STORE], options.out)
    for fault in written.faults:
        print(f"deltalora: {fault}", file=sys.stderr)
    print(f"{written.tables} tables and figures, {written.runs} runs: {written.index}")
    return 1 if written.faults else 0
