"""The contract of a task, and the four tasks: load, encode, score.

A task ties together what its own files do: examples with stable ids, their token ids in the form its backbone reads,
and the metrics its table shows. The trainer asks a task and never its name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from transformers import PreTrainedTokenizerBase

from deltalora import metrics
from deltalora.config.schema import RunConfig
from deltalora.config.task import CausalConfig, E2EConfig, Form, GlueConfig, TaskConfig, WebNLGConfig, XSumConfig
from deltalora.metrics import Score
from deltalora.tasks.batch import Batch, EncodedExample, tokenised_sha256
from deltalora.tasks.causal import collate_pairs, encode_pairs, encode_prompt
from deltalora.tasks.classification import CollateExamples, encode_labelled
from deltalora.tasks.e2e import load_e2e
from deltalora.tasks.examples import LabelledData, LabelledExample, Prompt, TaskData, TextData
from deltalora.tasks.glue import load_glue
from deltalora.tasks.seq2seq import collate_transformations, encode_sources, encode_transformations
from deltalora.tasks.webnlg import load_webnlg
from deltalora.tasks.xsum import load_xsum

#: A generated text, or a class number or regression value.
Prediction = str | float

Collate = Callable[[Sequence[Any], int], Batch]


@dataclass(frozen=True)
class Encoded:
    """A task's examples as token ids.

    Attributes:
        train: Examples with labels.
        validation: Examples with labels.
        test: What a prediction starts from: token ids.
        collate: Makes a batch of examples with labels and a padding id.
    """

    train: Sequence[EncodedExample]
    validation: Sequence[EncodedExample]
    test: Sequence[tuple[int, ...]]
    collate: Collate

    @property
    def sha256(self) -> str:
        """Over all token ids of all splits."""
        return tokenised_sha256([*(one.input_ids for one in (*self.train, *self.validation)), *self.test])


@dataclass(frozen=True)
class PredictedExample:
    """One test input with its prediction, as the predictions file keeps it."""

    id: str
    source: str
    prediction: str
    references: tuple[str, ...]


class Task(ABC):
    """One task under one run's configuration.

    Attributes:
        form: How its backbone sees an example.
        num_labels: Width of a classifier's output layer; None where text is generated.
        longest: Most tokens in one sequence that its backbone reads or writes.
        tested_on: The split its scores are of.
    """

    form: Form
    num_labels: int | None = None
    longest: int
    tested_on: str = "test"

    @abstractmethod
    def load(self) -> TaskData[Any, Any]:
        """All splits from the configured source.

        Raises:
            DataError: The source cannot be read.
        """

    @abstractmethod
    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TaskData[Any, Any]) -> Encoded:
        """All splits as token ids."""

    @abstractmethod
    def score(self, data: TaskData[Any, Any], predictions: Sequence[Prediction]) -> dict[str, Score]:
        """The task's metrics of one prediction for every test input, in their order.

        Raises:
            MetricError: A score cannot be computed.
        """

    @abstractmethod
    def predicted(self, data: TaskData[Any, Any], predictions: Sequence[Prediction]) -> list[PredictedExample]:
        """Test inputs and predictions side by side."""


class _TextTask(Task):
    """Text in, text out."""

    def predicted(self, data: TextData, predictions: Sequence[Prediction]) -> list[PredictedExample]:
        """The context, the generated text, and the references."""
        return [
            PredictedExample(prompt.id, prompt.context, str(text), prompt.references)
            for prompt, text in zip(data.test, predictions, strict=True)
        ]


class _CausalTask(_TextTask):
    """A prompt is continued."""

    form = "causal"

    def __init__(self, config: CausalConfig, max_new_tokens: int) -> None:
        self.longest = config.max_length
        self._prompt_length = config.max_length - max_new_tokens

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TextData) -> Encoded:
        """Context, separator, completion, end; a prompt ends with the separator."""
        return Encoded(
            train=encode_pairs(tokenizer, data.train, self.longest),
            validation=encode_pairs(tokenizer, data.validation, self.longest),
            test=[encode_prompt(tokenizer, prompt.context, self._prompt_length) for prompt in data.test],
            collate=collate_pairs,
        )


class E2ETask(_CausalTask):
    """Table 1."""

    def __init__(self, config: E2EConfig, max_new_tokens: int) -> None:
        super().__init__(config, max_new_tokens)
        self._config = config

    def load(self) -> TextData:
        """See `load_e2e`."""
        return load_e2e(self._config)

    def score(self, data: TextData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """BLEU, NIST, METEOR, ROUGE-L, CIDEr."""
        return metrics.score_texts(*_texts(data.test, predictions))


class WebNLGTask(_CausalTask):
    """Table 2."""

    def __init__(self, config: WebNLGConfig, max_new_tokens: int) -> None:
        super().__init__(config, max_new_tokens)
        self._config = config

    def load(self) -> TextData:
        """See `load_webnlg`."""
        return load_webnlg(self._config)

    def score(self, data: TextData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """BLEU, METEOR and TER of seen, unseen and all categories."""
        return metrics.score_webnlg_texts(*_texts(data.test, predictions), [prompt.group for prompt in data.test])


class XSumTask(_TextTask):
    """Table 3."""

    form = "seq2seq"

    def __init__(self, config: XSumConfig, max_new_tokens: int) -> None:
        self._config = config
        self.longest = max(config.max_source_length, config.max_target_length, max_new_tokens + 1)
        self.tested_on = config.split

    def load(self) -> TextData:
        """See `load_xsum`."""
        return load_xsum(self._config)

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TextData) -> Encoded:
        """Articles for the encoder, summaries for the decoder."""
        lengths = (self._config.max_source_length, self._config.max_target_length)
        return Encoded(
            train=encode_transformations(tokenizer, data.train, *lengths),
            validation=encode_transformations(tokenizer, data.validation, *lengths),
            test=encode_sources(tokenizer, [prompt.context for prompt in data.test], lengths[0]),
            collate=collate_transformations,
        )

    def score(self, data: TextData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """ROUGE-1, 2, L and Lsum."""
        return metrics.score_summaries(*_texts(data.test, predictions))


class GlueTask(Task):
    """Table 4, one of eight."""

    form = "classification"
    tested_on = "validation"

    def __init__(self, config: GlueConfig) -> None:
        self._config = config
        self.num_labels = config.num_labels
        self.longest = config.max_length

    def load(self) -> LabelledData:
        """See `load_glue`."""
        return load_glue(self._config)

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: LabelledData) -> Encoded:
        """One or two sentences with special tokens."""
        train, validation, test = (
            encode_labelled(tokenizer, split, self.longest) for split in (data.train, data.validation, data.test)
        )
        return Encoded(
            train, validation, [one.input_ids for one in test], CollateExamples(regression=self.num_labels == 1)
        )

    def score(self, data: LabelledData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """The task's own metrics on the validation split."""
        return metrics.score_labels(
            self._config.dataset,
            [float(prediction) for prediction in predictions],
            [example.label for example in data.test],
            [example.id for example in data.test],
            [example.group for example in data.test],
        )

    def predicted(self, data: LabelledData, predictions: Sequence[Prediction]) -> list[PredictedExample]:
        """The sentences, the predicted and the true label."""
        return [
            PredictedExample(one.id, _sentences(one), f"{float(prediction):.6g}", (f"{one.label:.6g}",))
            for one, prediction in zip(data.test, predictions, strict=True)
        ]


def build_task(config: RunConfig) -> Task:
    """The task of a run."""
    if isinstance(config.task, GlueConfig):
        return GlueTask(config.task)
    assert config.decoding is not None  # checked with the configuration
    make = _TEXT_TASKS[type(config.task)]
    return make(config.task, config.decoding.max_new_tokens)


_TEXT_TASKS: Mapping[type[TaskConfig], Callable[[Any, int], Task]] = {
    E2EConfig: E2ETask,
    WebNLGConfig: WebNLGTask,
    XSumConfig: XSumTask,
}


def _texts(
    prompts: Sequence[Prompt], predictions: Sequence[Prediction]
) -> tuple[Sequence[str], list[tuple[str, ...]], list[str]]:
    return (
        cast("Sequence[str]", predictions),
        [prompt.references for prompt in prompts],
        [prompt.id for prompt in prompts],
    )


def _sentences(one: LabelledExample) -> str:
    return one.first if one.second is None else f"{one.first} || {one.second}"
