"""The curves of one run, in the form that `series` describes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from deltalora.page.samples import spread_places
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
