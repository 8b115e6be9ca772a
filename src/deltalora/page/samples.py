"""What a run page shows of a run's files: some of its predictions, and the end of its log."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deltalora.errors import StoreError
from deltalora.results import Prediction, RunRecord
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
