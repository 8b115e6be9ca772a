"""The record of a run that could not even begin, or whose process was killed: written for it, from what is known."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalora import RESULTS_VERSION, results
from deltalora.config.schema import RunConfig
from deltalora.results import RunRecord, Store
from deltalora.training.run_id import RunInputs


class RunFailedError(RuntimeError):
    """A run ended without a result; its record says why."""

    @classmethod
    def of(cls, config: RunConfig, run_id: str, kind: str, message: str) -> "RunFailedError":
        """One line: which run, what broke, and where its record is."""
        folder = Store(Path(config.runtime.results_dir)).run_dir(run_id)
        return cls(f"run {run_id} ({config.row}, seed {config.seed}) failed: {kind}: {message} (record: {folder})")


def record_failure(config: RunConfig, identity: RunInputs, kind: str, message: str) -> RunFailedError:
    """Leaves a failed record where none would be left, and gives back the error to raise.

    A finished record is never replaced, and what a killed process had reached (its checkpoint) stays beside it: the
    next command goes on from there.

    Args:
        config: The run.
        identity: Its ids, data and weights.
        kind: Name of the exception's class.
        message: Its text.
    """
    message = " ".join(message.split())
    store = Store(Path(config.runtime.results_dir))
    with store.lock(identity.run_id):
        before = store.read(identity.run_id)
        if before is None or before.status != "finished":
            store.write(_failed_record(config, identity, kind, message))
    return RunFailedError.of(config, identity.run_id, kind, message)


def known_of(
    config: RunConfig,
    identity: RunInputs,
    git: results.GitState | None,
    tokenised_sha256: str | None = None,
) -> dict[str, Any]:
    """The part of a record that is known before anything is trained: what was asked, of which data, weights and code.

    Args:
        config: The run.
        identity: Its ids, data and weights.
        git: Of the code, as it was when the run began.
        tokenised_sha256: Of all token ids; None if it never got there.
    """
    return {
        "run_id": identity.run_id,
        "config_id": identity.config_id,
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
            files=dict(identity.data.files),
            counts=dict(identity.data.counts),
            tokenised_sha256=tokenised_sha256,
        ),
        "model": results.Model(
            name=config.model.name,
            source=config.model.source,
            revision=identity.model.revision,
            sha256=identity.model.sha256,
        ),
        "parent": identity.parent.run_id if identity.parent else None,
    }


def _failed_record(config: RunConfig, identity: RunInputs, kind: str, message: str) -> RunRecord:
    now = datetime.now(UTC)
    return RunRecord(
        **known_of(config, identity, results.git_state(Path(__file__).parent)),
        status="failed",
        error=results.RunError(type=kind, message=message),
        environment=results.fingerprint_environment(),
        started_at=now,
        finished_at=now,
    )
