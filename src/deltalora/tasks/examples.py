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
    """One distinct input of the test split, decoded once, with every reference it has.

    Attributes:
        id: Stable and unique.
        context: The input as text.
        references: At least one.
        group: The part of the test split that is also scored alone (WebNLG: seen, unseen); empty where there is none.
    """

    id: str
    context: str
    references: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True)
class LabelledExample:
    """One example of a classification or regression task.

    Attributes:
        id: Stable and unique.
        first: The sentence, or the first of two.
        second: The second sentence; None where there is only one.
        label: Class number, or for STS-B the similarity from 0 to 5.
        group: The part of the test split that is also scored alone (MNLI: matched, mismatched); empty elsewhere.
    """

    id: str
    first: str
    second: str | None
    label: float
    group: str = ""


@dataclass(frozen=True)
class TaskData(Generic[Example, TestInput]):
    """A task's three splits and where they came from.

    Attributes:
        train: Examples in file order; the trainer shuffles.
        validation: Examples for the validation loss.
        test: The inputs that the finished model is scored on, distinct and in order of first appearance. GLUE's
            test labels are secret, so there it is the validation split once more.
        files: File name -> SHA-256 of its bytes; from the package or the hub, split -> SHA-256 of its rows.
        counts: What was counted before any limit -> number.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[TestInput, ...]
    files: Mapping[str, str]
    counts: Mapping[str, int]

    def cut(self, limits: LimitsConfig) -> "TaskData[Example, TestInput]":
        """Return at most so many examples of each split, from its start; the counts stay."""
        return replace(
            self,
            train=self.train[: limits.train],
            validation=self.validation[: limits.validation],
            test=self.test[: limits.test],
        )


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
