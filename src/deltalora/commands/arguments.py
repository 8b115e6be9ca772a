"""Command-line arguments: mistakes in them are one line, as every other error; the store that a command reads."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from deltalora.errors import ConfigError
from deltalora.results import Store

if TYPE_CHECKING:
    from deltalora.config import TableRun


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that raises instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raises the complaint with the way to more help."""
        raise ConfigError(f"{message}; see `{self.prog} --help`")

    def with_overrides(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parses the options; what is left must be Hydra overrides, KEY=VALUE."""
        options, overrides = self.parse_known_args(arguments)
        if wrong := [one for one in overrides if one.startswith("-")]:
            self.error(f"unknown option {wrong[0]}")
        return options, overrides


def add_store_option(parser: OneLineParser) -> None:
    """Lets a command read records from elsewhere than where runs are written."""
    parser.add_argument("--store", type=Path, help="folder of run records; default: runtime.results_dir")


def open_store(options: argparse.Namespace, runs: "Sequence[TableRun]") -> Store:
    """The asked store, or the one that the runs are written to.

    Raises:
        StoreError: A store was asked for that is not there.
    """
    if options.store is not None:
        return Store.existing(options.store)
    return Store(Path(runs[0].config.runtime.results_dir))
