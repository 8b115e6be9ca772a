"""The values that flow from a task to the trainer and to the scorer."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """One training or validation example: text in, text out."""

    id: str
    context: str
    completion: str


@dataclass(frozen=True)
class Prompt:
    """One distinct input of the test split, decoded once, with every reference it has."""

    id: str
    context: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class TaskData:
    """A task's three splits and where they came from.

    Attributes:
        train: Examples in file order; the trainer shuffles.
        validation: Examples for the validation loss.
        test: Distinct inputs, in order of first appearance.
        files: Split or file name -> SHA-256 of the raw bytes (of the rows, where there is no file).
        counts: What was counted before any limit -> number.
    """

    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Prompt, ...]
    files: Mapping[str, str]
    counts: Mapping[str, int]


def rows_sha256(rows: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of (input, text) rows that come from no file; the fields are framed, so no two lists of rows collide."""
    digest = hashlib.sha256()
    for row in rows:
        for field in row:
            encoded = field.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
