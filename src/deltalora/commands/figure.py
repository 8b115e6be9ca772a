"""`deltalora figure`: a figure of the paper from the records in the store, as data and as a plot."""

from collections.abc import Sequence
from pathlib import Path

from deltalora import report
from deltalora.commands.arguments import OneLineParser, add_store_option, open_store
from deltalora.config import table_runs
from deltalora.errors import StoreError
from deltalora.report.figure import draw
from deltalora.results.atomic import write_atomic
from deltalora.sweep.table_runs import rows_of_figure

DESCRIPTION = """Writes DIR/NAME.csv, NAME.svg and NAME.png and prints the data; runs nothing. Rows, seeds and settings
are those of conf/table/NAME.yaml under the overrides that `deltalora train +table=NAME` was given, on the data and
weights that are there now: only the records of exactly these runs enter it."""


def figure(arguments: Sequence[str]) -> int:
    """Writes the figure's files and prints its numbers."""
    parser = OneLineParser(prog="deltalora figure", description=DESCRIPTION)
    parser.add_argument("name", help="figure3")
    parser.add_argument("--out", type=Path, default=Path("results/figures"), help="folder; default: results/figures")
    add_store_option(parser)
    options, overrides = parser.with_overrides(arguments)
    paper = report.paper_figure(options.name)
    runs = table_runs(options.name, overrides)
    built = report.build_figure(paper, rows_of_figure(paper, runs), open_store(options, runs).records())
    files = {
        "csv": report.to_csv(built).encode(),
        "svg": draw(built, "svg"),
        "png": draw(built, "png"),
    }
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for form, content in files.items():
            write_atomic(options.out / f"{built.name}.{form}", content)
    except OSError as error:
        raise StoreError(
            f"{options.out}: expected a folder to write to, found: {error}; choose another --out"
        ) from error
    print(report.figure_to_markdown(built))
    print(f"written: {', '.join(str(options.out / f'{built.name}.{form}') for form in files)}")
    return 0
