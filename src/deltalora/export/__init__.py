"""A finished run as a model that others can load: a plain transformers folder, or a standard peft LoRA adapter.

`restore` puts a run's trained state back onto its backbone, `low_rank` expresses what it learnt as low-rank factors,
`adapter` and `folder` write the two forms, whole or not at all, and `check` compares the outputs of the written files
with the run's. No training and no data are needed.
"""

from deltalora.export.adapter import write_adapter
from deltalora.export.check import Checked
from deltalora.export.folder import write_plain
from deltalora.export.restore import RestoredRun, restore

__all__ = ["Checked", "RestoredRun", "restore", "write_adapter", "write_plain"]
