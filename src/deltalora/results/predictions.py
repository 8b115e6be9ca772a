"""Decoded texts as JSON lines, one example per line, keyed by the example's id."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from deltalora.errors import StoreError
from deltalora.results.atomic import write_atomic
from deltalora.results.schema import StoredModel, parse, read_text


class Prediction(StoredModel):
    """One decoded example with all it was scored against."""

    id: str = Field(min_length=1, description="The example's stable id; unique in the file.")
    source: str = Field(description="The input as the model saw it, as text.")
    prediction: str = Field(description="The decoded text after post-processing; may be empty.")
    references: tuple[str, ...] = Field(description="All references of the input.")


def write_predictions(path: Path, rows: Iterable[Prediction]) -> str:
    """Write the rows atomically, in the order given, and return the file's SHA-256; an id twice is a StoreError."""
    lines: dict[str, str] = {}
    for row in rows:
        if row.id in lines:
            raise StoreError(f"{path}: expected one prediction per example, found id {row.id!r} twice; decode it once")
        lines[row.id] = row.model_dump_json() + "\n"
    content = "".join(lines.values()).encode()
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def read_predictions(path: Path, sha256: str | None = None) -> list[Prediction]:
    """Read what `write_predictions` wrote, in its order.

    Raises:
        StoreError: The file is missing, malformed (names the line), holds an id twice, or has another digest than the
            given one, of the record's `predictions.sha256`.
    """
    text, fix = read_text(path), "restore the file or run again"
    if text is None:
        raise StoreError(f"{path}: expected a predictions file, found none; run the experiment again")
    if sha256 is not None and (found := hashlib.sha256(text.encode()).hexdigest()) != sha256:
        raise StoreError(f"{path}: expected sha256 {sha256[:12]}… as recorded, found {found[:12]}…; {fix}")
    rows: dict[str, Prediction] = {}
    # Not str.splitlines: it also splits at U+2028, which JSON leaves inside strings.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        row = parse_line(line, path, number)
        if row.id in rows:
            raise StoreError(f"{path}:{number}: expected each id once, found {row.id!r} again; {fix}")
        rows[row.id] = row
    return list(rows.values())


def parse_line(line: str | bytes, path: Path, number: int) -> Prediction:
    """Read one line of a predictions file; StoreError, naming file and line, if it is malformed."""
    return parse(Prediction, line, f"{path}:{number}", "restore the file or run the experiment again")
