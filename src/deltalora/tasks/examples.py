"""The values that flow from a task to the trainer and to the scorer."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from deltalora.config.task import LimitsConfig

#: What is learned from: `Pair` or `LabelledExample`.
Example = TypeVar("Example", covariant=True)
#: What a prediction is made for: `Prompt` or `LabelledExample`.
TestInput = TypeVar("TestInput", covariant=True)


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
    group: str = ""  # the part of the test split that is also scored alone (WebNLG: seen, unseen)


@dataclass(frozen=True)
class LabelledExample:
    """One example of a classification or regression task."""

    id: str
    first: str
    second: str | None  # None where an example is one sentence
    label: float  # class number, or for STS-B the similarity from 0 to 5
    group: str = ""  # the part of the test split that is also scored alone (MNLI: matched, mismatched)


@dataclass(frozen=True)
class TaskData(Generic[Example, TestInput]):
    """A task's three splits in file order, and where they came from.

    `test` holds distinct inputs; GLUE's test labels are secret, so there it is the validation split once more. `files`
    maps a file's name to the SHA-256 of its bytes, or from the package or the hub a split to the SHA-256 of its rows;
    `counts` says what was counted before any limit.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[TestInput, ...]
    files: Mapping[str, str]
    counts: Mapping[str, int]

    def cut(self, limits: LimitsConfig) -> "TaskData[Example, TestInput]":
        """Return at most so many examples of each split, from its start; the counts stay."""
        return replace(self, **{split: getattr(self, split)[:most] for split, most in limits})


def rows_sha256(rows: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of (input, text) rows; the fields are framed, so no two lists of rows collide."""
    digest = hashlib.sha256()
    for row in rows:
        for field in row:
            encoded = field.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


#: Text in, text out: E2E, WebNLG, XSum.
TextData = TaskData[Pair, Prompt]
#: Sentences in, a class or a number out: GLUE.
LabelledData = TaskData[LabelledExample, LabelledExample]
