"""The four tasks: raw files in, examples with stable ids out, their token ids, and their scores.

One file per task (`e2e`, `webnlg`, `xsum`, `glue`) with class, loader and file formats; `task` is the contract.
"""

from deltalora.tasks.batch import IGNORED, Batch, EncodedExample
from deltalora.tasks.examples import TaskData
from deltalora.tasks.task import Collate, Encoded, Prediction, Task, build_task, task_class

__all__ = [
    "IGNORED",
    "Batch",
    "Collate",
    "Encoded",
    "EncodedExample",
    "Prediction",
    "Task",
    "TaskData",
    "build_task",
    "task_class",
]
