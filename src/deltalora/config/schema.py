"""The schema of one run: every key, its type, its unit, and the combinations that cannot run.

A `RunConfig` is complete and frozen: once it exists, no default is filled in later and nothing is looked up in Hydra.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deltalora.methods import (
    AdaLoRAConfig,
    DeltaLoRAConfig,
    DyLoRAConfig,
    FrozenEmbeddingsConfig,
    FullConfig,
    LoRAConfig,
    QueryValueConfig,
    build_method,
)

PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]

AnyMethodConfig = Annotated[
    FullConfig
    | FrozenEmbeddingsConfig
    | QueryValueConfig
    | LoRAConfig
    | DyLoRAConfig
    | AdaLoRAConfig
    | DeltaLoRAConfig,
    Field(discriminator="name"),
]


class _Section(BaseModel):
    """A part of the configuration: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HubConfig(_Section):
    """Where a data set lies on the Hugging Face hub."""

    path: str = Field(description="hub name owner/dataset, or a local folder in the hub's layout")
    revision: str = Field(description="branch, tag or commit; never left to the hub's default")


class LimitsConfig(_Section):
    """How many examples of each split are kept, from its start; None keeps all."""

    train: PositiveInt | None
    validation: PositiveInt | None
    test: PositiveInt | None


class TaskConfig(_Section):
    """What is learnt: the data, its source and its written form."""

    name: Literal["e2e"]
    source: Literal["embedded", "local", "hub"]
    data_dir: str | None = Field(description="folder of the official files; source=local only")
    hub: HubConfig
    text_form: Literal["raw", "tokenized"] = Field(
        description="one form for training texts, hypotheses and references alike"
    )
    max_length: PositiveInt = Field(
        description="tokens of context and completion; longer examples are cut on the right"
    )
    limits: LimitsConfig

    @model_validator(mode="after")
    def _local_needs_a_folder(self) -> "TaskConfig":
        if self.source == "local" and not self.data_dir:
            raise ValueError("task.source=local needs a folder: add task.data_dir=DIR")
        if self.source != "local" and self.data_dir:
            raise ValueError(f"task.data_dir is only read with task.source=local, found source={self.source}: drop one")
        return self


class DropoutConfig(_Section):
    """The backbone's own dropout probabilities; the low-rank branch's is the method's."""

    residual: Probability
    attention: Probability
    embedding: Probability


class ModelConfig(_Section):
    """The backbone and where its pre-trained weights come from."""

    name: str
    architecture: Literal["gpt2"]
    source: Literal["hub", "local", "embedded"]
    path: str = Field(description="hub name, local folder in the hub's layout, or the name of an embedded model")
    revision: str | None = Field(description="hub branch, tag or commit")
    weights: Literal["pretrained", "random"]
    shape: Mapping[str, int] | None = Field(description="configuration keys that fix every tensor's shape")
    dropout: DropoutConfig

    @model_validator(mode="after")
    def _enough_to_build(self) -> "ModelConfig":
        if self.weights == "random" and self.shape is None:
            raise ValueError("model.weights=random needs model.shape, which this model file does not state")
        if self.source == "hub" and self.revision is None:
            raise ValueError(
                "model.source=hub needs model.revision, so that the weights are named: e.g. model.revision=main"
            )
        return self


class TrainConfig(_Section):
    """How long and how the parameters move."""

    epochs: PositiveInt
    max_steps: PositiveInt | None = Field(description="optimizer steps; overrides epochs")
    batch_size: PositiveInt = Field(description="examples of one optimizer step, over all micro-batches and processes")
    accumulation_steps: PositiveInt = Field(description="micro-batches that one optimizer step is split into")
    learning_rate: Annotated[float, Field(gt=0)] = Field(description="at the end of the warm-up")
    schedule: Literal["linear"] = Field(description="rise from 0 over the warm-up, then fall to 0 at the last step")
    warmup_steps: NonNegativeInt = Field(description="optimizer steps")
    weight_decay: Annotated[float, Field(ge=0)]
    decay_bias_and_norm: bool = Field(description="whether weight decay also reaches biases and LayerNorm weights")
    adam_beta1: Probability
    adam_beta2: Probability
    adam_epsilon: Annotated[float, Field(gt=0)]
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(description="largest gradient norm; None = no clipping")
    label_smoothing: Probability
    precision: Literal["fp32", "bf16"] = Field(description="of the forward and backward arithmetic; weights stay fp32")
    evaluate_every: Literal["epoch", "end"] | PositiveInt = Field(description="or a number of optimizer steps")
    selection: Literal["last", "best"] = Field(description="which weights are tested; best = lowest validation loss")
    checkpoint_every: NonNegativeInt = Field(description="optimizer steps; 0 = none; changes no number")

    @model_validator(mode="after")
    def _sane(self) -> "TrainConfig":
        if self.batch_size % self.accumulation_steps:
            raise ValueError(
                f"train.batch_size ({self.batch_size}) must be a multiple of train.accumulation_steps "
                f"({self.accumulation_steps}): it is the whole batch of one optimizer step"
            )
        if self.selection == "best" and self.evaluate_every == "end":
            raise ValueError(
                "train.selection=best needs more than one evaluation: set train.evaluate_every=epoch or a number"
            )
        return self


class DecodingConfig(_Section):
    """The beam search that turns the trained model into text."""

    num_beams: PositiveInt
    length_penalty: float = Field(description="score = sum of log-probabilities / length ** length_penalty")
    no_repeat_ngram_size: NonNegativeInt = Field(description="over generated tokens only; 0 = off")
    max_new_tokens: PositiveInt
    early_stopping: bool | Literal["never"] = Field(description="as in transformers: true, false (heuristic) or never")
    stop_strings: tuple[str, ...] = Field(description="texts that end a hypothesis, beside the tokenizer's end token")
    batch_size: PositiveInt = Field(description="prompts searched at once")


class LoggerConfig(_Section):
    """Where the training curve is sent beside the record."""

    name: Literal["none", "wandb"]
    project: str | None = None
    mode: Literal["online", "offline"] | None = None

    @model_validator(mode="after")
    def _wandb_is_complete(self) -> "LoggerConfig":
        if self.name == "wandb" and not (self.project and self.mode):
            raise ValueError("logger=wandb needs logger.project and logger.mode (online or offline)")
        return self


class RuntimeConfig(_Section):
    """Where and how a run happens; no number depends on it beyond rounding, and the run id not at all."""

    device: Literal["auto", "cpu", "cuda"]
    threads: PositiveInt | None
    results_dir: str
    data_workers: NonNegativeInt


class RunConfig(_Section):
    """One run, whole: what a record can be traced back to."""

    experiment: str
    scale: Literal["embedded", "small", "paper"]
    row: str = Field(description="the choice in conf/method, e.g. lora_alpha_matched")
    seed: NonNegativeInt
    task: TaskConfig
    model: ModelConfig
    method: AnyMethodConfig
    train: TrainConfig
    decoding: DecodingConfig
    logger: LoggerConfig
    runtime: RuntimeConfig

    @model_validator(mode="after")
    def _fits_together(self) -> "RunConfig":
        if self.task.max_length < self.decoding.max_new_tokens + 2:
            raise ValueError(
                f"decoding.max_new_tokens ({self.decoding.max_new_tokens}) leaves no room for a prompt within "
                f"task.max_length ({self.task.max_length}): lower it or raise task.max_length"
            )
        if self.train.max_steps is not None:
            # With epochs the number of steps is known only once the data is counted; `Method.plan` checks again then.
            build_method(self.method).plan(self.train.max_steps)
        return self

    def scientific(self) -> dict[str, Any]:
        """The part that can change a number, seed apart: what `config_id` hashes.

        Left out: names (`experiment`, `scale`, `row`, the model's), the seed, everything of `runtime` and `logger`,
        how often a checkpoint is written, and folders, whose *content* is hashed instead.
        """
        whole = self.model_dump(mode="json", include={"task", "model", "method", "train", "decoding"})
        del whole["task"]["data_dir"], whole["train"]["checkpoint_every"], whole["model"]["name"]
        if self.task.source != "hub":
            del whole["task"]["hub"]
        if self.model.source == "local":
            del whole["model"]["path"], whole["model"]["revision"]
        return whole

    def without_folders(self) -> dict[str, Any]:
        """The whole configuration as plain values, but for the folders of this machine; a record keeps their hashes."""
        whole = self.model_dump(mode="json")
        del whole["runtime"]["results_dir"], whole["task"]["data_dir"]
        if self.model.source == "local":
            whole["model"]["path"] = None
        return whole
