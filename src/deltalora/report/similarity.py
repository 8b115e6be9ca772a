"""Figure 3 as data: the cosine similarity of fine-tuned and pre-trained W_Q and W_V by layer, read off the records."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Literal

from deltalora.errors import StoreError
from deltalora.report.grids import MISSING, Grid, spread
from deltalora.report.paper import PaperFigure
from deltalora.report.provenance import departures
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
_PROJECTION = re.compile(r"\.(?P<layer>\d+)\.(.*\.)?((?P<query>q|query|q_proj)|v|value|v_proj)$")


@dataclass(frozen=True)
class Point:
    """One matrix of one run."""

    row: str  #: name in conf/method
    seed: int
    layer: int  #: of the backbone, from 0
    matrix: Matrix
    projection: str  #: its name in the model
    cosine: float  #: of the fine-tuned, merged weight with the pre-trained one, -1 to 1
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
    """The whole figure."""

    name: str  #: e.g. 'figure3'
    title: str
    caption: str  #: under which setting our runs were done, in one line
    points: tuple[Point, ...]  #: row by row, seeds and layers ascending
    lines: tuple[Line, ...]  #: of W_Q, then of W_V; rows in the order of the request
    notes: tuple[str, ...]  #: what a reader must know of it, in sentences
    divergences: tuple[str, ...]  #: tags of the register's entries that touch it


def build_figure(figure: PaperFigure, request: TableRequest, records: Iterable[RunRecord]) -> SimilarityFigure:
    """Collect the figure, whose lines are the request's rows, from those of the records that the request names.

    Raises:
        StoreError: A row has no finished run, a finished run has no similarities, or the runs may not stand together;
            see `select_records`.
    """
    selected = select_records(records, request.rows)
    points: list[Point] = []
    for row in request.rows:
        finished = selected.finished[row.row][figure.experiment]
        if not finished:
            raise StoreError(
                f"{figure.name}: expected a finished run of {row.row}, found none; run "
                f"`deltalora train +table={figure.name}` with the same overrides first"
            )
        for seed, record in finished.items():
            points += _points(row.row, seed, record)
    first, seeds = selected.all_finished[0], sorted({point.seed for point in points})
    departing = departures(selected.all_finished)
    return SimilarityFigure(
        name=figure.name,
        title=figure.title,
        caption=f"{figure.experiment}, {first.source} data, {first.model.name}, {first.scale} scale, "
        f"{'seeds' if len(seeds) > 1 else 'seed'} {', '.join(map(str, seeds))}",
        points=tuple(points),
        lines=tuple(_line(row, matrix, points) for matrix in MATRICES for row in request.rows),
        notes=(
            f"The paper's figure is of {figure.setting}."
            + (f" Ours is not of its setting: {', '.join(departing)}." if departing else ""),
            *figure.notes,
        ),
        divergences=figure.divergences,
    )


def to_csv(figure: SimilarityFigure) -> str:
    """Every point as a line of comma-separated values, unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[field.name for field in fields(Point)], *map(astuple, figure.points)])
    return text.getvalue()


def similarity_grid(figure: SimilarityFigure) -> Grid:
    """The lines as a table: a line a layer, a column for each matrix and row."""
    layers = sorted({layer for line in figure.lines for layer in line.cosines})
    header = ("Layer", *(f"{line.matrix} {line.label}" for line in figure.lines))
    lines = []
    for layer in layers:
        found = (line.cosines.get(layer) for line in figure.lines)
        lines.append((str(layer), *(MISSING if one is None else spread(one, DECIMALS) for one in found)))
    return Grid(header=header, groups=(tuple(lines),), text_columns=1)


def _points(row: str, seed: int, record: RunRecord) -> list[Point]:
    if not record.similarity:
        raise StoreError(
            f"run {record.run_id} ({row}, seed {seed}): expected the similarities of its W_Q and W_V, found none, as "
            f"in records of earlier versions; run it again into a new runtime.results_dir"
        )
    points: dict[tuple[int, Matrix], Point] = {}
    for name, cosine in record.similarity.items():
        found = _PROJECTION.search(name)
        if found is None:
            raise StoreError(f"run {record.run_id}: expected projections of W_Q or W_V in a layer, found {name}")
        matrix: Matrix = "W_Q" if found["query"] else "W_V"
        point = Point(row, seed, int(found["layer"]), matrix, name, cosine, record.run_id)
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
