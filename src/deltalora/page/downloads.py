"""The numbers of the page as files to download, unrounded."""

import csv
import io
from collections.abc import Iterable, Sequence

from deltalora.page.run_list import RunLine
from deltalora.report.table import Table


def _csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)  # None is written as nothing
    return text.getvalue()


def table_csv(table: Table) -> str:
    """One line a row and metric: the paper's number, ours over seeds with its interval, and the gap if there is one."""
    lines = []
    for row in table.rows:
        for column in table.columns:
            cell = row.cells[column.name]
            ours = cell.ours
            between = ours.interval if ours else None
            lines.append(
                (
                    row.row,
                    row.label,
                    column.name,
                    cell.paper,
                    ours.mean if ours else None,
                    ours.sd if ours else None,
                    ours.n if ours else 0,
                    between.low if between else None,
                    between.high if between else None,
                    cell.difference,
                )
            )
    header = ("row", "label", "metric", "paper", "mean", "sd", "n", "t_low", "t_high", "ours_minus_paper")
    return _csv(header, lines)


def runs_csv(runs: Sequence[RunLine]) -> str:
    """One line a run: what it is, how it ended, what it cost, and every score in the metric's own unit."""
    scores = sorted({name for run in runs for name in run.scores})
    header = (
        *("run_id", "config_id", "experiment", "scale", "source", "row", "method", "seed", "status", "error"),
        *("commit", "results_version", "trainable", "validation_loss", "wall_s", "train_s", "peak_memory_bytes"),
        *scores,
    )
    lines = (
        (
            *(one.run_id, one.config_id, one.experiment, one.scale, one.source, one.row, one.method, one.seed),
            *(one.status, one.error_type, one.commit, one.results_version, one.trainable, one.validation_loss),
            *(one.wall_s, one.train_s, one.peak_memory_bytes),
            *(one.scores.get(name) for name in scores),
        )
        for one in runs
    )
    return _csv(header, lines)
