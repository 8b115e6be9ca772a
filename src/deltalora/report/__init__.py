"""What is shown to a reader: the paper's numbers as data, statistics over seeds, and tables of the two side by side.

Lives here: which records may stand in one table, what is computed from them, and how it looks in Markdown, LaTeX and
JSON; the data of figures, and in `figure`, which is imported apart, their drawing; imported apart, too, the `audit` of
the paper's own arithmetic and the register of `divergences`. Does not live here: making or
storing numbers (`training`, `metrics`, `results`) and printing them (`cli`). Imports neither torch nor transformers.
"""

from deltalora.report.build import build_table
from deltalora.report.json_export import to_json
from deltalora.report.latex import to_latex
from deltalora.report.markdown import figure_to_markdown, to_markdown
from deltalora.report.paper import PaperFigure, PaperTable, hyperparameter_table, paper_figure, paper_table
from deltalora.report.provenance import PartProvenance, Provenance
from deltalora.report.similarity import SimilarityFigure, build_figure, to_csv
from deltalora.report.statistics import Interval, Summary, paired_difference, summarise
from deltalora.report.table import Cell, Effect, EffectCell, PartResult, RowResult, SeedResult, Table

__all__ = [
    "Cell",
    "Effect",
    "EffectCell",
    "Interval",
    "PaperFigure",
    "PaperTable",
    "PartProvenance",
    "PartResult",
    "Provenance",
    "RowResult",
    "SeedResult",
    "SimilarityFigure",
    "Summary",
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
