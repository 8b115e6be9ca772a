"""What is shown to a reader: the paper's numbers as data, statistics over seeds, and tables of the two side by side.

Numbers are made and stored elsewhere (`training`, `metrics`, `results`), and printed by `cli`. Imported apart: the
drawing of figures (`figure`), the register of `divergences`, and `fidelity`. Imports neither torch nor transformers.
"""

from deltalora.report.build import build_table
from deltalora.report.json_export import to_json
from deltalora.report.latex import to_latex
from deltalora.report.markdown import figure_to_markdown, to_markdown
from deltalora.report.paper import PaperFigure, PaperTable, hyperparameter_table, paper_figure, paper_table
from deltalora.report.similarity import build_figure, to_csv

__all__ = [
    "PaperFigure",
    "PaperTable",
    "build_figure",
    "build_table",
    "figure_to_markdown",
    "hyperparameter_table",
    "paper_figure",
    "paper_table",
    "to_csv",
    "to_json",
    "to_latex",
    "to_markdown",
]
