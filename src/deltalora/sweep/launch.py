"""A sweep: many runs through one of Hydra's launchers; it survives whatever happens to one of them.

Finished runs are skipped with a line that says so. A failed one leaves its record and the others go on, unless
runtime.on_failure=stop. Where a worker process is killed, what it and its neighbours were at is launched once more, and
fails if that happens again. Two commands on the same runs share them: the kernel's lock on each run's folder says who
has which, and each waits at the end for those the other has. A killed command leaves nothing but its checkpoints; the
same command goes on from there.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import hydra
from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from deltalora.config import (
    RunConfig,
    conf_error,
    config_dir,
    register_resolvers,
    table_runs,
    to_run_config,
)
from deltalora.errors import StoreError, cannot, show_warnings
from deltalora.results import Store
from deltalora.results.table_request import write_request
from deltalora.sweep.board import BOARD_VARIABLE, ENDED, Board, Note
from deltalora.sweep.job import carry_out, now, skipped, take_over
from deltalora.sweep.table_runs import table_request
from deltalora.training import identify_run, name_runs, record_failure

# Worker processes of a launcher import this file, and resolve interpolations before they call `_job`.
register_resolvers()

#: Below the store, where workers on other machines see it, too; no run id, so that no run can lie in it.
_BOARDS = ".boards"
_BOARD_LOCK = "lock"
_TABLE = "+table="

#: Names the folder that relative paths are relative to; workers of a Ray cluster are started in another.
_FOLDER_VARIABLE = "DELTALORA_FOLDER"

#: Packages whose exceptions tell of a lost worker: how a run itself ended never crosses a launcher.
_LAUNCHERS = ("joblib", "ray", "submitit")


@contextmanager
def board_of_sweep(results_dir: Path) -> Iterator[Board]:
    """Give a board below the store for the length of a `with` block; remove what killed commands left there.

    Raises:
        StoreError: The store cannot be written.
    """
    folder = results_dir.absolute() / _BOARDS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        board = Path(tempfile.mkdtemp(dir=folder))
    except OSError as error:
        raise StoreError(
            f"{cannot('write', folder, error)}; set runtime.results_dir to a folder that can be written"
        ) from error
    try:
        with FileLock(board / _BOARD_LOCK):
            yield Board(board)
    finally:
        rmtree(board, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove boards whose lock nobody holds: their command is gone."""
    for board in folder.iterdir():
        lock = board / _BOARD_LOCK
        if lock.is_file():  # without one, its command is just making it
            try:
                with FileLock(lock, timeout=0):
                    rmtree(board, ignore_errors=True)
            except Timeout:
                continue


def sweep(arguments: Sequence[str], overrides: Sequence[str], configs: Sequence[RunConfig], board: Board) -> None:
    """Do the runs of a sweep; how each ended is on the board.

    Args:
        arguments: As given on the command line.
        overrides: Those that are no options.
        configs: Of the jobs that Hydra will launch, in its order.
        board: Empty.
    """
    began = now()
    _keep_request(overrides, configs)
    if _all_finished(configs, board):
        return
    os.environ[BOARD_VARIABLE] = str(board.folder)
    # Launchers may reuse worker processes of an earlier sweep, whose environment names an earlier board.
    passed = {BOARD_VARIABLE: board.folder, _FOLDER_VARIABLE: Path.cwd()}
    launch = [*arguments, *(f"+hydra.job.env_set.{name}={path}" for name, path in passed.items())]
    killed: Counter[int] = Counter()
    ended = 0
    while True:
        try:
            hand_to_hydra(launch)
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _LAUNCHERS:
                raise
            found = _count_the_killed(killed, configs, board)
            before, ended = ended, sum(note.state in ENDED for note in board.notes())
            if not found and ended == before:  # killed before it could say what it was at
                raise
            if ended < len(configs):
                continue
        break
    for note in board.notes():
        if note.state == "elsewhere":
            take_over(configs[note.job], note.job, board, began)


def hand_to_hydra(arguments: Sequence[str]) -> None:
    """Hydra reads `sys.argv`, and with full errors on it raises instead of printing and exiting.

    Raises:
        ConfigError: What Hydra refuses.
    """
    before, sys.argv = sys.argv, ["deltalora train", *arguments]
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(_job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise conf_error(error, arguments) from error
    finally:
        sys.argv = before


def _keep_request(overrides: Sequence[str], configs: Sequence[RunConfig]) -> None:
    """Write beside the records which runs make up the table, for `deltalora report`."""
    tables = [one.removeprefix(_TABLE) for one in overrides if one.startswith(_TABLE)]
    if len(tables) == 1:
        others = [one for one in overrides if not one.startswith(_TABLE)]
        request = table_request(tables[0], table_runs(tables[0], others), others)
        write_request(Path(configs[0].runtime.results_dir), request)


def _all_finished(configs: Sequence[RunConfig], board: Board) -> bool:
    """Whether there is nothing to launch; if so, every run gets its note."""
    notes = []
    for number, (config, name) in enumerate(zip(configs, name_runs(configs), strict=True)):
        record = Store(Path(config.runtime.results_dir)).read(name.run_id)
        if record is None or record.status != "finished":
            return False
        notes.append(skipped(config, number, record))
    for note in notes:
        board.put(note)
    return True


def _count_the_killed(killed: Counter[int], configs: Sequence[RunConfig], board: Board) -> bool:
    """Record as failed the runs under way when a worker was killed for the second time; return whether any was killed.

    joblib ends all workers when one is killed, Ray and Slurm do not: a run whose lock is held has its worker still.
    """
    lost = "its worker process was killed twice, probably out of memory: run fewer at once or give each more"
    before = killed.total()
    for note in board.notes():
        config = configs[note.job]
        if note.state not in ("running", "interrupted"):
            continue
        run_id = name_runs([config])[0].run_id
        if Store(Path(config.runtime.results_dir)).state(run_id) != "running":
            killed[note.job] += 1
            if killed[note.job] > 1:
                error = record_failure(config, identify_run(config), "WorkerKilled", lost)
                board.put(note.model_copy(update={"state": "failed", "message": str(error)}))
    return killed.total() > before


def _job(job: DictConfig) -> None:
    """Do one of Hydra's jobs, in this process or in a launcher's worker."""
    show_warnings()
    os.chdir(os.environ[_FOLDER_VARIABLE])
    chosen = HydraConfig.get()
    config = to_run_config(job, chosen.runtime.choices, chosen.overrides.task)
    number, board = int(chosen.job.get("num") or 0), Board(Path(os.environ[BOARD_VARIABLE]))
    before = board.note(number)
    if before is not None and before.state in ENDED:  # the sweep was launched again after a worker was killed
        return
    if config.runtime.on_failure == "stop" and (broken := _first_failure(board)) is not None:
        message = f"not started: {broken.row} seed {broken.seed} failed and runtime.on_failure=stop"
        board.put(Note(job=number, row=config.row, seed=config.seed, state="stopped", message=message))
        return
    carry_out(config, number, board, of_sweep=True, wait=False)


def _first_failure(board: Board) -> Note | None:
    return next((note for note in board.notes() if note.state in ("failed", "refused")), None)
