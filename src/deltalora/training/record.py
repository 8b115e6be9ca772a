"""The record of a run, from what was configured, measured and scored; and the record of one that never started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch

from deltalora import RESULTS_VERSION, metrics, results
from deltalora.config.schema import RunConfig
from deltalora.errors import one_line
from deltalora.results import RunRecord, Store
from deltalora.training.loop import TrainingState
from deltalora.training.prepare import PreparedRun
from deltalora.training.run_id import RunInputs


class RunFailedError(RuntimeError):
    """A run ended without a result; its record says why."""

    @classmethod
    def of(cls, config: RunConfig, run_id: str, kind: str, message: str) -> "RunFailedError":
        """Say in one line which run failed, what broke, and where its record is."""
        folder = Store(Path(config.runtime.results_dir)).run_dir(run_id)
        return cls(f"run {run_id} ({config.row}, seed {config.seed}) failed: {kind}: {message} (record: {folder})")


def record_failure(config: RunConfig, inputs: RunInputs, kind: str, message: str) -> RunFailedError:
    """Write a failed record where none would be left, and return the error to raise.

    A finished record is never replaced, and what a killed process had reached (its checkpoint) stays beside it: the
    next command goes on from there.

    Args:
        config: The run.
        inputs: Its ids, data and weights.
        kind: Name of the exception's class.
        message: Its text.
    """
    message = one_line(message)
    store = Store(Path(config.runtime.results_dir))
    with store.lock(inputs.run_id):
        before = store.read(inputs.run_id)
        if before is None or before.status != "finished":
            store.write(_failed_record(config, inputs, kind, message))
    return RunFailedError.of(config, inputs.run_id, kind, message)


@dataclass
class Measured:
    """What a run measures while it goes, as far as it got.

    Attributes:
        state: Curve, losses, tokens and seconds of the training.
        seconds: Seconds of the phases beside it.
        processes: How many share the run.
        parameters: None before the model was there.
        peak_memory_bytes: None before the training.
        similarity: Projection -> cosine of the trained weight with the pre-trained one.
    """

    state: TrainingState
    seconds: dict[str, float]
    processes: int
    parameters: results.Parameters | None = None
    peak_memory_bytes: int | None = None
    similarity: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Tested:
    """The scores of the test split, the file of its predictions and that of its segment statistics."""

    scores: Mapping[str, metrics.Score]
    predictions: results.PredictionsFile
    segments: results.SegmentsFile


def run_record(
    prepared: PreparedRun,
    measured: Measured,
    status: Literal["finished", "failed", "interrupted"],
    tested: Tested | None = None,
    error: BaseException | None = None,
) -> RunRecord:
    """Return the record of a run that ended so, with all that was measured until then."""
    config, state, finished = prepared.config, measured.state, status == "finished"
    device = prepared.accelerator.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    best = config.train.selection == "best"
    selection = results.Selection(
        rule=config.train.selection,
        step=state.best_step if best else prepared.total_steps,
        split=prepared.task.tested_on,
    )
    return RunRecord(
        **_known(config, prepared.inputs, prepared.git, prepared.encoded.sha256),
        status=status,
        error=None if error is None else results.RunError(type=type(error).__name__, message=one_line(error)),
        environment=results.fingerprint_environment(name, measured.processes),
        parameters=measured.parameters,
        scores={
            name: results.ScoreEntry(value=score.value, signature=score.signature, n=len(score.statistics))
            for name, score in (tested.scores if tested else {}).items()
        },
        validation={"loss": state.validation_loss} if state.curve and finished else {},
        selection=selection if tested else None,
        curve=state.points(),
        cost=_cost(measured),
        diagnostics=dict(prepared.method.diagnostics()) if finished else {},
        predictions=tested.predictions if tested else None,
        segments=tested.segments if tested else None,
        similarity=dict(measured.similarity),
        started_at=datetime.fromisoformat(state.started_at),
        finished_at=datetime.now(UTC),
    )


def _cost(measured: Measured) -> results.Cost:
    seconds = measured.state.seconds | measured.seconds
    tokens, train_s = measured.state.tokens, seconds.get("train")
    return results.Cost(
        train_s=train_s,
        evaluation_s=seconds.get("evaluation"),
        decoding_s=seconds.get("decoding"),
        scoring_s=seconds.get("scoring"),
        wall_s=sum(seconds.values()),
        train_tokens=tokens,
        tokens_per_s=tokens / train_s if train_s else None,
        peak_memory_bytes=measured.peak_memory_bytes,
    )


def _known(
    config: RunConfig, inputs: RunInputs, git: results.GitState | None, tokenised_sha256: str | None = None
) -> dict[str, Any]:
    """Return what is known before anything is trained: configuration, data, weights and code."""
    return {
        "run_id": inputs.run_id,
        "config_id": inputs.config_id,
        "experiment": config.experiment,
        "row": config.row,
        "method": config.method.name,
        "scale": config.scale,
        "source": config.task.source,
        "seed": config.seed,
        "config": config.without_folders(),
        "code": results.Code(
            results_version=RESULTS_VERSION, commit=git.commit if git else None, dirty=git.dirty if git else None
        ),
        "data": results.Data(
            files=dict(inputs.data.files),
            counts=dict(inputs.data.counts),
            tokenised_sha256=tokenised_sha256,
        ),
        "model": results.Model(
            name=config.model.name,
            source=config.model.source,
            revision=inputs.model.revision,
            sha256=inputs.model.sha256,
        ),
        "parent": inputs.parent.run_id if inputs.parent else None,
    }


def _failed_record(config: RunConfig, inputs: RunInputs, kind: str, message: str) -> RunRecord:
    now = datetime.now(UTC)
    return RunRecord(
        **_known(config, inputs, results.git_state(Path(__file__).parent)),
        status="failed",
        error=results.RunError(type=kind, message=message),
        environment=results.fingerprint_environment(),
        started_at=now,
        finished_at=now,
    )
