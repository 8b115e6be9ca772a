"""Figure 3 as data: the cosine similarity of fine-tuned and pre-trained W_Q and W_V by layer, read off the records."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from deltalora.errors import StoreError
from deltalora.report.departures import departures
from deltalora.report.grids import MISSING, Grid
from deltalora.report.paper import PaperFigure
from deltalora.report.selection import select_records
from deltalora.report.statistics import Summary, summarise
from deltalora.results import RunRecord
from deltalora.results.table_request import Row, TableRequest

Matrix = Literal["W_Q", "W_V"]

#: The two panels.
MATRICES: tuple[Matrix, ...] = ("W_Q", "W_V")

#: Digits of a cosine: a low-rank update leaves some of them at 0.999.
DECIMALS = 5

#: The first number of a projection's name is its layer, the last word its role: transformer.h.0.attn.c_attn.q.
_LAYER = re.compile(r"\.(\d+)\.")
_ROLES: Mapping[str, Matrix] = {
    "q": "W_Q",
    "query": "W_Q",
    "q_proj": "W_Q",
    "v": "W_V",
    "value": "W_V",
    "v_proj": "W_V",
}


@dataclass(frozen=True)
class Point:
    """One matrix of one run.

    Attributes:
        row: Name in conf/method.
        seed: Of the run.
        layer: Of the backbone, from 0.
        matrix: W_Q or W_V.
        projection: Its name in the model.
        cosine: Of the fine-tuned, merged weight with the pre-trained one, -1 to 1.
        run_id: The run, by which its record is found.
    """

    row: str
    seed: int
    layer: int
    matrix: Matrix
    projection: str
    cosine: float
    run_id: str


@dataclass(frozen=True)
class Line:
    """One line of a panel: layer -> cosine over seeds, layers ascending."""

    row: str
    label: str
    matrix: Matrix
    cosines: dict[int, Summary]


@dataclass(frozen=True)
class SimilarityFigure:
    """The whole figure.

    Attributes:
        name: E.g. 'figure3'.
        title: What it shows.
        caption: Under which setting our runs were done, in one line.
        points: Row by row, seeds and layers ascending.
        lines: Of W_Q, then of W_V; rows in the order of the request.
        notes: What a reader must know of it, in sentences.
        divergences: Tags of the register's entries that touch it.
    """

    name: str
    title: str
    caption: str
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    divergences: tuple[str, ...]


def build_figure(figure: PaperFigure, request: TableRequest, records: Iterable[RunRecord]) -> SimilarityFigure:
    """Collect the figure from the records of its runs.

    Args:
        figure: What the paper's figure shows.
        request: The lines, in their order, and their runs; each of the figure's experiment.
        records: Any records; exactly those with a row's run ids are used.

    Raises:
        StoreError: A row has no finished run, a finished run has no similarities, or the runs may not stand together;
            see `select_records`.
    """
    rows = request.rows
    selected = select_records(records, rows)
    points: list[Point] = []
    for row in rows:
        finished = selected.finished[row.row][figure.experiment]
        if not finished:
            raise StoreError(
                f"{figure.name}: expected a finished run of {row.row}, found none; run "
                f"`deltalora train +table={figure.name}` with the same overrides first"
            )
        for seed, record in finished.items():
            points += _points(row.row, seed, record)
    finished_records = selected.all_finished
    return SimilarityFigure(
        name=figure.name,
        title=figure.title,
        caption=_caption(figure, finished_records),
        points=tuple(points),
        lines=tuple(_line(row, matrix, points) for matrix in MATRICES for row in rows),
        notes=(*_setting_notes(figure, finished_records), *figure.notes),
        divergences=figure.divergences,
    )


def to_csv(figure: SimilarityFigure) -> str:
    """Every point as a line of comma-separated values, unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "seed", "layer", "matrix", "projection", "cosine", "run_id"])
    for p in figure.points:
        writer.writerow([p.row, p.seed, p.layer, p.matrix, p.projection, repr(p.cosine), p.run_id])
    return text.getvalue()


def similarity_grid(figure: SimilarityFigure) -> Grid:
    """The lines as a table: a line a layer, a column for each matrix and row."""
    layers = sorted({layer for line in figure.lines for layer in line.cosines})
    header = ("Layer", *(f"{line.matrix} {line.label}" for line in figure.lines))
    lines = tuple((str(layer), *(_cell(line.cosines.get(layer)) for line in figure.lines)) for layer in layers)
    return Grid(header=header, groups=(lines,), text_columns=1)


def _points(row: str, seed: int, record: RunRecord) -> list[Point]:
    if not record.similarity:
        raise StoreError(
            f"run {record.run_id} ({row}, seed {seed}): expected the similarities of its W_Q and W_V, found none, as "
            f"in records of earlier versions; run it again into a new runtime.results_dir"
        )
    points: dict[tuple[int, Matrix], Point] = {}
    for name, cosine in record.similarity.items():
        layer, role = _LAYER.search(name), name.rpartition(".")[2]
        if layer is None or role not in _ROLES:
            raise StoreError(f"run {record.run_id}: expected projections of W_Q or W_V in a layer, found {name}")
        point = Point(row, seed, int(layer[1]), _ROLES[role], name, cosine, record.run_id)
        if (other := points.setdefault((point.layer, point.matrix), point)) is not point:
            raise StoreError(
                f"run {record.run_id}: expected one {point.matrix} a layer, found {other.projection} and {name}; "
                f"the figure shows a backbone with one attention per layer"
            )
    return [points[key] for key in sorted(points)]


def _line(row: Row, matrix: Matrix, points: Sequence[Point]) -> Line:
    by_layer: dict[int, list[float]] = {}
    for point in points:
        if point.row == row.row and point.matrix == matrix:
            by_layer.setdefault(point.layer, []).append(point.cosine)
    return Line(row.row, row.label, matrix, {layer: summarise(by_layer[layer]) for layer in sorted(by_layer)})


def _caption(figure: PaperFigure, records: Sequence[RunRecord]) -> str:
    first = records[0]
    seeds = sorted({record.seed for record in records})
    listed = f"{'seeds' if len(seeds) > 1 else 'seed'} {', '.join(map(str, seeds))}"
    return f"{figure.experiment}, {first.source} data, {first.model.name}, {first.scale} scale, {listed}"


def _setting_notes(figure: PaperFigure, records: Sequence[RunRecord]) -> tuple[str, ...]:
    departing = departures(records)
    paper = f"The paper's figure is of {figure.setting}."
    return (paper + (f" Ours is not of its setting: {', '.join(departing)}." if departing else ""),)


def _cell(summary: Summary | None) -> str:
    if summary is None:
        return MISSING
    spread = f"±{summary.sd:.{DECIMALS}f}" if summary.sd is not None else ""
    return f"{summary.mean:.{DECIMALS}f}{spread}"
