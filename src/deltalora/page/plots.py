"""The plots of the index page as data: lambda and K, Figure 3, and training curves; `assets/plots.js` draws them.

A plot has views, of which one is shown at a time; a view has panels; a panel has lines.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deltalora.page.run_page import MOST_POINTS, curve_of
from deltalora.page.samples import spread_places
from deltalora.page.table_view import TableView
from deltalora.page.templating import drawn
from deltalora.report.paper import MetricColumn
from deltalora.report.similarity import MATRICES, SimilarityFigure
from deltalora.report.statistics import Summary
from deltalora.report.table import RowResult, Table
from deltalora.results import RunRecord
from deltalora.results.table_request import heading

_ONE_SEED = "One seed: no band."
_BAND = "The band is ± one standard deviation over seeds."

#: x, and mean and deviation there, in the order of x.
Points = Sequence[tuple[float, Summary]]


@dataclass(frozen=True)
class Plot:
    """A plot of the index page.

    Attributes:
        anchor: Of the figure; also the name of its data file.
        title: What it shows.
        text: The text alternative: what is drawn, how, and what a band is.
        scale: By which it is filtered.
        views: What the script draws.
        csv: File with the numbers; empty where none is written.
    """

    anchor: str
    title: str
    text: str
    scale: str
    views: list[dict[str, Any]]
    csv: str = ""


def _line(name: str, row: str, points: Points) -> dict[str, Any]:
    """Return a line through means, with a band of one standard deviation where any point has several seeds."""
    made: dict[str, Any] = {
        "name": name,
        "row": row,
        "x": [x for x, _ in points],
        "y": [drawn(summary.mean) for _, summary in points],
    }
    if any(summary.sd is not None for _, summary in points):
        made["low"] = [drawn(summary.mean - (summary.sd or 0.0)) for _, summary in points]
        made["high"] = [drawn(summary.mean + (summary.sd or 0.0)) for _, summary in points]
    if counts := sorted({summary.n for _, summary in points}):
        made["n"] = counts[0] if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return made


def _panel(title: str, x: str, y: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "x": x, "y": y, "lines": lines}


def varied_plot(view: TableView) -> Plot | None:
    """Plot each metric against the value of the key that a table varies, the paper's curve in a panel of its own.

    In the paper's setting both are numbers of one experiment and share their axes. None where no key is varied or
    nothing finished.
    """
    table = view.table
    if table is None or table.vary is None:
        return None
    name = {"update_ratio": "lambda", "start_step": "K"}.get(table.rows_title, table.vary)
    views = [
        {"label": column.name, "panels": panels}
        for column in sorted(table.columns, key=lambda one: not one.in_paper)
        if (panels := _varied_panels(table, column, name, view.request.scale))
    ]
    if not views:
        return None
    apart = (
        "Both are in the paper's setting."
        if table.comparable
        else "The paper's curve has its own axes: it is of another scale, and levels must not be compared."
    )
    used = " K is the paper's; a part of it was used (see the table)." if name == "K" and table.departures else ""
    band = _BAND if len(table.provenance.seeds) > 1 else _ONE_SEED
    text = f"The chosen metric against {name}; a point is the mean over seeds. {band} {apart}{used}"
    title = f"{heading(table.name)}: the metric as {name} grows"
    return Plot(f"{view.anchor}-curve", title, text, view.request.scale, views, f"{view.anchor}.csv")


def _varied_panels(table: Table, column: MetricColumn, name: str, scale: str) -> list[dict[str, Any]]:
    rows = sorted(table.rows, key=lambda row: float(row.row))
    cells = [(float(row.row), row.cells[column.name]) for row in rows]
    ours = [(x, cell.ours) for x, cell in cells if cell.ours is not None]
    paper = [(x, Summary(1, float(cell.paper), None, None)) for x, cell in cells if cell.paper is not None]
    if not ours:
        return []
    lines, of_paper = [_line("ours", "ours", ours)], _line("paper", "paper", paper)
    if paper and table.comparable:
        return [_panel("Ours and the paper's", name, column.title, [*lines, of_paper])]
    panels = [_panel(f"Ours, {scale} scale", name, column.title, lines)]
    return panels + [_panel("The paper's, paper scale", name, column.title, [of_paper])] * bool(paper)


def similarity_plot(figure: SimilarityFigure, anchor: str, scale: str) -> Plot:
    """Plot Figure 3: the cosine by layer, one panel for W_Q and one for W_V."""
    panels = []
    for matrix in MATRICES:
        lines = [_line(one.label, one.row, list(one.cosines.items())) for one in figure.lines if one.matrix == matrix]
        panels.append(_panel(matrix, "layer", "cosine with the pre-trained weight", lines))
    several = any(summary.n > 1 for one in figure.lines for summary in one.cosines.values())
    band = _BAND if several else _ONE_SEED
    text = f"{figure.title}; one line per row. {band} The paper's curves are in its figure alone and are not drawn."
    views = [{"label": "", "panels": panels, "whole_x": True}]
    return Plot(f"{anchor}-curve", f"{heading(figure.name)}: {figure.caption}", text, scale, views, f"{anchor}.csv")


def training_plot(view: TableView, records: Mapping[str, RunRecord]) -> Plot | None:
    """Plot training and validation loss by step, one line per row and one view per experiment; None without a curve."""
    table = view.table
    if table is None:
        return None
    views = [{"label": part, "panels": panels} for part in table.parts if (panels := _losses(table, part, records))]
    if not views:
        return None
    several = any(len(part.seeds) > 1 for row in table.rows for part in row.parts.values())
    band = "the band is ± one standard deviation over the seeds that have the step" if several else "one seed, no band"
    text = (
        f"One line per row, the mean over its finished runs; {band}. A line has {MOST_POINTS} points at most. Every "
        "run's own curve is on its page."
    )
    title = f"{heading(table.name)}: losses in training, {view.request.scale} scale, {view.request.source} data"
    return Plot(f"{view.anchor}-training", title, text, view.request.scale, views)


def _losses(table: Table, part: str, records: Mapping[str, RunRecord]) -> list[dict[str, Any]]:
    panels = []
    for key, title in (("train_loss", "Training loss"), ("validation_loss", "Validation loss")):
        points = [(row, _over_seeds(row, part, key, records)) for row in table.rows]
        lines = [_line(row.label, row.row, of_row) for row, of_row in points if of_row]
        if lines:
            panels.append(_panel(title, "optimizer step", "nats per token", lines))
    return panels


def _over_seeds(row: RowResult, part: str, key: str, records: Mapping[str, RunRecord]) -> Points:
    """Return mean and deviation at each step that any run has, over the runs that have it, thinned to `MOST_POINTS`."""
    results = row.parts[part].seeds.values() if part in row.parts else ()
    curves = [curve_of(records[result.run_id].curve, key) for result in results if result.run_id in records]
    steps = sorted({step for curve in curves for step in curve})
    kept = [steps[place] for place in spread_places(len(steps), MOST_POINTS)]
    return [(step, _moments([curve[step] for curve in curves if step in curve])) for step in kept]


def _moments(values: Sequence[float]) -> Summary:
    """Summarise without the interval: a page has a hundred thousand points, and none shows it."""
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Summary(1, mean, None, None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Summary(len(values), mean, sd, None)
