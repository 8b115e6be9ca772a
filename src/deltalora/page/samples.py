"""Some predictions of a run, each with its references and its own scores, and the end of the run's log.

The list of samples is HTML made here and not in a template: it is most of a run page's text, and a store may have ten
thousand runs.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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

_SCORES_NOTE = "The numbers at a sample are its own score, in the metric's own unit; corpus scores are no mean of them."


class Samples(NamedTuple):
    """The list of samples, and what must be said above it in sentences."""

    html: Markup
    notes: tuple[str, ...]


def spread_places(total: int, wanted: int) -> list[int]:
    """Return `wanted` places spread evenly over `total`, first and last among them; all where there are no more."""
    if total <= wanted:
        return list(range(total))
    if wanted == 1:
        return [0]
    return [round(place * (total - 1) / (wanted - 1)) for place in range(wanted)]


def samples(record: RunRecord, folder: Path) -> Samples:
    """Lay out predictions spread evenly over the file, or say why there are none.

    A file that is not the recorded one is shown with that remark: it is no proof of the scores, but a page must not
    fail for it.

    Raises:
        StoreError: A line that is shown is malformed, or predictions or segment statistics are there and unreadable.
    """
    if record.predictions is None:
        return Samples(Markup(), ("Nothing was decoded.",))
    path = folder / record.predictions.file
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        note = f"The predictions are not kept with this record; theirs had sha256 {record.predictions.sha256}."
        return Samples(Markup(), (note,))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error}; check or delete it") from error
    changed = hashlib.sha256(content).hexdigest() != record.predictions.sha256
    notes = ["This file's sha256 is not the recorded one: the scores are of another file."] if changed else []
    lines = content.removesuffix(b"\n").split(b"\n") if content else []  # as `read_predictions` splits
    if not lines:
        return Samples(Markup(), tuple(notes))
    places = spread_places(len(lines), SAMPLES)
    rows = _parsed([lines[place] for place in places], path, places)
    chosen = "spread evenly over the file, first and last among them; not chosen by quality"
    notes.append(f"{len(rows)} of {len(lines):,} predictions, {chosen if len(lines) > SAMPLES else 'all there are'}.")
    alone: Mapping[str, Sequence[tuple[str, str]]] = {}
    if record.segments is None:
        notes.append("This record has no statistics of single examples, so the samples have no scores of their own.")
    elif not (folder / record.segments.file).is_file():
        notes.append("The statistics of single examples are not kept with this record.")
    else:
        alone = _scores_by_id(record.experiment, read_segments(folder, record.segments), [row.id for row in rows])
        notes.append(_SCORES_NOTE)
    items = [_item(place + 1, row, alone.get(row.id, ())) for place, row in zip(places, rows, strict=True)]
    html = Markup('<ol class="samples">\n' + "".join(items) + "</ol>\n")  # every text in it was escaped
    return Samples(html, tuple(notes))


def _parsed(lines: Sequence[bytes], path: Path, places: Sequence[int]) -> list[Prediction]:
    """Parse lines all at once, in two thirds of the time of one by one; a malformed one is then named."""
    try:
        rows = _ROWS.validate_json(b"[" + b",".join(lines) + b"]", strict=True)
    except ValidationError:
        rows = []
    if len(rows) == len(lines):
        return rows
    return [parse_line(line, path, place + 1) for line, place in zip(lines, places, strict=True)]


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
    """Return the score of each row alone; None where one example has no score of this metric, as with correlations."""
    from deltalora.metrics.experiments import metric_of_score  # a page without samples needs no metric

    try:
        metric = metric_of_score(experiment, score)
        return [float(metric.aggregate(statistics[place : place + 1])) for place in range(len(statistics))]
    except MetricError:
        return None


def log_tail(folder: Path) -> str | None:
    """Return the last lines of the run's log, without a terminal's colours; None where there is no log."""
    try:
        with (folder / LOG_FILE).open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(0, length - _LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    return _ESCAPE.sub("", "\n".join(text.splitlines()[-LOG_LINES:]))
