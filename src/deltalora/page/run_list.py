"""The list of all runs, for the page's script: it pages, searches and draws quality against cost from it."""

from collections.abc import Sequence
from typing import Any

from deltalora.page.environment import drawn, script_json
from deltalora.page.run_line import RunLine

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


def run_list_script(lines: Sequence[RunLine]) -> str:
    """A script that sets `deltaloraRuns`: {"keys", "rows"}. A page opened from a disk may load scripts, not data."""
    return f"window.deltaloraRuns={script_json({'keys': KEYS, 'rows': [_values(line) for line in lines]})};\n"


def _values(line: RunLine) -> list[Any]:
    error = f"{line.error_type}: {line.error_message}" if line.error_type is not None else ""
    return [
        line.run_id,
        line.config_id,
        line.experiment,
        line.scale,
        line.source,
        line.row,
        line.seed,
        line.status,
        drawn(line.validation_loss),
        drawn(line.wall_s),
        line.peak_memory_bytes,
        line.trainable,
        {name: drawn(value) for name, value in line.scores.items()},
        error if len(error) <= _ERROR_LENGTH else error[:_ERROR_LENGTH] + "…",
    ]
