"""Errors that the user can fix: one line each, saying what was expected, what was found, where, and what to do.

The command line prints the line and exits with 2. Everything else is a bug and keeps its traceback.
"""

import logging
import warnings
from pathlib import Path


class UserError(Exception):
    """A wrong input or configuration; its text is one complete line for a person."""


class ConfigError(UserError):
    """A configuration that cannot be run: a wrong key, type, or an impossible combination."""


class DataError(UserError):
    """A data file that is missing, malformed, or not what the task expects; names file, line or example id."""


class ModelError(UserError):
    """Weights that are missing, of another shape or precision than stated."""


class MetricError(UserError):
    """A score that cannot be computed; names the example and the cause. Never replaced by a sentinel number."""


class StoreError(UserError):
    """A run record or store that cannot be read or written."""


def one_line(error: object) -> str:
    """Return the text of an error, or any text, on one line."""
    return " ".join(str(error).split())


def cannot(do: str, path: Path, error: Exception) -> str:
    """Return "cannot write PATH: REASON" for an error of the operating system."""
    return f"cannot {do} {path}: {getattr(error, 'strerror', None) or one_line(error)}"


def show_warnings() -> None:
    """Set the root logger up, in the command's process and in every worker of a launcher.

    A library that finds it bare sets it up itself when it logs for the first time, and then prints every INFO line.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[handler], format="%(levelname)s %(name)s: %(message)s")
    # conf/hydra/launcher/ray.yaml shares its name with its launcher's schema, which it does not need.
    warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema", UserWarning)
