"""One run of a command, with its note on the board kept up to date from start to finish."""

import signal
from datetime import UTC, datetime
from pathlib import Path

from deltalora.config import RunConfig
from deltalora.errors import UserError
from deltalora.results import Progress, RunLockedError, RunRecord, Store, write_progress
from deltalora.results.store import PROGRESS_FILE
from deltalora.sweep.board import Board, Note, State, throttled
from deltalora.training import RunFailedError, check_schedule, execute, name_runs


def carry_out(config: RunConfig, number: int, board: Board, *, of_sweep: bool = False, wait: bool = True) -> None:
    """Do one run unless it is finished, and note on the board how it stands. How it ended is never an exception.

    Args:
        config: The run.
        number: Of the job.
        board: Of the command.
        of_sweep: An impossible run is then a failed one with a record, beside others that go on.
        wait: Wait for another command that is at work on this run; else note it as `elsewhere`.

    Raises:
        BaseException: What interrupts the process itself, and bugs; passed on after the note.
    """

    def note(state: State, message: str = "", progress: Progress | None = None) -> None:
        board.put(Note(job=number, row=config.row, seed=config.seed, state=state, message=message, progress=progress))

    def tell(progress: Progress) -> None:
        write_progress(Store(Path(config.runtime.results_dir)).run_dir(progress.run_id) / PROGRESS_FILE, progress)
        note("running", progress=progress)

    note("running")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill leaves a record, as Ctrl-C does
    try:
        if not of_sweep:
            check_schedule(config)
        outcome = execute(config, throttled(tell), wait=wait, record_refusals=of_sweep)
    except RunLockedError:
        note("elsewhere", "another command is at work on it")
    except UserError as error:
        note("refused", str(error))
    except RunFailedError as error:
        note("failed", str(error))
    except (KeyboardInterrupt, SystemExit):
        note("interrupted", "goes on where it stopped when it is started again")
        raise
    except BaseException as error:
        note("failed", f"{type(error).__name__}: {error}")
        raise
    else:
        if outcome.skipped:
            board.put(skipped(config, number, outcome.record))
        else:
            note("finished", _summary(outcome.record))
    finally:
        signal.signal(signal.SIGTERM, before)


def take_over(config: RunConfig, number: int, board: Board, since: datetime) -> None:
    """Wait for the command that is at work on a run and take its result; do the run if there is none.

    Args:
        config: The run.
        number: Of the job.
        board: Of this command.
        since: When this command began: a failure that the other has recorded since then is not tried again.
    """
    store, run_id = Store(Path(config.runtime.results_dir)), name_runs([config])[0].run_id
    with store.lock(run_id):
        record = store.read(run_id)
    if record is not None and record.status == "failed" and record.finished_at >= since and record.error is not None:
        message = f"in another command: {record.error.type}: {record.error.message}"
        board.put(Note(job=number, row=config.row, seed=config.seed, state="failed", message=message))
    else:
        carry_out(config, number, board, of_sweep=True)


def now() -> datetime:
    """UTC, as records have it."""
    return datetime.now(UTC)


def skipped(config: RunConfig, number: int, record: RunRecord) -> Note:
    """Return the note of a run that was finished before."""
    message = f"finished before: run {record.run_id}"
    return Note(job=number, row=config.row, seed=config.seed, state="skipped", message=message)


def _summary(record: RunRecord) -> str:
    scores = ", ".join(f"{name} {score.value:.4f}" for name, score in record.scores.items())
    return f"run {record.run_id}: validation loss {record.validation['loss']:.3f}, {scores}, {record.cost.wall_s:.0f} s"
