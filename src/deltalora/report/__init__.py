"""What is shown to a reader: the paper's numbers as data, statistics over seeds, and tables of the two side by side.

Lives here: which records may stand in one table, what is computed from them, and how it looks in Markdown, LaTeX and
JSON. Does not live here: making or storing numbers (`training`, `metrics`, `results`) and printing them (`cli`).
Imports neither torch nor transformers.
"""

from deltalora.report.json_export import to_json
from deltalora.report.latex import to_latex
from deltalora.report.markdown import to_markdown
from deltalora.report.paper import PaperTable, hyperparameter_table, paper_table
from deltalora.report.provenance import Provenance
from deltalora.report.selection import TableRow
from deltalora.report.statistics import Interval, Summary, paired_difference, summarise
from deltalora.report.table import Cell, Effect, EffectCell, RowResult, SeedResult, Table, build_table

__all__ = [
    "Cell",
    "Effect",
    "EffectCell",
    "Interval",
    "PaperTable",
    "Provenance",
    "RowResult",
    "SeedResult",
    "Summary",
    "Table",
    "TableRow",
    "build_table",
    "hyperparameter_table",
    "paired_difference",
    "paper_table",
    "summarise",
    "to_json",
    "to_latex",
    "to_markdown",
]
