"""The paper's tables as data: numbers transcribed once, each with where it was read.

Lives here: the YAML files, their types and their loaders. Does not live here: anything of ours, and any number that is
not printed in arXiv 2309.02411; a cell that the paper leaves empty is null.
"""

from deltalora.report.paper.loader import (
    FigureRow,
    HyperparameterTable,
    MetricColumn,
    PaperFigure,
    PaperRow,
    PaperTable,
    hyperparameter_table,
    paper_figure,
    paper_table,
)

__all__ = [
    "FigureRow",
    "HyperparameterTable",
    "MetricColumn",
    "PaperFigure",
    "PaperRow",
    "PaperTable",
    "hyperparameter_table",
    "paper_figure",
    "paper_table",
]
