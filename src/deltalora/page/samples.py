"""The list of samples on a run's page: input, prediction, references, and each one's own scores.

The one part of a page that is put together here and not in a template: it is most of the page's texts, and a store may
have ten thousand pages.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError

from deltalora.errors import MetricError, StoreError
from deltalora.page.templating import text_html
from deltalora.results import Prediction, RunRecord, Segments, read_segments
from deltalora.results.predictions import parse_line
from deltalora.results.store import LOG_FILE

#: Predictions shown of a run.
SAMPLES = 20
#: Lines shown of a log.
LOG_LINES = 60
#: Bytes read of a log's end; a line is seldom longer than a few hundred.
_LOG_BYTES = 32 * 1024

_ROWS = TypeAdapter(list[Prediction])

#: Colours and cursor movements of a terminal.
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Samples:
    """Some predictions of a run.

    Attributes:
        rows: Place in the file, from 0, and prediction.
        total: Number of predictions in the file.
        note: What a reader must know of the file; empty if nothing.
    """

    rows: tuple[tuple[int, Prediction], ...]
    total: int
    note: str


def spread_places(total: int, wanted: int) -> list[int]:
    """`wanted` places spread evenly over `total`, first and last among them; all where there are no more."""
    if total <= wanted:
        return list(range(total))
    if wanted == 1:
        return [0]
    return [round(place * (total - 1) / (wanted - 1)) for place in range(wanted)]


def samples(record: RunRecord, folder: Path) -> Samples:
    """Predictions spread evenly over the file; none, with the reason, where there is no file.

    A file that is not the recorded one is shown with that remark: it is no proof of the scores, but a page must not
    fail for it.

    Raises:
        StoreError: A line that is shown is malformed, or the file cannot be read.
    """
    if record.predictions is None:
        return Samples((), 0, "Nothing was decoded.")
    path = folder / record.predictions.file
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        note = f"The predictions are not kept with this record; theirs had sha256 {record.predictions.sha256}."
        return Samples((), 0, note)
    except OSError as error:
        raise StoreError(f"{path}: expected a readable file, found: {error}; check or delete it") from error
    changed = hashlib.sha256(content).hexdigest() != record.predictions.sha256
    lines = content.removesuffix(b"\n").split(b"\n") if content else []  # as `read_predictions` splits
    places = spread_places(len(lines), SAMPLES)
    rows = _parsed([lines[place] for place in places])
    if rows is None:
        rows = [parse_line(lines[place], path, place + 1) for place in places]
    note = "This file has another sha256 than the record says: the scores are not of it." if changed else ""
    return Samples(tuple(zip(places, rows, strict=True)), len(lines), note)


def _parsed(lines: Sequence[bytes]) -> list[Prediction] | None:
    """All at once, in two thirds of the time of one by one; None where one is malformed, which is then to be named."""
    try:
        rows = _ROWS.validate_json(b"[" + b",".join(lines) + b"]", strict=True)
    except ValidationError:
        return None
    return rows if len(rows) == len(lines) else None


def log_tail(folder: Path) -> str | None:
    """The last lines of the run's log, without a terminal's colours; None where there is no log."""
    path = folder / LOG_FILE
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(0, length - _LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    # The end first: most of what was read is not shown, and a terminal's colours hold no line break.
    return _ESCAPE.sub("", "\n".join(text.splitlines()[-LOG_LINES:]))


@dataclass(frozen=True)
class SampleList:
    """The samples as HTML, and what must be said above them."""

    html: Markup
    note: str


def sample_list(record: RunRecord, folder: Path, shown: Samples) -> SampleList:
    """Lay the samples out, each with its own scores, and say why there are none where there are none.

    Raises:
        StoreError: The segment statistics are there and cannot be read.
    """
    if not shown.rows:
        return SampleList(Markup(), "")
    how_many = (
        "spread evenly over the file, first and last among them; not chosen by quality"
        if shown.total > SAMPLES
        else "all there are"
    )
    note = f"{len(shown.rows)} of {shown.total:,} predictions, {how_many}."
    alone: Mapping[str, Sequence[tuple[str, str]]] = {}
    if record.segments is None:
        note += " This record has no statistics of single examples, so the samples have no scores of their own."
    elif not (folder / record.segments.file).is_file():
        note += " The statistics of single examples are not kept with this record."
    else:
        segments = read_segments(folder, record.segments)
        alone = _scores_by_id(record.experiment, segments, [row.id for _, row in shown.rows])
        note += (
            " The numbers at a sample are its score alone, in the metric's own unit; corpus scores are no mean of them."
        )
    items = "".join(_item(place + 1, row, alone.get(row.id, ())) for place, row in shown.rows)
    return SampleList(Markup('<ol class="samples">\n' + items + "</ol>\n"), note)  # every text in it was escaped


def _item(place: int, row: Prediction, scores: Sequence[tuple[str, str]]) -> str:
    references = "".join(f"<dd>{text_html(one)}</dd>" for one in row.references) or "<dd>(none)</dd>"
    plural = "s" if len(row.references) > 1 else ""
    alone = ", ".join(f"{text_html(name)} {value}" for name, value in scores)
    return (
        f'<li value="{place}"><dl>\n'
        f"<dt>Input <code>{text_html(row.id)}</code></dt><dd>{text_html(row.source)}</dd>\n"
        f'<dt>Prediction</dt><dd class="prediction">{text_html(row.prediction or "(empty)")}</dd>\n'
        f"<dt>Reference{plural}</dt>{references}\n"
        + (f'<dt>Alone</dt><dd class="small">{alone}</dd>\n' if alone else "")
        + "</dl></li>\n"
    )


def _scores_by_id(experiment: str, segments: Segments, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {one: [] for one in ids}
    for score, rows in segments.statistics.items():
        place_of = {one: place for place, one in enumerate(segments.ids_of(score))}
        here = [one for one in ids if one in place_of]
        values = _example_scores(experiment, score, rows[[place_of[one] for one in here]]) if here else None
        for one, value in zip(here, values or (), strict=values is not None):
            found[one].append((score, f"{value:.3g}"))
    return found


def _example_scores(experiment: str, score: str, statistics: npt.NDArray[np.float64]) -> list[float] | None:
    """The score of each row alone; None where one example has no score of this metric, as with correlations."""
    from deltalora.metrics.lookup import metric_of_score  # a page without samples needs no metric

    try:
        metric = metric_of_score(experiment, score)
        return [float(metric.aggregate(statistics[place : place + 1])) for place in range(len(statistics))]
    except MetricError:
        return None
