"""The list of all runs, for the page's script: it pages, searches and draws quality against cost from it."""

from collections.abc import Sequence
from typing import Any

from deltalora.report.page.environment import drawn, script_json
from deltalora.results import RunRecord

#: Keys of a line, in its order; the script finds them by name.
KEYS = (
    "id",
    "config",
    "experiment",
    "scale",
    "source",
    "row",
    "seed",
    "status",
    "loss",
    "wall",
    "memory",
    "trainable",
    "scores",
    "error",
)

#: An error's whole text is on the run's page.
_ERROR_LENGTH = 120


def run_list_script(records: Sequence[RunRecord]) -> str:
    """A script that sets `deltaloraRuns`: {"keys", "rows"}. A page opened from a disk may load scripts, not data."""
    return f"window.deltaloraRuns={script_json({'keys': KEYS, 'rows': [_line(record) for record in records]})};\n"


def _line(record: RunRecord) -> list[Any]:
    error = f"{record.error.type}: {record.error.message}" if record.error else ""
    return [
        record.run_id,
        record.config_id,
        record.experiment,
        record.scale,
        record.source,
        record.row,
        record.seed,
        record.status,
        drawn(record.validation.get("loss")),
        drawn(record.cost.wall_s),
        record.cost.peak_memory_bytes,
        record.parameters.trainable if record.parameters else None,
        {name: drawn(score.value) for name, score in record.scores.items()},
        error if len(error) <= _ERROR_LENGTH else error[:_ERROR_LENGTH] + "…",
    ]
