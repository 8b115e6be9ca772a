"""The index page: what it is of, every table and curve, quality against cost, all runs, the register, the fidelity."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deltalora.errors import StoreError
from deltalora.page.downloads import runs_csv, table_csv
from deltalora.page.plots import Curves, Plot, curve_of, similarity_plot, training_plot, varied_plot
from deltalora.page.run_list import RunLine, run_list_script
from deltalora.page.stores import Collected
from deltalora.page.table_view import TableView, table_view
from deltalora.page.templating import heading, render, script_json
from deltalora.report.divergences import Divergence, divergences, never_reported
from deltalora.report.example_tests import kept_segments
from deltalora.report.fidelity import OracleRow, PublishedRow, fidelity_rows
from deltalora.report.json_export import to_json
from deltalora.report.layout import SETTING_TITLES
from deltalora.report.paper import paper_figure
from deltalora.report.provenance import COMMIT_LENGTH
from deltalora.report.similarity import SimilarityFigure, build_figure, similarity_grid, to_csv
from deltalora.results import RunRecord, Segments
from deltalora.results.table_request import TableRequest

#: Commits named in the head; more are counted.
_MOST_COMMITS = 8


@dataclass(frozen=True)
class FigureView:
    """One figure; `figure` is None where it could not be built, and `fault` says why."""

    anchor: str
    asked: TableRequest
    heading: str
    fault: str
    figure: SimilarityFigure | None
    plot: Plot | None


@dataclass(frozen=True)
class Index:
    """Everything on the index page."""

    collected: Collected
    tables: tuple[TableView, ...]
    figures: tuple[FigureView, ...]
    plots: tuple[Plot, ...]
    training: tuple[Plot, ...]
    silent: tuple[Divergence, ...]
    register: tuple[Divergence, ...]
    oracles: tuple[OracleRow, ...]
    published: tuple[PublishedRow, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """Of every table and figure that could not be built."""
        views: list[TableView | FigureView] = [*self.tables, *self.figures]
        return tuple(f"{view.anchor}: {view.fault}" for view in views if view.fault)


def index_of(collected: Collected, anchors: Sequence[str]) -> Index:
    """Build every table and figure asked for.

    Args:
        collected: Records and questions.
        anchors: A name for each question.

    Raises:
        StoreError: The register or the fidelity is malformed, or the paper has no table of a question's name.
    """
    records = collected.records_of({run_id for table in collected.asked for run_id in table.run_ids})

    def read(record: RunRecord) -> Segments | None:
        return kept_segments(record, collected.folders[record.run_id])

    tables, figures = [], []
    for asked, anchor in zip(collected.asked, anchors, strict=True):
        if asked.name.startswith("figure"):
            figures.append(_figure_view(asked, anchor, records))
        else:
            tables.append(table_view(asked, anchor, records, read))
    curves = _curves(records)
    rows = fidelity_rows()
    return Index(
        collected=collected,
        tables=tuple(tables),
        figures=tuple(figures),
        plots=_present(varied_plot(view) for view in tables),
        training=_present(training_plot(view, curves) for view in tables),
        silent=never_reported(),
        register=tuple(divergences().values()),
        oracles=tuple(row for row in rows if isinstance(row, OracleRow)),
        published=tuple(row for row in rows if isinstance(row, PublishedRow)),
    )


def _present(plots: Iterable[Plot | None]) -> tuple[Plot, ...]:
    return tuple(plot for plot in plots if plot is not None)


def _curves(records: Mapping[str, RunRecord]) -> Curves:
    return {
        run_id: {
            "train_loss": curve_of(record.curve, "train_loss"),
            "validation_loss": curve_of(record.curve, "validation_loss"),
        }
        for run_id, record in records.items()
    }


def _figure_view(asked: TableRequest, anchor: str, records: Mapping[str, RunRecord]) -> FigureView:
    own = [records[run_id] for run_id in sorted(asked.run_ids) if run_id in records]
    try:
        figure = build_figure(paper_figure(asked.name), asked, own)
    except StoreError as error:
        return FigureView(anchor, asked, heading(asked.name), str(error), None, None)
    return FigureView(anchor, asked, heading(asked.name), "", figure, similarity_plot(figure, anchor, asked.scale))


def write_data(data: Path, index: Index) -> None:
    """Write the numbers of every table, figure and plot into a folder that is there.

    Raises:
        OSError: A file cannot be written.
    """
    for view in index.tables:
        if view.table is not None:
            _write(data / f"{view.anchor}.csv", table_csv(view.table))
            _write(data / f"{view.anchor}.json", to_json(view.table))
    for one in index.figures:
        if one.figure is not None:
            _write(data / f"{one.anchor}.csv", to_csv(one.figure))
    drawn = [*index.plots, *index.training, *(one.plot for one in index.figures if one.plot is not None)]
    for plot in drawn:
        call = f"window.deltaloraPlots[{script_json(plot.anchor)}]={script_json(plot.data)};\n"
        _write(data / f"{plot.anchor}.js", f"window.deltaloraPlots=window.deltaloraPlots||{{}};{call}")


def write_index(folder: Path, index: Index, runs: Sequence[RunLine], mark: str, written_at: datetime) -> None:
    """Write index.html and the list of all runs, beside what `write_data` has written.

    Args:
        folder: The page's.
        index: Tables, figures and plots.
        runs: All runs, in the order of their list.
        mark: By which a page is known for one.
        written_at: UTC.

    Raises:
        OSError: A file cannot be written.
    """
    _write(folder / "data" / "runs.js", run_list_script(runs))
    _write(folder / "data" / "runs.csv", runs_csv(runs))
    _write(folder / "index.html", _index_html(index, runs, mark, written_at))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _index_html(index: Index, runs: Sequence[RunLine], mark: str, written_at: datetime) -> str:
    commits = Counter((run.commit or "unknown")[:COMMIT_LENGTH] for run in runs)
    named = [name for name, _ in commits.most_common(_MOST_COMMITS)]
    methods = {line.method for view in index.tables for line in view.lines} | {run.row for run in runs}
    metrics = [column.name for view in index.tables for column in view.headings]
    return render(
        "index.html",
        {
            "mark": mark,
            "title": "Delta-LoRA, reproduced",
            "root": "",
            "index": index,
            "written_at": written_at,
            "statuses": Counter(run.status for run in runs),
            "total": len(runs),
            "scales": Counter(run.scale for run in runs),
            "commits": named,
            "more_commits": len(commits) - len(named),
            "dirty": sum(run.dirty for run in runs),
            "repeated": len(index.collected.repeated),
            "failed": [run for run in runs if run.status != "finished"][:50],
            "scale_choices": sorted({run.scale for run in runs} | {one.scale for one in index.collected.asked}),
            "method_choices": sorted(method for method in methods if method),
            "metric_choices": list(dict.fromkeys(metrics)),
            "similarity_grid": similarity_grid,
            "setting_titles": SETTING_TITLES,
            "within": sum(row.difference <= row.tolerance * (1 + 1e-9) for row in index.published),
        },
    )
