"""The schema of one run: every key, its type, its unit, and the combinations that cannot run.

A `RunConfig` is complete and frozen: once it exists, no default is filled in later and nothing is looked up in Hydra.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from deltalora.config.architectures import ARCHITECTURES
from deltalora.config.methods import AnyMethodConfig
from deltalora.config.task import AnyTaskConfig, CausalConfig, NonNegativeInt, PositiveInt, Probability, Section


class ModelConfig(Section):
    """The backbone and where its pre-trained weights come from."""

    name: str
    architecture: str = Field(description="a family of `ARCHITECTURES`")
    source: Literal["hub", "local", "embedded"]
    path: str = Field(description="hub name, local folder in the hub's layout, or the name of an embedded model")
    revision: str | None = Field(description="hub branch, tag or commit")
    weights: Literal["pretrained", "random"]
    shape: Mapping[str, int] | None = Field(description="configuration keys that fix every tensor's shape")
    dropout: Mapping[str, Probability] = Field(description="the backbone's own, by place; see `ARCHITECTURES`")

    @field_validator("architecture")
    @classmethod
    def _family_is_known(cls, name: str) -> str:
        if name not in ARCHITECTURES:
            raise ValueError(f"model.architecture: input should be one of {', '.join(ARCHITECTURES)}, found {name!r}")
        return name

    @model_validator(mode="after")
    def _every_dropout_is_stated(self) -> Self:
        if self.dropout.keys() != (places := ARCHITECTURES[self.architecture].dropout.keys()):
            raise ValueError(
                f"model.dropout of a {self.architecture} has {', '.join(sorted(places))}, found "
                f"{', '.join(sorted(self.dropout))}: state each of these and no other"
            )
        return self

    @model_validator(mode="after")
    def _enough_to_build(self) -> Self:
        if self.weights == "random" and self.shape is None:
            raise ValueError("model.weights=random needs model.shape, which this model file does not state")
        if self.source == "hub" and self.revision is None:
            raise ValueError(
                "model.source=hub needs model.revision, so that the weights are named: e.g. model.revision=main"
            )
        return self


class TrainConfig(Section):
    """How long and how the parameters move."""

    epochs: PositiveInt
    max_steps: PositiveInt | None = Field(description="optimizer steps; overrides epochs")
    batch_size: PositiveInt = Field(description="examples of one optimizer step, over all micro-batches and processes")
    batching: Literal["random", "bucketed"] = Field(
        default="random",
        description="which examples are batched: any, or such of similar length; older records lack it",
    )
    packing: bool = Field(
        default=False,
        description="compute nothing for padding: same losses to rounding, other dropout draws; causal tasks alone",
    )
    accumulation_steps: PositiveInt = Field(description="micro-batches that one optimizer step is split into")
    learning_rate: Annotated[float, Field(gt=0)] = Field(description="at the end of the warm-up")
    schedule: Literal["linear"] = Field(description="rise from 0 over the warm-up, then fall to 0 at the last step")
    warmup_steps: NonNegativeInt | None = Field(description="optimizer steps; or None and a warmup_ratio")
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="warm-up as a part of all optimizer steps, rounded up; or None and warmup_steps"
    )
    weight_decay: Annotated[float, Field(ge=0)]
    decay_bias_and_norm: bool = Field(description="whether weight decay also reaches biases and the weights of norms")
    adam_beta1: Probability
    adam_beta2: Probability
    adam_epsilon: Annotated[float, Field(gt=0)]
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(description="largest gradient norm; None = no clipping")
    label_smoothing: Probability
    precision: Literal["fp32", "bf16"] = Field(description="of the forward and backward arithmetic; weights stay fp32")
    evaluate_every: Literal["epoch", "end"] | PositiveInt = Field(description="or a number of optimizer steps")
    selection: Literal["last", "best"] = Field(description="which weights are tested; best = lowest validation loss")
    checkpoint_every: NonNegativeInt = Field(description="optimizer steps; 0 = none; changes no number")

    def warmup(self, total_steps: int) -> int:
        """Return the optimizer steps of the warm-up in a run of `total_steps`."""
        if self.warmup_steps is not None:
            return self.warmup_steps
        return math.ceil((self.warmup_ratio or 0.0) * total_steps)

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if (self.warmup_steps is None) == (self.warmup_ratio is None):
            raise ValueError(
                "expected train.warmup_steps or train.warmup_ratio, found "
                f"{self.warmup_steps} and {self.warmup_ratio}: set one of them to null"
            )
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


#: Whose beam search: the library's, the same token for token by our own code, or that of the authors' code for GPT-2.
SearchName = Literal["transformers", "shared", "lora_reference"]


class DecodingConfig(Section):
    """The beam search that turns the trained model into text."""

    search: SearchName = Field(default="transformers", description="whose search; lora_reference is for GPT-2 alone")
    num_beams: PositiveInt
    length_penalty: float = Field(description="score = sum of log-probabilities / length ** length_penalty")
    no_repeat_ngram_size: NonNegativeInt = Field(description="over generated tokens only; 0 = off")
    max_new_tokens: PositiveInt
    early_stopping: bool | Literal["never"] = Field(description="as in transformers: true, false (heuristic) or never")
    stop_strings: tuple[str, ...] = Field(description="texts that end a hypothesis, beside the tokenizer's end token")
    batch_size: PositiveInt = Field(description="prompts searched at once")

    @model_validator(mode="after")
    def _the_authors_search_takes_every_step(self) -> Self:
        if self.search == "lora_reference" and self.early_stopping != "never":
            raise ValueError(
                "decoding.search=lora_reference takes all max_new_tokens steps, found decoding.early_stopping="
                f"{str(self.early_stopping).lower()}: set it to never"
            )
        return self


class LoggerConfig(Section):
    """Where the training curve is sent beside the record."""

    name: Literal["none", "wandb", "tensorboard"]
    project: str | None = None
    mode: Literal["online", "offline"] | None = None

    @model_validator(mode="after")
    def _wandb_is_complete(self) -> Self:
        if self.name == "wandb" and not (self.project and self.mode):
            raise ValueError("logger=wandb needs logger.project and logger.mode (online or offline)")
        return self


class RuntimeConfig(Section):
    """Where and how a run happens; numbers depend on it by rounding at most, and the run id not at all."""

    device: Literal["auto", "cpu", "cuda"]
    threads: PositiveInt | None
    results_dir: str
    keep_state: bool = Field(
        default=False,
        description="whether state.safetensors is kept beside the record; older records lack the key",
    )
    data_workers: NonNegativeInt
    compile: bool = Field(
        default=False, description="torch.compile the training step: faster on a GPU after a minute; rounds differently"
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="recompute activations in the backward pass: less memory, a third more time, same losses",
    )
    on_failure: Literal["continue", "stop"] = Field(
        default="continue", description="whether a sweep goes on after a run that failed; older records lack the key"
    )
    table: str | None = Field(
        default=None,
        description="the table whose sweep started the run; groups it at W&B; older records lack the key",
    )


class RunConfig(Section):
    """One run, whole: what a record can be traced back to."""

    experiment: str
    scale: Literal["embedded", "paper"]
    row: str = Field(description="the choice in conf/method, e.g. lora_alpha_matched")
    seed: NonNegativeInt
    task: AnyTaskConfig
    model: ModelConfig
    method: AnyMethodConfig
    train: TrainConfig
    decoding: DecodingConfig | None = Field(description="None where nothing is generated (GLUE)")
    init_from: "RunConfig | None" = Field(
        description="the run whose adapted weights this one starts from, in place of the pre-trained ones alone"
    )
    logger: LoggerConfig
    runtime: RuntimeConfig

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fitting = [name for name, family in ARCHITECTURES.items() if family.form == self.task.form]
        if self.model.architecture not in fitting:
            raise ValueError(
                f"task {self.task.name} is a {self.task.form} task for {' or '.join(fitting)}, found "
                f"model.architecture={self.model.architecture}: choose another model"
            )
        if (self.task.form == "classification") != (self.decoding is None):
            raise ValueError(
                f"decoding is for tasks that generate text, and task {self.task.name} is a {self.task.form} task: "
                "decoding=null for glue, a search for every other"
            )
        if self.decoding is not None and self.decoding.search == "lora_reference" and self.model.architecture != "gpt2":
            raise ValueError(
                "decoding.search=lora_reference is the authors' search for GPT-2, found model.architecture="
                f"{self.model.architecture}: set decoding.search=shared"
            )
        if self.train.packing and self.task.form != "causal":
            raise ValueError(f"train.packing is for causal tasks, found task {self.task.name}: set train.packing=false")
        generated = self.decoding.max_new_tokens if self.decoding is not None else 0
        if isinstance(self.task, CausalConfig) and self.task.max_length < generated + 2:
            raise ValueError(
                f"decoding.max_new_tokens ({generated}) leaves no room for a prompt within "
                f"task.max_length ({self.task.max_length}): lower it or raise task.max_length"
            )
        return self

    def scientific(self) -> dict[str, Any]:
        """Return the part that can change a number, without the seed: what `config_id` hashes.

        Left out: names (`experiment`, `scale`, `row`, the model's), the seed, everything of `runtime` and `logger`,
        how often a checkpoint is written, and folders, whose *content* is hashed instead.
        """
        whole = self.model_dump(mode="json", include={"task", "model", "method", "train", "decoding"})
        del whole["task"]["data_dir"], whole["train"]["checkpoint_every"], whole["model"]["name"]
        if self.task.source != "hub":
            del whole["task"]["hub"]
        if self.model.source == "local":
            del whole["model"]["path"], whole["model"]["revision"]
        # Keys that came later are left out where they say nothing, so that the ids of earlier runs still hold.
        for key, silent in (("batching", "random"), ("packing", False)):
            if whole["train"][key] == silent:
                del whole["train"][key]
        if self.train.warmup_ratio is None:
            del whole["train"]["warmup_ratio"]
        if self.decoding is not None and self.decoding.search != "lora_reference":  # the other two find the same tokens
            del whole["decoding"]["search"]
        if self.init_from is not None:
            whole["init_from"] = self.init_from.scientific()
        return whole

    @classmethod
    def with_folders(cls, plain: Mapping[str, Any], results_dir: Path, model_path: Path) -> Self:
        """Return the configuration of a record with folders of this machine; undoes `without_folders`.

        Args:
            plain: As `without_folders` wrote it, now or in an earlier version.
            results_dir: The store.
            model_path: Folder of a local model; not read for any other.

        Raises:
            ValidationError: A key is unknown, missing or wrong.
        """

        def whole(part: Mapping[str, Any]) -> dict[str, Any]:
            sections = {name: dict(part.get(name) or {}) for name in ("runtime", "task", "model")}
            sections["runtime"]["results_dir"] = str(results_dir)
            sections["task"]["data_dir"] = "." if sections["task"].get("source") == "local" else None  # never read here
            if sections["model"].get("source") == "local":
                sections["model"]["path"] = str(model_path)
            first = part.get("init_from")  # older records lack the key
            return {**part, **sections, "init_from": None if first is None else whole(first)}

        return cls.model_validate_json(json.dumps(whole(plain)), strict=True)

    def without_folders(self) -> dict[str, Any]:
        """Return the configuration as plain values without the folders of this machine; a record has their hashes."""
        whole = self.model_dump(mode="json")
        del whole["runtime"]["results_dir"], whole["task"]["data_dir"]
        if self.model.source == "local":
            whole["model"]["path"] = None
        if self.init_from is not None:
            whole["init_from"] = self.init_from.without_folders()
        return whole
