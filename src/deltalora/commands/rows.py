"""Which runs make up which row of a table or line of a figure, and the store that holds their records."""

import argparse
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from deltalora.commands.arguments import OneLineParser
from deltalora.config import TableRun
from deltalora.report import Part
from deltalora.results import Store
from deltalora.training import name_runs

Row = TypeVar("Row", bound=Hashable)


def add_store_option(parser: OneLineParser) -> None:
    """Lets a command read records from elsewhere than where runs are written."""
    parser.add_argument("--store", type=Path, help="folder of run records; default: runtime.results_dir")


def open_store(options: argparse.Namespace, runs: Sequence[TableRun]) -> Store:
    """The asked store, or the one that the runs are written to.

    Raises:
        StoreError: A store was asked for that is not there.
    """
    if options.store is not None:
        return Store.existing(options.store)
    return Store(Path(runs[0].config.runtime.results_dir))


def parts_by_row(runs: Sequence[TableRun], row_of: Callable[[TableRun], Row]) -> dict[Row, dict[str, Part]]:
    """Row -> experiment -> its configuration and run ids by seed, in the order of the rows' first runs.

    Args:
        runs: Of one table.
        row_of: What tells a run's row from the others; may refuse the run.

    Raises:
        UserError: Data or weights of a run are not there.
    """
    rows: dict[Row, dict[str, Part]] = {}
    keys = [row_of(run) for run in runs]  # before anything is read: it may refuse
    for key, run, name in zip(keys, runs, name_runs(run.config for run in runs), strict=True):
        parts = rows.setdefault(key, {})
        experiment = run.config.experiment
        before = parts[experiment].run_ids if experiment in parts else {}
        parts[experiment] = Part(name.config_id, {**before, run.config.seed: name.run_id})
    return rows
