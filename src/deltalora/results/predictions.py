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
    """Write the rows atomically, in the order given, and return the file's SHA-256.

    Raises:
        StoreError: Two rows have the same id, or the file cannot be written.
    """
    kept = list(rows)
    seen: set[str] = set()
    for row in kept:
        if row.id in seen:
            raise StoreError(f"{path}: expected one prediction per example, found id {row.id!r} twice; decode it once")
        seen.add(row.id)
    content = "".join(row.model_dump_json() + "\n" for row in kept).encode()
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def read_predictions(path: Path, sha256: str | None = None) -> list[Prediction]:
    """Read what `write_predictions` wrote, in its order.

    Args:
        path: The file.
        sha256: Digest the file must have, as in the record's `predictions.sha256`; None to accept any.

    Raises:
        StoreError: The file is missing, malformed (names the line), holds an id twice, or has another digest.
    """
    text = read_text(path)
    if text is None:
        raise StoreError(f"{path}: expected a predictions file, found none; run the experiment again")
    if sha256 is not None and (found := hashlib.sha256(text.encode()).hexdigest()) != sha256:
        raise StoreError(
            f"{path}: expected sha256 {sha256[:12]}… as recorded, found {found[:12]}…; restore the file or run again"
        )
    rows: list[Prediction] = []
    seen: set[str] = set()
    # Not str.splitlines: it also splits at U+2028, which JSON leaves inside strings.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        row = parse_line(line, path, number)
        if row.id in seen:
            raise StoreError(
                f"{path}:{number}: expected each id once, found {row.id!r} again; restore the file or run again"
            )
        seen.add(row.id)
        rows.append(row)
    return rows


def parse_line(line: str | bytes, path: Path, number: int) -> Prediction:
    """Read one line of a predictions file.

    Raises:
        StoreError: It is malformed; names file and line.
    """
    return parse(Prediction, line, f"{path}:{number}", "restore the file or run the experiment again")
