"""Read a data set's own files, plain or gzipped: one clear line for each way to be wrong."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

from deltalora.errors import DataError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Row = TypeVar("Row", covariant=True)
Record = TypeVar("Record")

#: No field is near it; the csv module's own limit of 128 Ki characters is too close to XSum's longest article.
_LONGEST_CSV_FIELD = 2**24


class FileRows(NamedTuple, Generic[Row]):
    """One split as read: name inside the folder -> SHA-256 of every file, and the rows in file order."""

    files: Mapping[str, str]
    rows: tuple[Row, ...]


def find_file(folder: Path, names: Sequence[str], what: str) -> Path:
    """Return the first of several names that a folder has, or has with `.gz` behind it; DataError if none is there."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with {what}, found none; set task.data_dir to it")
    candidates = (folder / f"{name}{suffix}" for name in names for suffix in ("", ".gz"))
    if (path := next(filter(Path.is_file, candidates), None)) is not None:
        return path
    expected = f"expected {what} as {' or '.join(names)} (or .gz)"
    raise DataError(f"{folder}: {expected}, found none of them; set task.data_dir to the folder that has it")


def read_text(path: Path) -> str:
    """Return a whole file as text, unpacked if its name ends in .gz; DataError if it is damaged or not UTF-8."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            found = f"found a damaged one ({error})"
            raise DataError(f"{path}: expected a whole gzip file, {found}; copy it again") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, found = raw[: error.start].count(b"\n") + 1, f"found byte 0x{raw[error.start]:02x}"
        raise DataError(f"{path}:{line}: expected UTF-8 text, {found}; convert the file to UTF-8") from error


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each line as (`file:line`, text); lines end at a line feed only."""
    text = read_text(path).removesuffix("\n")
    for number, line in enumerate(text.split("\n") if text else [], start=1):
        yield f"{path}:{number}", line


def read_json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each line of a file as (`file:line`, JSON object); DataError for one that is none."""
    for where, line in read_lines(path):
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise DataError(f"{where}: expected one JSON object per line, found {line[:60]!r}; restore the line")
        yield where, found


def read_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each row of a csv file as (`file:line`, field by column); its header has at least the given columns."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    limit = csv.field_size_limit(_LONGEST_CSV_FIELD)
    try:
        header = next(reader, [])
        if not set(columns) <= set(header):
            wanted, found = ",".join(columns), repr(",".join(header))
            raise DataError(f"{path}:1: expected a header with {wanted}, found {found}; restore the header")
        for fields in reader:
            where = f"{path}:{reader.line_num}"
            if len(fields) != len(header):
                raise DataError(f"{where}: expected {len(header)} fields, found {len(fields)}; restore the line")
            yield where, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        raise DataError(f"{where}: expected a whole csv row, found: {error}; copy the file again") from error
    finally:
        csv.field_size_limit(limit)


def read_rows(
    path: Path, records: Iterable[tuple[str, Record]], parse: Callable[[Record], Row], fix: str
) -> tuple[Row, ...]:
    """Parse every (place, content) record of a file.

    A ValueError of `parse`, which says what it expected and found, becomes a DataError with the place and the `fix`.
    """
    rows = []
    for where, record in records:
        try:
            rows.append(parse(record))
        except ValueError as error:
            raise DataError(f"{where}: {error}; {fix}") from error
    if not rows:
        raise DataError(f"{path}: expected at least one example, found none; restore the file")
    return tuple(rows)


def text_field(row: Mapping[str, object], name: str, may_be_empty: bool = False) -> str:
    """Return a field's text as it stands; ValueError if it is missing, no text, or empty."""
    if name not in row:
        raise ValueError(f"expected the field {name}, found {', '.join(map(str, row)) or 'none'}")
    value = row[name]
    if not isinstance(value, str):
        raise ValueError(f"expected text in the field {name}, found {str(value)[:60]}")
    if not may_be_empty and not value.strip():
        raise ValueError(f"expected text in the field {name}, found an empty one")
    return value
