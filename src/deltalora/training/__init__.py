"""The one loop and what surrounds it: batches, objective, optimizer, checkpoints, costs, loggers, and one run whole.

`loop` trains any method on any task; `prepare` names a run and `run` carries it from data to record. Methods decide
what moves, tasks what is read, metrics what is measured; nothing of that is decided here.
"""

from deltalora.training.failure import RunFailedError, record_failure
from deltalora.training.loop import DivergedError, Trainer, TrainingState
from deltalora.training.prepare import RunIdentity, find_finished, identify_run
from deltalora.training.run import Outcome, execute

__all__ = [
    "DivergedError",
    "Outcome",
    "RunFailedError",
    "RunIdentity",
    "Trainer",
    "TrainingState",
    "execute",
    "find_finished",
    "identify_run",
    "record_failure",
]
