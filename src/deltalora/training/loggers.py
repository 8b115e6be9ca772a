"""Where the curve goes beside the record: nowhere, to Weights & Biases, or to TensorBoard's event files."""

from pathlib import Path
from typing import Any, Protocol

from deltalora.config.schema import RunConfig
from deltalora.errors import ConfigError


class Logger(Protocol):
    """Receives the curve while it grows."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Take values after `step` optimizer steps."""

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """Take the end of the run and its scores."""


class NoLogger:
    """Keeps nothing; the record and the log file are enough."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Drop the values."""

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """Do nothing."""


class WandbLogger:
    """One W&B run per run id, resumed under the same id, grouped by table (or experiment) and row.

    An interrupted run that goes on repeats the steps after its last checkpoint; W&B keeps the first value of a step. In
    offline mode each start has a folder of its own, and `wandb sync` puts those of one id together.

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
            group=f"{config.runtime.table or config.experiment}-{config.scale}/{config.row}",
            job_type=config.experiment,
            tags=[config.scale, config.method.name, config.task.source],
            config=config.model_dump(mode="json"),
            dir=folder,
            reinit="finish_previous",
            settings=wandb.Settings(console="off", silent=True),
        )

    def log(self, step: int, values: dict[str, float]) -> None:
        """Send the values."""
        self._run.log(values, step=step)

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """Write the scores into the summary and end the W&B run with the right status."""
        self._run.summary.update(summary)
        self._run.finish(exit_code=0 if succeeded else 1)


class TensorBoardLogger:
    """Event files below the run's folder: `tensorboard --logdir results/runs` shows every run by its id.

    Args:
        folder: The run's; a run that goes on after an interruption writes a further file beside the first.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboardX import SummaryWriter  # an optional extra; only this logger wants it

        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))

    def log(self, step: int, values: dict[str, float]) -> None:
        """Write the values."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self, succeeded: bool, summary: dict[str, float]) -> None:
        """Write the scores and the status, 1 for a finished run, and close the file."""
        for name, value in {**summary, "finished": float(succeeded)}.items():
            self._writer.add_scalar(f"end/{name}", value)
        self._writer.close()


def build_logger(config: RunConfig, run_id: str, folder: Path) -> Logger:
    """Return the configured logger, started.

    Raises:
        ConfigError: Its package is not installed.
    """
    try:
        if config.logger.name == "wandb":
            return WandbLogger(config, run_id, folder)
        return TensorBoardLogger(folder) if config.logger.name == "tensorboard" else NoLogger()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"logger={config.logger.name}: expected its package, found no {error.name}; "
            f"`pip install 'deltalora[{config.logger.name}]'`, or logger=none"
        ) from error
