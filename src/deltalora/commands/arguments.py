"""Command-line arguments whose faults are one line, like every other fault."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from deltalora.errors import ConfigError


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
