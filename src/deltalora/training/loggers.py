"""Where the curve goes beside the record: nowhere, or to Weights & Biases."""

from pathlib import Path
from typing import Any, Protocol

from deltalora.config.schema import RunConfig


class Logger(Protocol):
    """Receives the curve while it grows."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Values after `step` optimizer steps."""

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """The end of the run, and what came out of it."""


class NoLogger:
    """Keeps nothing; the record and the log file are enough."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Drops the values."""

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """Does nothing."""


class WandbLogger:
    """One W&B run per run id, resumed under the same id, grouped by experiment and row.

    Args:
        config: The run; `logger.mode=offline` needs neither network nor account.
        run_id: Becomes the W&B id.
        folder: W&B's own files go below it.
    """

    def __init__(self, config: RunConfig, run_id: str, folder: Path) -> None:
        import wandb  # starts helper processes when used; only this logger wants it

        self._run: Any = wandb.init(
            project=config.logger.project,
            mode=config.logger.mode,
            id=run_id,
            resume="allow",
            name=f"{config.row}-seed{config.seed}",
            group=f"{config.experiment}-{config.scale}/{config.row}",
            job_type=config.scale,
            config=config.model_dump(mode="json"),
            dir=folder,
            reinit="finish_previous",
            settings=wandb.Settings(console="off", silent=True),
        )

    def log(self, step: int, values: dict[str, float]) -> None:
        """Sends the values."""
        self._run.log(values, step=step)

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """Writes the scores into the summary and ends the W&B run with the right status."""
        self._run.summary.update(summary)
        self._run.finish(exit_code=0 if succeeded else 1)


def build_logger(config: RunConfig, run_id: str, folder: Path) -> Logger:
    """The configured logger, started."""
    return WandbLogger(config, run_id, folder) if config.logger.name == "wandb" else NoLogger()
