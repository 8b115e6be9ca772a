"""What the processes of a run do as one around its training: own its folder, read its weights, leave its failure."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from torch import Tensor

from deltalora import models
from deltalora.config.schema import RunConfig
from deltalora.results import RunRecord, Store
from deltalora.training.checkpoint import load_state
from deltalora.training.distributed import Processes
from deltalora.training.prepare import PreparedRun
from deltalora.training.record import RunFailedError, record_failure
from deltalora.training.run_id import RunInputs


def left_behind(
    config: RunConfig, identity: RunInputs, processes: Processes, kind: str, error: Exception
) -> RunFailedError:
    """The error to raise on every process for a run that could not begin; the leader writes its record."""
    with processes.recording():
        if processes.leads:
            return record_failure(config, identity, kind, str(error))
    return RunFailedError.of(config, identity.run_id, kind, " ".join(str(error).split()))


def finished(store: Store, identity: RunInputs) -> RunRecord | None:
    """The run's record, if the run is finished."""
    record = store.read(identity.run_id)
    return record if record is not None and record.status == "finished" else None


def weights(prepared: PreparedRun, store: Store) -> tuple[models.Backbone, dict[str, Tensor] | None]:
    """The backbone, and what the run before this one trained."""
    config, identity = prepared.config, prepared.identity
    backbone = models.load_backbone(config.model, identity.model, config.seed, prepared.task.num_labels)
    return backbone, load_state(store.run_dir(identity.parent.run_id)) if identity.parent else None


@contextmanager
def owned(store: Store, run_id: str, processes: Processes, wait: bool) -> Iterator[Path]:
    """The run's folder, locked by the leader for all; no process goes on before the lock is held."""
    if not processes.leads:
        processes.from_leader(lambda: None)
        yield store.run_dir(run_id)
        return
    with ExitStack() as held:
        folder = processes.from_leader(lambda: held.enter_context(store.lock(run_id, blocking=wait)))
        yield folder
