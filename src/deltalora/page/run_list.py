"""The list of all runs, for the page's script: it pages, searches and draws quality against cost from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deltalora.page.templating import drawn, script_json
from deltalora.results import RunRecord


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run; keys mean what they mean in the record. None where the run never got there."""

    run_id: str
    config_id: str
    experiment: str
    scale: str
    source: str
    row: str
    method: str
    seed: int
    status: str
    error_type: str | None
    error_message: str
    commit: str | None
    dirty: bool
    results_version: int
    trainable: int | None
    validation_loss: float | None
    wall_s: float | None
    train_s: float | None
    peak_memory_bytes: int | None
    scores: dict[str, float]

    @property
    def order(self) -> tuple[str, str, str, str, int, str]:
        """By which the runs are listed."""
        return self.experiment, self.scale, self.source, self.row, self.seed, self.run_id


def run_line(record: RunRecord) -> RunLine:
    """The line of a record."""
    return RunLine(
        run_id=record.run_id,
        config_id=record.config_id,
        experiment=record.experiment,
        scale=record.scale,
        source=record.source,
        row=record.row,
        method=record.method,
        seed=record.seed,
        status=record.status,
        error_type=record.error.type if record.error else None,
        error_message=record.error.message if record.error else "",
        commit=record.code.commit,
        dirty=bool(record.code.dirty),
        results_version=record.code.results_version,
        trainable=record.parameters.trainable if record.parameters else None,
        validation_loss=record.validation.get("loss"),
        wall_s=record.cost.wall_s,
        train_s=record.cost.train_s,
        peak_memory_bytes=record.cost.peak_memory_bytes,
        scores={name: score.value for name, score in record.scores.items()},
    )


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
