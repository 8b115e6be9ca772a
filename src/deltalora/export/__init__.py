"""A finished run as a model that others can load: a plain transformers folder, or a standard peft LoRA adapter.

`restore` puts a run's trained state back onto its backbone, `low_rank` says what it learnt as thin factors, `adapter`
and `plain` write the two forms, `folder` sees to it that a folder appears whole or not at all, `check` loads what was
written and holds its outputs against the run's. No training and no data are needed.
"""

from deltalora.export.adapter import write_adapter
from deltalora.export.check import Checked
from deltalora.export.folder import write_plain
from deltalora.export.restore import RestoredRun, restore

__all__ = ["Checked", "RestoredRun", "restore", "write_adapter", "write_plain"]
