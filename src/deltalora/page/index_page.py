"""The index page: every table and curve, quality against cost, all runs, the register, the fidelity."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deltalora.errors import StoreError
from deltalora.page.plots import Plot, similarity_plot, training_plot, varied_plot
from deltalora.page.runs import Collected, RunLine, csv_text, run_list_script, runs_csv
from deltalora.page.table_view import TableView, table_view
from deltalora.page.templating import render, script_json
from deltalora.report.divergences import divergences, never_reported
from deltalora.report.example_tests import kept_segments
from deltalora.report.fidelity import OracleRow, PublishedRow, fidelity_rows
from deltalora.report.grids import MISSING, SETTING_TITLES, row_parameters, signed
from deltalora.report.json_export import to_json
from deltalora.report.paper import paper_figure
from deltalora.report.provenance import COMMIT_LENGTH, UNKNOWN
from deltalora.report.similarity import SimilarityFigure, build_figure, to_csv
from deltalora.report.table import Table
from deltalora.results import RunRecord
from deltalora.results.table_request import TableRequest, heading

#: Commits named in the head, and runs that did not finish; more are counted.
_MOST_COMMITS, _MOST_FAILED = 8, 50


@dataclass(frozen=True)
class FigureView:
    """One figure; `figure` is None where it could not be built, and `fault` says why."""

    anchor: str
    request: TableRequest
    fault: str = ""
    figure: SimilarityFigure | None = None
    plot: Plot | None = None


@dataclass(frozen=True)
class Index:
    """The tables, figures and plots of the index page."""

    tables: tuple[TableView, ...]
    figures: tuple[FigureView, ...]
    varied: tuple[Plot, ...]
    training: tuple[Plot, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """Why tables and figures could not be built, one line each."""
        views: tuple[TableView | FigureView, ...] = (*self.tables, *self.figures)
        return tuple(f"{view.anchor}: {view.fault}" for view in views if view.fault)

    @property
    def plots(self) -> tuple[Plot, ...]:
        """Every plot."""
        return (*self.varied, *self.training, *(view.plot for view in self.figures if view.plot is not None))


def index_of(collected: Collected, anchors: Sequence[str]) -> Index:
    """Build every table and figure of the stores.

    Args:
        collected: Records and requests.
        anchors: A name for each request.

    Raises:
        StoreError: The paper has no table of a request's name, or a record is malformed.
    """
    records = collected.records_of({run_id for request in collected.requests for run_id in request.run_ids})
    tables, figures = [], []
    for request, anchor in zip(collected.requests, anchors, strict=True):
        if request.name.startswith("figure"):
            figures.append(_figure_view(request, anchor, records))
        else:
            view = table_view(
                request, anchor, records, lambda record: kept_segments(record, collected.folders[record.run_id])
            )
            tables.append(view)
    return Index(
        tables=tuple(tables),
        figures=tuple(figures),
        varied=tuple(plot for view in tables if (plot := varied_plot(view)) is not None),
        training=tuple(plot for view in tables if (plot := training_plot(view, records)) is not None),
    )


def _figure_view(request: TableRequest, anchor: str, records: Mapping[str, RunRecord]) -> FigureView:
    own = [records[run_id] for run_id in sorted(request.run_ids) if run_id in records]
    try:
        figure = build_figure(paper_figure(request.name), request, own)
    except StoreError as error:
        return FigureView(anchor, request, str(error))
    return FigureView(anchor, request, "", figure, similarity_plot(figure, anchor, request.scale))


def write_data(data: Path, index: Index) -> None:
    """Write the numbers of every table, figure and plot into a folder that is there.

    Raises:
        OSError: A file cannot be written.
    """
    for view in index.tables:
        if view.table is not None:
            _write(data / f"{view.anchor}.csv", _table_csv(view.table))
            _write(data / f"{view.anchor}.json", to_json(view.table))
    for one in index.figures:
        if one.figure is not None:
            _write(data / f"{one.anchor}.csv", to_csv(one.figure))
    for plot in index.plots:
        call = f"window.deltaloraPlots[{script_json(plot.anchor)}]={script_json({'views': plot.views})};\n"
        _write(data / f"{plot.anchor}.js", f"window.deltaloraPlots=window.deltaloraPlots||{{}};{call}")


def _table_csv(table: Table) -> str:
    """Return one line per row and metric: the paper's number, ours over seeds with its interval, and any gap."""
    header = ("row", "label", "metric", "paper", "mean", "sd", "n", "t_low", "t_high", "ours_minus_paper")
    lines = []
    for row in table.rows:
        for name, cell in row.cells.items():
            ours = cell.ours
            seeds = (ours.mean, ours.sd, ours.n) if ours else (None, None, 0)
            interval = (ours.interval.low, ours.interval.high) if ours and ours.interval else (None, None)
            lines.append((row.row, row.label, name, cell.paper, *seeds, *interval, cell.difference))
    return csv_text(header, lines)


def write_index(
    folder: Path, index: Index, collected: Collected, runs: Sequence[RunLine], mark: str, written_at: datetime
) -> None:
    """Write index.html and the list of all runs, beside what `write_data` has written.

    Args:
        folder: The page's.
        index: Tables, figures and plots.
        collected: Records and requests.
        runs: All runs, in the order of their list.
        mark: By which a page is known for one.
        written_at: UTC.

    Raises:
        OSError: A file cannot be written.
        StoreError: The fidelity is malformed.
    """
    _write(folder / "data" / "runs.js", run_list_script(runs))
    _write(folder / "data" / "runs.csv", runs_csv(runs))
    commits = Counter((run.commit or UNKNOWN)[:COMMIT_LENGTH] for run in runs)
    methods = {method for view in index.tables for method in view.methods.values()} | {run.row for run in runs}
    metrics = [column.name for view in index.tables if view.table for column in view.table.columns]
    fidelity = fidelity_rows()
    published = [row for row in fidelity if isinstance(row, PublishedRow)]
    values = {
        "mark": mark,
        "title": "Delta-LoRA, reproduced",
        "root": "",
        "index": index,
        "written_at": written_at,
        "statuses": Counter(run.status for run in runs),
        "total": len(runs),
        "scales": Counter(run.scale for run in runs),
        "commits": [name for name, _ in commits.most_common(_MOST_COMMITS)],
        "more_commits": max(0, len(commits) - _MOST_COMMITS),
        "dirty": sum(run.dirty for run in runs),
        "repeated": len(collected.repeated),
        "failed": [run for run in runs if run.status != "finished"][:_MOST_FAILED],
        "scale_choices": sorted({run.scale for run in runs} | {one.scale for one in collected.requests}),
        "method_choices": sorted(method for method in methods if method),
        "metric_choices": list(dict.fromkeys(metrics)),
        "register": divergences(),
        "silent": never_reported(),
        "oracles": [row for row in fidelity if isinstance(row, OracleRow)],
        "published": published,
        "within": sum(row.is_met for row in published),
        "heading": heading,
        "missing": MISSING,
        "row_parameters": row_parameters,
        "setting_titles": SETTING_TITLES,
        "signed": signed,
    }
    _write(folder / "index.html", render("index.html", values))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
