"""Curves over seeds, and the form in which the page's script draws them.

A plot is `{"views": [{"label", "panels": [{"title", "x", "y", "lines": [line, ...]}, ...]}, ...]}`; a line is
`{"name", "row", "x", "y"}` with `low` and `high` where there is a band. The views are offered in a select box, panels
stand side by side, each on its own axes.
"""

import math
from collections.abc import Sequence
from typing import Any

from deltalora.page.environment import drawn
from deltalora.page.run_curves import MOST_POINTS, Curve
from deltalora.page.samples import spread_places
from deltalora.report.statistics import Summary


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
