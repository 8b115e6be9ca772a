"""`deltalora figure`: a figure of the paper from the records in the store, as data and as a plot."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deltalora import report
from deltalora.commands.arguments import OneLineParser, add_store_option, records_of, requested
from deltalora.report.figure import draw
from deltalora.results.atomic import write_atomic

DESCRIPTION = """Write DIR/NAME.csv, NAME.svg and NAME.png and print the data; run nothing. The figure's runs are
found as for `deltalora table`: those of `deltalora train +table=NAME` with the same overrides."""


def figure(arguments: Sequence[str]) -> int:
    """Write the figure's files and print its numbers."""
    parser = OneLineParser(prog="deltalora figure", description=DESCRIPTION)
    parser.add_argument("name", help="figure3")
    parser.add_argument("--out", type=Path, default=Path("results/figures"), help="folder; default: results/figures")
    add_store_option(parser)
    options, overrides = parser.with_overrides(arguments)
    paper = report.paper_figure(options.name)
    found, store = requested(options.name, options.store, overrides)
    built = report.build_figure(paper, found.request, records_of(found, store))
    if found.note:
        built = replace(built, notes=(*built.notes, found.note))
    files = {
        "csv": report.to_csv(built).encode(),
        "svg": draw(built, "svg"),
        "png": draw(built, "png"),
    }
    for form, content in files.items():
        write_atomic(options.out / f"{built.name}.{form}", content)
    print(report.figure_to_markdown(built))
    print(f"written: {', '.join(str(options.out / f'{built.name}.{form}') for form in files)}")
    return 0
