"""What is shown to a reader: the paper's numbers as data, statistics over seeds, and tables of the two side by side.

Which records may stand in one table, what is computed from them, and how it looks in Markdown, LaTeX and JSON. Imported
apart: the drawing of figures (`figure`), the register of `divergences`, and `fidelity`. Making and storing numbers is
elsewhere (`training`, `metrics`, `results`), as is printing them (`cli`). Imports neither torch nor transformers.
"""

from deltalora.report.build import build_table
from deltalora.report.json_export import to_json
from deltalora.report.latex import to_latex
from deltalora.report.markdown import figure_to_markdown, to_markdown
from deltalora.report.paper import PaperFigure, PaperTable, hyperparameter_table, paper_figure, paper_table
from deltalora.report.similarity import build_figure, to_csv
from deltalora.report.statistics import paired_difference, summarise
from deltalora.report.table import Table

__all__ = [
    "PaperFigure",
    "PaperTable",
    "Table",
    "build_figure",
    "build_table",
    "figure_to_markdown",
    "hyperparameter_table",
    "paired_difference",
    "paper_figure",
    "paper_table",
    "summarise",
    "to_csv",
    "to_json",
    "to_latex",
    "to_markdown",
]
