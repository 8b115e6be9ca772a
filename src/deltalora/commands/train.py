"""`deltalora train`: one run, or a Hydra multirun of many.

Hydra composes, sweeps and launches; `sweep.job` and `sweep.launch` turn its jobs into runs, and this file watches them
and gives the exit code. Every configuration of a sweep is checked before the first run starts. How a run ended is in
its note on the board; no exception crosses a launcher, so that one failure neither hides nor stops the others.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from deltalora.config import RunConfig, expand, run_config
from deltalora.errors import ConfigError, UserError

#: Flags that only ask Hydra to show something.
_HYDRA_SHOWS = {"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--resolve", "--package", "-p"}


def train(arguments: Sequence[str]) -> int:
    """Do the runs that the overrides name; finished ones are skipped with a line that says so.

    Returns:
        0 if every run is finished, 1 if one failed or never started.

    Raises:
        UserError: A configuration, data or weights were refused.
    """
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    flags = [argument.split("=")[0] for argument in arguments if argument.startswith("-")]
    if set(flags) & _HYDRA_SHOWS:
        from deltalora.sweep.launch import hand_to_hydra

        hand_to_hydra(arguments)
        return 0
    if unknown := set(flags) - {"-m", "--multirun"}:
        raise ConfigError(f"unknown option {unknown.pop()}: expected KEY=VALUE overrides and, for a sweep, -m")
    jobs = expand(overrides, multirun=bool(flags))
    configs = [run_config(job) for job in jobs or [overrides]]
    return _run(arguments, overrides, configs, is_sweep=jobs is not None)


def _run(arguments: Sequence[str], overrides: Sequence[str], configs: Sequence[RunConfig], *, is_sweep: bool) -> int:
    """Do runs whose configurations are right; torch is imported here, so that a mistake is answered at once."""
    from deltalora.sweep.board import Board
    from deltalora.sweep.display import Display
    from deltalora.sweep.job import carry_out
    from deltalora.sweep.launch import board_of_sweep, sweep
    from deltalora.training import identify_run
    from deltalora.training.distributed import launched, leads

    if is_sweep and launched() > 1:
        raise ConfigError(
            f"expected one run for the {launched()} processes of this launch, found a sweep (-m): "
            "launch its runs one by one, or start the sweep without a launcher"
        )
    with ExitStack() as stack:
        if is_sweep:
            identify_run(configs[0])  # data or weights that are not there leave no trace
            board = stack.enter_context(board_of_sweep(Path(configs[0].runtime.results_dir)))
        else:
            folder = tempfile.TemporaryDirectory(prefix="deltalora-", ignore_cleanup_errors=True)
            board = Board(Path(stack.enter_context(folder)))
        with Display(board, len(configs), Console(stderr=True, quiet=not leads())):
            if is_sweep:
                sweep(arguments, overrides, configs, board)
            else:
                carry_out(configs[0], 0, board)
        notes = board.notes()
    if not leads():  # the first process says it
        notes = [note for note in notes if note.state != "refused"]
    if refused := [note.message for note in notes if note.state == "refused"]:
        more = f" (and {len(refused) - 1} more runs refused)" if len(refused) > 1 else ""
        raise UserError(refused[0] + more)
    ended_well = [note for note in notes if note.state in ("finished", "skipped")]
    return 0 if len(ended_well) == len(configs) else 1
