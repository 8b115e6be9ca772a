"""The four tasks: raw files in, examples with stable ids out, their token ids, and their scores.

One file per task (`e2e`, `webnlg`, `xsum`, `glue`) with class, loader and file formats; `task` is the contract.
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

__all__ = ["IGNORED", "Batch", "Collate", "Encoded", "EncodedExample", "Prediction", "Task", "TaskData", "build_task"]

#: task.name -> its class.
TASKS: Mapping[str, type[Task]] = {"e2e": E2ETask, "webnlg": WebNLGTask, "xsum": XSumTask, "glue": GlueTask}


def build_task(config: RunConfig) -> Task:
    """Return the task of a run."""
    return TASKS[config.task.name](config.task, 0 if config.decoding is None else config.decoding.max_new_tokens)
