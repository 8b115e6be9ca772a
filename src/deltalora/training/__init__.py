"""The one loop and what surrounds it: batches, objective, optimizer, checkpoints, costs, loggers, and one run whole.

`loop` trains any method on any task; `prepare` names a run and `run` carries it from data to record. Methods decide
what moves, tasks what is read, metrics what is measured; nothing of that is decided here.
"""

from deltalora.training.loop import DivergedError, Trainer, TrainingState
from deltalora.training.prepare import check_schedule
from deltalora.training.record import RunFailedError, record_failure
from deltalora.training.run import Outcome, execute
from deltalora.training.run_id import RunInputs, RunName, identify_run, name_runs

__all__ = [
    "DivergedError",
    "Outcome",
    "RunFailedError",
    "RunInputs",
    "RunName",
    "Trainer",
    "TrainingState",
    "check_schedule",
    "execute",
    "identify_run",
    "name_runs",
    "record_failure",
]
