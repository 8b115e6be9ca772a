"""The contract of a task: load, encode, predict, score. The trainer calls a task and never looks at its name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, ClassVar, TypeVar

from transformers import PreTrainedTokenizerBase

from deltalora import results
from deltalora.config.schema import RunConfig
from deltalora.config.task import CausalConfig, Form, TaskConfig
from deltalora.metrics import Score
from deltalora.tasks.batch import Batch, EncodedExample, tokenised_sha256
from deltalora.tasks.examples import Prompt, TaskData, TextData
from deltalora.tasks.forms import collate_pairs, encode_pairs, encode_prompt

#: A generated text, or a class number or regression value.
Prediction = str | float

#: Makes a batch of examples with labels and a padding id.
Collate = Callable[[Sequence[Any], int], Batch]


@dataclass(frozen=True)
class Encoded:
    """A task's examples as token ids; of `test` those that a prediction starts from."""

    train: Sequence[EncodedExample]
    validation: Sequence[EncodedExample]
    test: Sequence[tuple[int, ...]]
    collate: Collate

    @property
    def sha256(self) -> str:
        """SHA-256 over all token ids of all splits."""
        return tokenised_sha256([*(one.input_ids for one in (*self.train, *self.validation)), *self.test])


class Task(ABC):
    """One task under one run's configuration."""

    table: ClassVar[str]  #: The table of the paper that shows its scores.
    config: Any

    def __init__(self, config: TaskConfig, max_new_tokens: int) -> None:
        self.config = config
        self.max_new_tokens = max_new_tokens  # 0 where no text is generated
        self.form: Form = config.form

    @property
    def longest(self) -> int:
        """Most tokens in one sequence that its backbone reads or writes."""
        return int(self.config.max_length)

    @property
    def num_labels(self) -> int | None:
        """Width of a classifier's output layer; None where text is generated."""
        return None

    @property
    def tested_on(self) -> str:
        """The split that is scored."""
        return "test"

    @abstractmethod
    def load(self) -> TaskData[Any, Any]:
        """Return all splits from the configured source; raises DataError where it cannot be read."""

    @abstractmethod
    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TaskData[Any, Any]) -> Encoded:
        """Return all splits as token ids."""

    @abstractmethod
    def score(self, data: TaskData[Any, Any], predictions: Sequence[Prediction]) -> dict[str, Score]:
        """Return the task's scores, in the order of its table, for one prediction per test input; or MetricError."""

    @abstractmethod
    def predicted(self, data: TaskData[Any, Any], predictions: Sequence[Prediction]) -> list[results.Prediction]:
        """Return the test inputs with their predictions, as the predictions file keeps them."""


class TextTask(Task):
    """Text in, text out."""

    def predicted(self, data: TextData, predictions: Sequence[Prediction]) -> list[results.Prediction]:
        """Return the context, the generated text, and the references."""
        return [
            results.Prediction(id=prompt.id, source=prompt.context, prediction=str(text), references=prompt.references)
            for prompt, text in zip(data.test, predictions, strict=True)
        ]


class CausalTask(TextTask):
    """A prompt is continued."""

    config: CausalConfig

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TextData) -> Encoded:
        """Return context, separator, completion, end; a prompt ends with the separator and leaves room for the text."""
        train, validation = (encode_pairs(tokenizer, split, self.longest) for split in (data.train, data.validation))
        room = self.longest - self.max_new_tokens
        test = [encode_prompt(tokenizer, prompt.context, room) for prompt in data.test]
        return Encoded(train, validation, test, collate_pairs)


TaskClass = TypeVar("TaskClass", bound=type[Task])

_IMPLEMENTATIONS: dict[type[TaskConfig], type[Task]] = {}


def implements(config_class: type[TaskConfig]) -> Callable[[TaskClass], TaskClass]:
    """Register the decorated class as the task of a configuration; every module of this folder is looked through."""

    def register(task_class: TaskClass) -> TaskClass:
        _IMPLEMENTATIONS[config_class] = task_class
        return task_class

    return register


def task_class(config: TaskConfig) -> type[Task]:
    """Return the class that loads, encodes and scores the task of a configuration."""
    _import_every_task()
    return _IMPLEMENTATIONS[type(config)]


def build_task(config: RunConfig) -> Task:
    """Return the task of a run."""
    return task_class(config.task)(config.task, 0 if config.decoding is None else config.decoding.max_new_tokens)


@cache
def _import_every_task() -> None:
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")


def scored_texts(
    prompts: Sequence[Prompt], predictions: Sequence[Prediction]
) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    """Return texts, references and ids, as the metrics take them."""
    texts = [str(prediction) for prediction in predictions]
    return texts, [prompt.references for prompt in prompts], [prompt.id for prompt in prompts]
