"""Figure 3 drawn: a panel for W_Q and one for W_V, a line for every row. Alone needs matplotlib, so imported apart."""

import io
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import RcKeyType

from deltalora.report.similarity import MATRICES, Line, Matrix, SimilarityFigure

Format = Literal["svg", "png"]

#: Colour (Okabe and Ito's), dash and marker of the lines, so that they part in print and for every colour vision.
_STYLES = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#009E73", "-.", "^"), ("#CC79A7", ":", "D"))
#: A paper's text width, in inches.
_SIZE = (6.8, 2.9)
_SETTINGS: dict[RcKeyType, Any] = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.linewidth": 0.4,
    "grid.color": "#dddddd",
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "mathtext.fontset": "dejavusans",
    "svg.hashsalt": "deltalora",  # the same data gives the same bytes
}


def draw(figure: SimilarityFigure, form: Format) -> bytes:
    """The figure as a file; shaded is the standard deviation over seeds, where there are several."""
    with rc_context(_SETTINGS):
        canvas = Figure(figsize=_SIZE, layout="constrained")
        panels: list[Axes] = list(canvas.subplots(1, len(MATRICES), sharey=True))
        for panel, matrix in zip(panels, MATRICES, strict=True):
            _panel(panel, matrix, [line for line in figure.lines if line.matrix == matrix])
        panels[0].set_ylabel("cosine similarity\nwith the pre-trained weight")
        handles, labels = panels[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, handlelength=3.2)
        canvas.supxlabel(figure.caption, fontsize=6.5, color="#555555")
        file = io.BytesIO()
        canvas.savefig(file, format=form, dpi=300, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def _panel(panel: Axes, matrix: Matrix, lines: list[Line]) -> None:
    for line, (colour, dash, marker) in zip(lines, _STYLES, strict=False):
        layers = list(line.cosines)
        means = [summary.mean for summary in line.cosines.values()]
        spread = [summary.sd or 0.0 for summary in line.cosines.values()]
        label = line.label.replace("W_Q", "$W_Q$").replace("W_V", "$W_V$")
        panel.plot(layers, means, color=colour, linestyle=dash, marker=marker, label=label)
        if any(spread):
            low = [mean - sd for mean, sd in zip(means, spread, strict=True)]
            high = [mean + sd for mean, sd in zip(means, spread, strict=True)]
            panel.fill_between(layers, low, high, color=colour, alpha=0.15, linewidth=0)
    panel.set_title(f"${matrix}$", pad=3)
    panel.set_xlabel("layer")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.ticklabel_format(axis="y", useOffset=False)
    panel.grid(visible=True)
    panel.set_axisbelow(True)
