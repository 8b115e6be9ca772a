"""The plots of the index page: lambda and K, Figure 3, and training curves by row; see `series` for their form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deltalora.page.run_curves import MOST_POINTS, Curve, Loss
from deltalora.page.series import line, over_seeds
from deltalora.page.table_view import TableView
from deltalora.report.similarity import MATRICES, SimilarityFigure
from deltalora.report.statistics import Summary
from deltalora.report.table import Table

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
