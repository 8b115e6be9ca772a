"""What is learned: which data, from which source, in which written form and length; one class per task."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]


class Section(BaseModel):
    """A part of the configuration: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def by_name(union: Any) -> dict[str, Any]:
    """Map the one allowed `name` of each member of a discriminated union to the member, in the union's order."""
    return {get_args(member.model_fields["name"].annotation)[0]: member for member in get_args(get_args(union)[0])}


#: What a backbone does with an example: continue a text, turn it into another, or label it.
Form = Literal["causal", "seq2seq", "classification"]

GlueDataset = Literal["mnli", "sst2", "mrpc", "cola", "qnli", "qqp", "rte", "stsb"]


class HubConfig(Section):
    """Where a data set lies on the Hugging Face hub."""

    path: str = Field(description="hub name owner/dataset, or a local folder in the hub's layout")
    revision: str = Field(description="branch, tag or commit; never left to the hub's default")


class LimitsConfig(Section):
    """How many examples of each split are kept, from its start; None keeps all."""

    train: PositiveInt | None
    validation: PositiveInt | None
    test: PositiveInt | None


class TaskConfig(Section):
    """What every task states: where its data come from and how much of it is kept."""

    form: ClassVar[Form]

    source: Literal["embedded", "local", "hub"]
    data_dir: str | None = Field(description="folder of the official files; source=local only")
    hub: HubConfig
    limits: LimitsConfig

    @model_validator(mode="after")
    def _local_needs_a_folder(self) -> Self:
        if self.source == "local" and not self.data_dir:
            raise ValueError("task.source=local needs a folder: add task.data_dir=DIR")
        if self.source != "local" and self.data_dir:
            raise ValueError(f"task.data_dir is only read with task.source=local, found source={self.source}: drop one")
        return self


class CausalConfig(TaskConfig):
    """A text that is continued: context and completion are one sequence."""

    form = "causal"

    max_length: PositiveInt = Field(description="tokens of context and completion; a longer one is cut on the right")


class E2EConfig(CausalConfig):
    """E2E NLG: a restaurant's slots in, English out."""

    name: Literal["e2e"]
    text_form: Literal["raw", "tokenized"] = Field(description="of training texts, hypotheses and references alike")


class WebNLGConfig(CausalConfig):
    """WebNLG 2017: one to seven triples in, English out; test inputs of seen and of unseen categories."""

    name: Literal["webnlg"]
    references: Literal["all", "six"] = Field(description="of a test input: all it has (1 to 8), or its first six")


class XSumConfig(TaskConfig):
    """XSum: a news article in, one sentence out."""

    form = "seq2seq"

    name: Literal["xsum"]
    split: Literal["test", "validation"] = Field(description="the split that is summarised and scored")
    max_source_length: PositiveInt = Field(description="tokens of an article; a longer one is cut on the right")
    max_target_length: PositiveInt = Field(description="tokens of a training summary; a longer one is cut on the right")


class GlueConfig(TaskConfig):
    """One of eight GLUE tasks: one or two sentences in, a class or (STS-B) a number from 0 to 5 out."""

    form = "classification"

    name: Literal["glue"]
    dataset: GlueDataset
    max_length: PositiveInt = Field(description="tokens of an input; the longer of two sentences is cut on the right")

    @property
    def num_labels(self) -> int:
        """Width of the output layer; 1 stands for regression."""
        return {"mnli": 3, "stsb": 1}.get(self.dataset, 2)


AnyTaskConfig = Annotated[E2EConfig | WebNLGConfig | XSumConfig | GlueConfig, Field(discriminator="name")]

#: task.name -> its configuration.
TASKS: Mapping[str, type[TaskConfig]] = by_name(AnyTaskConfig)
