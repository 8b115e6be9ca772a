"""The run record: everything about one run, on one page of JSON.

A number in a table is traced back through this file: to the configuration, the data, the weights, the code, the machine
and the predictions it came from. The record holds neither users nor paths: its config comes without folders
(runtime.results_dir, task.data_dir, the path of a local model), and hashes name what was in them.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from deltalora.config.schema import RunConfig
from deltalora.errors import StoreError
from deltalora.results.schema import Sha256, StoredModel, UtcDatetime, first_fault, parse
from deltalora.results.segments import SegmentsFile

#: Bumped when a key is removed or changes its meaning. A key that older records lack has a default, which says so.
SCHEMA_VERSION: Final = 1

Status = Literal["finished", "failed", "interrupted"]

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class RunError(StoredModel):
    """Why a run did not finish."""

    type: str = Field(description="Name of the exception's class, e.g. 'OutOfMemoryError'.")
    message: str = Field(description="Its text, one line.")


class Code(StoredModel):
    """The code that made the numbers."""

    results_version: int = Field(description="deltalora.RESULTS_VERSION; part of the run id.")
    commit: str | None = Field(description="Full git commit id; None outside a repository. Recorded, not hashed.")
    dirty: bool | None = Field(description="Whether the work tree differed from the commit; None with commit None.")


class Environment(StoredModel):
    """The machine and the libraries, without names of machine, user or folders."""

    python: str = Field(description="Python version, e.g. '3.11.7'.")
    platform: str = Field(description="Operating system and architecture, e.g. 'Linux x86_64 glibc 2.36'.")
    cpu: str = Field(description="Processor model.")
    cores: int = Field(ge=1, description="Logical cores this process may use.")
    memory_bytes: Count = Field(description="Physical memory.")
    accelerator: str | None = Field(description="Name of the GPU or other accelerator used; None on the CPU.")
    libraries: dict[str, str] = Field(description="Distribution -> version, of those that can move a number.")
    processes: int = Field(default=1, ge=1, description="How many shared the run (data-parallel); older records: 1.")


class Data(StoredModel):
    """The data that was trained on and scored against."""

    files: dict[str, Sha256] = Field(description="Split or file name -> SHA-256 of the raw file; part of the run id.")
    counts: dict[str, Count] = Field(description="Kind of example -> number, e.g. 'train' -> 42061.")
    tokenised_sha256: Sha256 | None = Field(description="Of all splits' token ids; None if the run failed before.")


class Model(StoredModel):
    """The pre-trained weights the run started from."""

    name: str = Field(description="`name` of the file chosen in conf/model, e.g. 'gpt2_medium'.")
    source: str = Field(description="Where the weights come from: 'hub', 'local' or 'embedded'.")
    revision: str | None = Field(description="Revision at the hub; None for the other sources.")
    sha256: Sha256 = Field(description="Of the weights; part of the run id.")


class Parameters(StoredModel):
    """Exact numbers of parameters, counted on the model."""

    trainable: Count = Field(description="Receive a gradient, without `head`; full fine-tuning counts its head in.")
    extra_updatable: Count = Field(description="Change without a gradient (Delta-LoRA's W_Q and W_V).")
    head: Count = Field(description="Trained classification head that `trainable` leaves out; 0 where there is none.")
    total: Count = Field(description="Of the untouched backbone, head included, without branches; tied ones once.")


class ScoreEntry(StoredModel):
    """One metric's value on the test split."""

    value: float = Field(description="In the metric's own unit: fractions for BLEU, METEOR, ROUGE-L; raw NIST, CIDEr.")
    signature: str = Field(description="Everything that defines the metric: implementation, version, options.")
    n: Count = Field(description="Number of scored inputs.")


class Selection(StoredModel):
    """Which checkpoint was scored, and on which split."""

    rule: Literal["last", "best"] = Field(description="'best' is the lowest validation loss.")
    step: Count = Field(description="Optimizer steps the scored weights had seen.")
    split: str = Field(description="The scored split, e.g. 'test'.")


class CurvePoint(StoredModel):
    """One point of the training curve."""

    step: Count = Field(description="Optimizer steps done.")
    train_loss: float | None = Field(default=None, description="Mean since the last point, nats per token.")
    validation_loss: float | None = Field(default=None, description="On the whole validation split, nats per token.")
    learning_rate: float | None = Field(default=None, description="Of the last step, first parameter group.")


class Cost(StoredModel):
    """What the run took. None where it failed before."""

    train_s: Seconds | None = Field(default=None, description="Training loop without evaluation, seconds.")
    evaluation_s: Seconds | None = Field(default=None, description="Validation losses, seconds.")
    decoding_s: Seconds | None = Field(default=None, description="Beam search over the test split, seconds.")
    scoring_s: Seconds | None = Field(default=None, description="Metrics, seconds.")
    wall_s: Seconds | None = Field(default=None, description="Sum of the timed phases of all its starts, seconds.")
    train_tokens: Count | None = Field(default=None, description="Non-padding tokens seen in training.")
    tokens_per_s: Seconds | None = Field(default=None, description="train_tokens / train_s.")
    peak_memory_bytes: Count | None = Field(default=None, description="In training, on the accelerator or resident.")


class PredictionsFile(StoredModel):
    """The decoded test split."""

    file: str = Field(description="Name inside the run's folder.")
    sha256: Sha256 = Field(description="Of that file.")


class RunRecord(StoredModel):
    """One run. Keys are described one by one; unknown keys, NaN and naive times are refused."""

    schema_version: Literal[1] = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    run_id: str = Field(description="Hash of configuration, seed, data, weights and results version; see `identity`.")
    config_id: str = Field(description="Hash of the scientific configuration alone: equal over the seeds of one row.")
    status: Status = Field(description="How the run ended.")
    error: RunError | None = Field(default=None, description="Why a failed or interrupted run stopped.")
    experiment: str = Field(description="Name chosen in conf/experiment, e.g. 'e2e'.")
    row: str = Field(description="Name chosen in conf/method, e.g. 'lora_alpha_matched'.")
    method: str = Field(description="The method behind the row, e.g. 'lora'.")
    scale: str = Field(description="'embedded' or 'paper'. Never mixed in one table.")
    source: str = Field(description="Data source: 'embedded', 'local' or 'hub'. Never mixed in one table.")
    seed: int = Field(description="The run's seed.")
    config: dict[str, JsonValue] = Field(description="The resolved configuration, without folders; see `run_config`.")
    code: Code
    environment: Environment
    data: Data
    model: Model
    parameters: Parameters | None = Field(default=None, description="None if the run failed before it had a model.")
    scores: dict[str, ScoreEntry] = Field(default_factory=dict, description="Metric -> score; empty unless finished.")
    validation: dict[str, float] = Field(
        default_factory=dict, description="Measure -> value on the validation split; 'loss' in nats per token."
    )
    selection: Selection | None = Field(default=None, description="None if nothing was scored.")
    curve: tuple[CurvePoint, ...] = Field(default=(), description="Training curve, steps ascending.")
    cost: Cost = Field(default_factory=Cost)
    diagnostics: dict[str, JsonValue] = Field(default_factory=dict, description="The method's own, e.g. final ranks.")
    similarity: dict[str, float] = Field(
        default_factory=dict,
        description="Projection, e.g. 'transformer.h.0.attn.c_attn.q' -> cosine of its fine-tuned, merged weight with "
        "the pre-trained one, both flattened; empty where it was not measured.",
    )
    parent: str | None = Field(default=None, description="Id of the run whose adapted weights this one started from.")
    predictions: PredictionsFile | None = Field(default=None, description="None if nothing was decoded.")
    segments: SegmentsFile | None = Field(
        default=None, description="Segment statistics of the scores; None if nothing was scored, and in older records."
    )
    started_at: UtcDatetime = Field(description="UTC; of the first start when a run was resumed.")
    finished_at: UtcDatetime = Field(description="UTC; when this record was written.")

    @model_validator(mode="after")
    def _status_agrees_with_content(self) -> Self:
        finished = self.status == "finished"
        if finished and self.error is not None:
            raise ValueError("a finished run has no error")
        if finished and (self.parameters is None or self.selection is None):
            raise ValueError("a finished run states its parameters and its selection")
        if self.status == "failed" and self.error is None:
            raise ValueError("a failed run states its error")
        if self.finished_at < self.started_at:
            raise ValueError("finished_at is before started_at")
        return self

    def run_config(self, results_dir: Path = Path(), model_path: Path = Path()) -> RunConfig:
        """Return the configuration, typed; a key that an older record lacks has the value that it stood for.

        Reading data or weights again needs the store and a local model's folder, since a record has no folders.
        """
        try:
            return RunConfig.with_folders(self.config, results_dir, model_path)
        except ValidationError as error:
            expected = f"run {self.run_id}: expected the configuration of a run in its record"
            raise StoreError(f"{expected}, found {first_fault(error)}; restore the record") from error

    def to_json(self) -> str:
        """Return the record as indented JSON with a final newline; `from_json` gives back an equal record."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, path: Path) -> Self:
        """Read a record strictly; StoreError, naming the path, the key and what to do, if it is malformed."""
        return parse(cls, text, str(path), "restore the file or delete its folder and run again")
