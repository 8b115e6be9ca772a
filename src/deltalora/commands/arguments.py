"""Command-line arguments, with mistakes in them as one line, and the request that a table or figure is read from."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from deltalora.errors import ConfigError
from deltalora.results import RunRecord, Store
from deltalora.results.table_request import Found, find_request

#: Where `deltalora train` keeps its runs, unless runtime.results_dir says otherwise.
DEFAULT_STORE = Path("results/runs")
_RESULTS_DIR = "runtime.results_dir="


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that raises instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint with the way to more help."""
        raise ConfigError(f"{message}; see `{self.prog} --help`")

    def with_overrides(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse the options; what is left must be Hydra overrides, KEY=VALUE."""
        options, overrides = self.parse_known_args(arguments)
        if wrong := [one for one in overrides if one.startswith("-")]:
            self.error(f"unknown option {wrong[0]}")
        return options, overrides


def add_store_option(parser: OneLineParser) -> None:
    """Let a command read records from elsewhere than where runs are written."""
    parser.add_argument("--store", type=Path, help="folder of run records; default: runtime.results_dir")


def requested(name: str, store: Path | None, overrides: Sequence[str]) -> tuple[Found, Store]:
    """Return the request for a table or figure and the store of its runs.

    A request that a sweep stored is read from there. If there is none of these overrides, one is composed, which loads
    the data and hashes the weights.

    Args:
        name: E.g. 'table1'.
        store: Of the option; None: where the overrides say that runs are written.
        overrides: Of Hydra.

    Raises:
        UserError: The store, the data or the weights are not there, or the overrides are wrong or ambiguous.
    """
    stated = [Path(one.removeprefix(_RESULTS_DIR)) for one in overrides if one.startswith(_RESULTS_DIR)]
    found_in = Store.existing(store) if store is not None else Store((stated or [DEFAULT_STORE])[-1])
    if found := find_request(found_in.root, name, overrides):
        return found, found_in
    from deltalora.config import table_runs  # these two need torch
    from deltalora.sweep.table_runs import table_request

    runs = table_runs(name, overrides)
    composed = Found(table_request(name, runs, overrides), "")
    return composed, found_in if store is not None else Store(Path(runs[0].config.runtime.results_dir))


def records_of(found: Found, store: Store) -> list[RunRecord]:
    """Read the records of a request's runs, of those that have one.

    Raises:
        StoreError: A record is malformed.
    """
    return [record for run_id in sorted(found.request.run_ids) if (record := store.read(run_id)) is not None]
