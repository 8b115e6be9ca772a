"""The progress of a run, for other processes to watch."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from deltalora.results.atomic import write_atomic
from deltalora.results.schema import StoredModel, UtcDatetime, parse, read_text

Phase = Literal["training", "evaluating", "decoding", "scoring"]


class Progress(StoredModel):
    """A snapshot of a run under way."""

    run_id: str = Field(description="The run.")
    row: str = Field(description="Name chosen in conf/method.")
    seed: int = Field(description="The run's seed.")
    phase: Phase = Field(description="The present phase.")
    step: int = Field(ge=0, description="Units done in this phase: optimizer steps, batches or examples.")
    total_steps: int = Field(ge=0, description="Units of this phase in all.")
    loss: float | None = Field(default=None, description="Latest training loss, nats per token.")
    tokens_per_s: float | None = Field(default=None, description="Non-padding tokens per second since the start.")
    eta_s: float | None = Field(default=None, ge=0, description="Estimated seconds to the end of this phase.")
    updated_at: UtcDatetime = Field(description="UTC; an old value on a live lock means a stalled run.")


def write_progress(path: Path, progress: Progress) -> None:
    """Replace the snapshot atomically."""
    write_atomic(path, (progress.model_dump_json() + "\n").encode())


def read_progress(path: Path) -> Progress | None:
    """Read the latest snapshot; None if there is none (not started, or removed after the end).

    Raises:
        StoreError: The file is there and malformed.
    """
    text = read_text(path)
    return None if text is None else parse(Progress, text, str(path), "delete it; the next snapshot replaces it")
