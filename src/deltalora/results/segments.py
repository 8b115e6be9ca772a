"""The segment statistics of a run's scores, kept beside its record: two runs can be compared example by example.

`segments.npz` is a file for `numpy.load`: `ids`, one array of texts, the scored examples in order; for every score
`statistics/NAME`, one row per segment, as the metric made them; and for a score of some of the examples (BLEU-S,
Accuracy-matched) `places/NAME`, the places of its rows among the ids. The members are stored uncompressed and stamped
with one fixed time, and whole numbers in the smallest integer type that holds them, so that equal statistics are equal
bytes on any machine.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from deltalora.errors import StoreError, cannot
from deltalora.results.atomic import write_atomic
from deltalora.results.schema import Sha256, StoredModel

SEGMENTS_FILE = "segments.npz"

#: The earliest moment a zip archive can state; the time of writing would make equal content unequal bytes.
_STAMP = (1980, 1, 1, 0, 0, 0)

Rows = npt.NDArray[np.float64]


class Scored(Protocol):
    """The part of a score that is kept; `metrics.Score` has it."""

    @property
    def statistics(self) -> Rows:
        """One row per segment."""

    @property
    def places(self) -> tuple[int, ...] | None:
        """The places of the rows among all segments; None: one row for each."""


class SegmentsFile(StoredModel):
    """The file of segment statistics."""

    file: str = Field(description="Name inside the run's folder.")
    sha256: Sha256 = Field(description="Of that file.")


@dataclass(frozen=True, eq=False)
class Segments:
    """The segment statistics behind one run's scores."""

    ids: tuple[str, ...]  # the scored examples, in order
    statistics: Mapping[str, Rows]  # name of a score -> its statistics (n, k)
    places: Mapping[str, tuple[int, ...]]  # of a score of some of the examples: the places of its rows among the ids

    def ids_of(self, score: str) -> tuple[str, ...]:
        """Return the examples behind the rows of a score, in order."""
        return tuple(self.ids[place] for place in self.places[score]) if score in self.places else self.ids


def write_segments(folder: Path, scores: Mapping[str, Scored], ids: Sequence[str]) -> SegmentsFile:
    """Write the statistics of every score of the examples `ids`, atomically; equal content gives equal bytes.

    Raises:
        StoreError: An id occurs twice, a score does not have one row for each of its examples, a statistic is no
            number, or the file cannot be written.
    """
    path = folder / SEGMENTS_FILE
    segments = Segments(
        tuple(ids),
        {name: one.statistics for name, one in scores.items()},
        {name: tuple(one.places) for name, one in scores.items() if one.places is not None},
    )
    _check(path, segments, "score every example once")
    members: dict[str, npt.NDArray[np.generic]] = {"ids": np.array(segments.ids, dtype="<U")}
    members |= {f"statistics/{name}": _smallest(rows) for name, rows in segments.statistics.items()}
    members |= {f"places/{name}": np.array(places, dtype="<i4") for name, places in segments.places.items()}
    content = _archive(members)
    write_atomic(path, content)
    return SegmentsFile(file=SEGMENTS_FILE, sha256=hashlib.sha256(content).hexdigest())


def read_segments(folder: Path, entry: SegmentsFile) -> Segments:
    """Read what `write_segments` wrote; StoreError if it is missing, malformed, or not what the record's entry says."""
    path = folder / entry.file
    remedy = "restore the file or run again"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{cannot('read', path, error)}; {remedy}") from error
    if (found := hashlib.sha256(content).hexdigest()) != entry.sha256:
        raise StoreError(f"{path}: expected sha256 {entry.sha256[:12]}… as recorded, found {found[:12]}…; {remedy}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
        segments = Segments(
            tuple(str(one) for one in members.pop("ids").tolist()),
            {name: rows.astype(np.float64) for name, rows in _under("statistics/", members)},
            {name: tuple(map(int, rows)) for name, rows in _under("places/", members)},
        )
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path}: expected an archive of segment statistics, found: {error}; {remedy}") from error
    _check(path, segments, remedy)
    return segments


def _under(prefix: str, members: Mapping[str, npt.NDArray[np.generic]]) -> list[tuple[str, npt.NDArray[np.generic]]]:
    return [(name.removeprefix(prefix), rows) for name, rows in members.items() if name.startswith(prefix)]


def _check(path: Path, segments: Segments, remedy: str) -> None:
    if len(set(segments.ids)) != len(segments.ids):
        twice = next(one for one in segments.ids if segments.ids.count(one) > 1)
        raise StoreError(f"{path}: expected every example id once, found {twice!r} again; {remedy}")
    for name, rows in segments.statistics.items():
        places = segments.places.get(name)
        if places is not None and not all(0 <= place < len(segments.ids) for place in places):
            raise StoreError(f"{path}: expected places of {name} below {len(segments.ids)}, found others; {remedy}")
        expected = len(segments.ids if places is None else places)
        if rows.ndim != 2 or len(rows) != expected:
            shapes = f"shape ({expected}, k), found {rows.shape}"
            raise StoreError(f"{path}: expected statistics of {name} of {shapes}; {remedy}")
        if not np.isfinite(rows).all():
            raise StoreError(f"{path}: expected finite statistics of {name}, found others; {remedy}")


def _smallest(rows: Rows) -> npt.NDArray[np.generic]:
    """Return the rows in the smallest integer type that holds them exactly, or unchanged."""
    if rows.size and (np.trunc(rows) == rows).all():
        for kind in ("<i1", "<i2", "<i4"):
            if np.abs(rows).max() <= np.iinfo(kind).max:
                return rows.astype(kind)
    return np.ascontiguousarray(rows, dtype="<f8")


def _archive(members: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            member = io.BytesIO()
            np.lib.format.write_array(member, members[name], version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_STAMP)
            entry.create_system = 3  # Unix, whatever wrote it
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()
