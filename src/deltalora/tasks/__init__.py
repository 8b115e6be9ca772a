"""The four tasks: raw files in, examples with stable ids out, their token ids, and their scores.

One file per task (`e2e`, `webnlg`, `xsum`, `glue`: its class, its loader, its file formats), one per form in which a
backbone reads examples (`causal`, `seq2seq`, `classification`), the contract (`task`), and what all tasks read with
(`sources`, `reading`). No model weights, no training loop lives here.
"""

from collections.abc import Mapping

from deltalora.config.schema import RunConfig
from deltalora.tasks.batch import IGNORED, Batch, EncodedExample
from deltalora.tasks.e2e import E2ETask
from deltalora.tasks.examples import TaskData
from deltalora.tasks.glue import GlueTask
from deltalora.tasks.task import Collate, Encoded, Prediction, Task
from deltalora.tasks.webnlg import WebNLGTask
from deltalora.tasks.xsum import XSumTask

__all__ = [
    "IGNORED",
    "TASKS",
    "Batch",
    "Collate",
    "Encoded",
    "EncodedExample",
    "Prediction",
    "Task",
    "TaskData",
    "build_task",
]

#: task.name -> its class.
TASKS: Mapping[str, type[Task]] = {"e2e": E2ETask, "webnlg": WebNLGTask, "xsum": XSumTask, "glue": GlueTask}


def build_task(config: RunConfig) -> Task:
    """Return the task of a run."""
    return TASKS[config.task.name](config.task, 0 if config.decoding is None else config.decoding.max_new_tokens)
