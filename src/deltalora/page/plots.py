"""The plots of the index page: lambda and K, Figure 3, and training curves by row; see `series` for their form."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from deltalora.page.samples import spread_places
from deltalora.page.table_view import TableView
from deltalora.page.templating import drawn
from deltalora.report.similarity import MATRICES, SimilarityFigure
from deltalora.report.statistics import Summary
from deltalora.report.table import Table
from deltalora.results import CurvePoint

#: Points drawn of a line at most; a longer one is thinned evenly, and the page says so.
MOST_POINTS = 300

#: Step -> value, of one run.
Curve = Mapping[int, float]

Loss = Literal["train_loss", "validation_loss"]


def curve_of(points: Sequence[CurvePoint], loss: Loss) -> dict[int, float]:
    """The losses of one run by step, where there is one."""
    if loss == "train_loss":
        return {point.step: point.train_loss for point in points if point.train_loss is not None}
    return {point.step: point.validation_loss for point in points if point.validation_loss is not None}


def _own_line(name: str, of_run: Curve) -> dict[str, Any]:
    steps = sorted(of_run)
    kept = [steps[place] for place in spread_places(len(steps), MOST_POINTS)] if len(steps) > MOST_POINTS else steps
    return {"name": name, "row": "", "x": kept, "y": [of_run[step] for step in kept]}


def own_curves(points: Sequence[CurvePoint]) -> dict[str, Any] | None:
    """The plot of one run's losses and learning rate; None without a point."""
    panels: list[dict[str, Any]] = []
    titles: tuple[tuple[Loss, str], ...] = (("train_loss", "training loss"), ("validation_loss", "validation loss"))
    for loss, title in titles:
        if of_run := curve_of(points, loss):
            lines = [_own_line(title, of_run)]
            panels.append({"title": title.capitalize(), "x": "optimizer step", "y": "nats a token", "lines": lines})
    rates = {point.step: point.learning_rate for point in points if point.learning_rate is not None}
    if rates:
        lines = [_own_line("learning rate", rates)]
        panels.append({"title": "Learning rate", "x": "optimizer step", "y": "of the step", "lines": lines})
    return {"views": [{"label": "", "panels": panels}]} if panels else None


def line(name: str, row: str, points: Sequence[tuple[float, Summary]]) -> dict[str, Any]:
    """A line through means; the band is one standard deviation to both sides, where any point has several seeds."""
    made: dict[str, Any] = {
        "name": name,
        "row": row,
        "x": [x for x, _ in points],
        "y": [drawn(summary.mean) for _, summary in points],
    }
    if any(summary.sd is not None for _, summary in points):
        made["low"] = [drawn(summary.mean - (summary.sd or 0.0)) for _, summary in points]
        made["high"] = [drawn(summary.mean + (summary.sd or 0.0)) for _, summary in points]
    if len(counts := sorted({summary.n for _, summary in points})) > 0:
        made["n"] = counts[0] if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return made


def over_seeds(curves: Sequence[Curve]) -> list[tuple[float, Summary]]:
    """Mean and deviation at every step that any run has, over the runs that have it, thinned to `MOST_POINTS`."""
    steps = sorted({step for curve in curves for step in curve})
    kept = [steps[place] for place in spread_places(len(steps), MOST_POINTS)]
    return [(step, _moments([curve[step] for curve in curves if step in curve])) for step in kept]


def _moments(values: Sequence[float]) -> Summary:
    """`summarise` without the interval: a page has a hundred thousand points, and none shows it."""
    n = len(values)
    if n == 1:
        return Summary(1, values[0], None, None)
    mean = math.fsum(values) / n
    return Summary(n, mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)), None)


#: Run id -> loss -> step -> value.
Curves = Mapping[str, Mapping[Loss, Curve]]

_LOSSES: tuple[tuple[Loss, str], ...] = (("train_loss", "Training loss"), ("validation_loss", "Validation loss"))


@dataclass(frozen=True)
class Plot:
    """A plot of the index page.

    Attributes:
        anchor: Of the figure; also the name of its data file.
        title: What it shows.
        text: The text alternative: what is drawn, how, and what a band is.
        scale: By which it is filtered.
        data: What the script draws.
        csv: File with the numbers; empty where none is written.
    """

    anchor: str
    title: str
    text: str
    scale: str
    data: dict[str, Any]
    csv: str = ""


def varied_plot(view: TableView) -> Plot | None:
    """Our metric against the value of the key that a table varies, the paper's curve in a panel of its own.

    At the paper's own setting both are numbers of one experiment, and stand on one axis. None where no key is varied or
    nothing finished.
    """
    table = view.table
    if table is None or table.vary is None:
        return None
    name = {"update_ratio": "lambda", "start_step": "K"}.get(table.vary.rpartition(".")[2], table.vary)
    views = []
    for column in sorted(table.columns, key=lambda one: not one.in_paper):
        title = f"{column.name} {'↑' if column.higher_is_better else '↓'}"
        ours = _varied(table, column.name, ours=True)
        paper = _varied(table, column.name, ours=False) if column.in_paper else []
        if not ours:
            continue
        panels: list[dict[str, Any]] = [
            {"title": f"Ours, {view.asked.scale} scale", "x": name, "y": title, "lines": [line("ours", "ours", ours)]}
        ]
        of_paper = line("paper", "paper", paper)
        if paper and table.comparable:
            panels[0]["title"] = "Ours and the paper's"
            panels[0]["lines"].append(of_paper)
        elif paper:
            panels.append({"title": "The paper's, paper scale", "x": name, "y": title, "lines": [of_paper]})
        views.append({"label": column.name, "panels": panels})
    if not views:
        return None
    seeds = len(table.provenance.seeds)
    band = "The band is ± one standard deviation over seeds." if seeds > 1 else "One seed: no band."
    apart = (
        "Both are of the paper's setting."
        if table.comparable
        else "The paper's curve has its own axes: it is of another scale, and levels must not be compared."
    )
    used = (
        " K is the paper's; the step used is a part of it (see the table)." if name == "K" and table.departures else ""
    )
    text = f"The chosen metric against {name}; a point is the mean over seeds. {band} {apart}{used}"
    title = f"{view.heading}: the metric as {name} grows"
    return Plot(f"{view.anchor}-curve", title, text, view.asked.scale, {"views": views}, f"{view.anchor}.csv")


def _varied(table: Table, column: str, *, ours: bool) -> list[tuple[float, Summary]]:
    points = []
    for row in table.rows:
        cell = row.cells[column]
        summary = cell.ours if ours else None if cell.paper is None else Summary(1, float(cell.paper), None, None)
        if summary is not None:
            points.append((float(row.row), summary))
    return sorted(points, key=lambda point: point[0])


def similarity_plot(figure: SimilarityFigure, anchor: str, scale: str) -> Plot:
    """Figure 3: the cosine by layer, a panel for W_Q and one for W_V."""
    panels = [
        {
            "title": matrix,
            "x": "layer",
            "y": "cosine with the pre-trained weight",
            "lines": [
                line(one.label, one.row, list(one.cosines.items())) for one in figure.lines if one.matrix == matrix
            ],
        }
        for matrix in MATRICES
    ]
    several = any(summary.n > 1 for one in figure.lines for summary in one.cosines.values())
    band = "The band is ± one standard deviation over seeds." if several else "One seed: no band."
    text = f"{figure.title}; a line a row. {band} The paper's curves are in its figure alone and are not drawn."
    views = [{"label": "", "panels": panels, "whole_x": True}]
    return Plot(f"{anchor}-curve", f"Figure 3: {figure.caption}", text, scale, {"views": views}, f"{anchor}.csv")


def training_plot(view: TableView, curves: Curves) -> Plot | None:
    """Training and validation loss by step, a line a row and a view an experiment; None without a curve."""
    table = view.table
    if table is None:
        return None
    views = []
    thinned = False
    for part in table.parts:
        panels = []
        for loss, title in _LOSSES:
            lines = []
            for row in table.rows:
                ids = [seed.run_id for seed in row.parts[part].seeds.values()] if part in row.parts else []
                of_runs = [curves[run_id][loss] for run_id in ids if run_id in curves and curves[run_id][loss]]
                if of_runs:
                    thinned |= len({step for curve in of_runs for step in curve}) > MOST_POINTS
                    lines.append(line(row.label, row.row, over_seeds(of_runs)))
            if lines:
                panels.append({"title": title, "x": "optimizer step", "y": "nats a token", "lines": lines})
        if panels:
            views.append({"label": part, "panels": panels})
    if not views:
        return None
    several = any(len(part.seeds) > 1 for row in table.rows for part in row.parts.values())
    band = "the band is ± one standard deviation over the seeds that have the step" if several else "one seed, no band"
    thin = f" Lines are thinned to {MOST_POINTS} points." if thinned else ""
    text = f"A line a row, the mean over its finished runs; {band}.{thin} Every run's own curve is on its page."
    title = f"{view.heading}: losses in training, {view.asked.scale} scale, {view.asked.source} data"
    return Plot(f"{view.anchor}-training", title, text, view.asked.scale, {"views": views})
