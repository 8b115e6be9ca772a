"""What the index page knows of one run: a line of its list, of its scatter and of the CSV of all runs.

Whoever writes a run's page has its record in hand and makes the line of it, so that ten thousand records are read once
and none is kept.
"""

from dataclasses import dataclass

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
