"""`deltalora train`: one run, or a Hydra multirun of many.

Hydra composes, sweeps and launches; this file turns each of its jobs into a run, watches them, and gives the exit code.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from deltalora.commands.board import BOARD_VARIABLE, Board, Note, State, throttled
from deltalora.commands.display import Display
from deltalora.config import RunConfig, compose, conf_error, config_dir, expand, register_resolvers, to_run_config
from deltalora.errors import UserError
from deltalora.results import Progress, RunRecord, Store, write_progress
from deltalora.results.store import PROGRESS_FILE
from deltalora.training import RunFailedError, execute

# Worker processes of a launcher import this file, and resolve interpolations before they call `_job`.
register_resolvers()


def train(arguments: Sequence[str]) -> int:
    """Runs what the overrides ask for; runs that are finished already are skipped with a line that says so."""
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    flags = {argument.split("=")[0] for argument in arguments if argument.startswith("-")}
    if flags - {"-m", "--multirun"}:  # --help, --cfg and the like are Hydra's own
        return _hand_to_hydra(arguments)
    jobs = expand(overrides, multirun=bool(flags))
    with tempfile.TemporaryDirectory(prefix="deltalora-") as folder:
        board = Board(Path(folder))
        os.environ[BOARD_VARIABLE] = folder
        if jobs is None:
            composed = compose(overrides)
            config = to_run_config(composed.config, composed.choices)
            with Display(board, 1, Console(stderr=True)):
                _carry_out(config, 0, board)
        else:
            with Display(board, len(jobs), Console(stderr=True)):
                _hand_to_hydra(arguments)
        notes = board.notes()
    refused = [note.message for note in notes if note.state == "refused"]
    if refused:
        more = f" (and {len(refused) - 1} more runs refused)" if len(refused) > 1 else ""
        raise UserError(refused[0] + more)
    return 1 if any(note.state != "finished" and note.state != "skipped" for note in notes) else 0


def _hand_to_hydra(arguments: Sequence[str]) -> int:
    """Hydra reads `sys.argv`, and with full errors on it raises instead of printing and exiting by itself."""
    before, sys.argv = sys.argv, ["deltalora train", *arguments]
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(_job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise conf_error(error, arguments) from error
    finally:
        sys.argv = before
    return 0


def _job(job: DictConfig) -> None:
    """One of Hydra's jobs, in this process or in a launcher's worker.

    Its end is told by the board, not by raising: the other jobs go on, and the exit code is read off the board.
    """
    chosen = HydraConfig.get()
    number = int(chosen.job.get("num") or 0)
    board = Board(Path(os.environ[BOARD_VARIABLE]))
    try:
        config = to_run_config(job, chosen.runtime.choices)
    except UserError as error:
        row, seed = str(chosen.runtime.choices["method"]), int(job.get("seed", 0))
        board.put(Note(job=number, row=row, seed=seed, state="refused", message=str(error)))
        return
    _carry_out(config, number, board)


def _carry_out(config: RunConfig, number: int, board: Board) -> None:
    """Does one run and keeps its note on the board up to date."""

    def note(state: State, message: str = "", progress: Progress | None = None) -> None:
        board.put(Note(job=number, row=config.row, seed=config.seed, state=state, message=message, progress=progress))

    def tell(progress: Progress) -> None:
        write_progress(Store(Path(config.runtime.results_dir)).run_dir(progress.run_id) / PROGRESS_FILE, progress)
        note("running", progress=progress)

    note("running")
    try:
        outcome = execute(config, throttled(tell))
    except UserError as error:
        note("refused", str(error))
    except RunFailedError as error:
        note("failed", str(error))
    except BaseException:
        note("failed", "interrupted")
        raise
    else:
        if outcome.skipped:
            note("skipped", f"finished before: run {outcome.record.run_id}")
        else:
            note("finished", _summary(outcome.record))


def _summary(record: RunRecord) -> str:
    scores = ", ".join(f"{name} {score.value:.4f}" for name, score in record.scores.items())
    return f"run {record.run_id}: validation loss {record.validation['loss']:.3f}, {scores}, {record.cost.wall_s:.0f} s"
