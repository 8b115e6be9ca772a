"""Task name -> its loader."""

from collections.abc import Callable

from deltalora.config.schema import TaskConfig
from deltalora.tasks.base import TaskData
from deltalora.tasks.e2e import load_e2e

_LOADERS: dict[str, Callable[[TaskConfig], TaskData]] = {"e2e": load_e2e}


def load_task(config: TaskConfig) -> TaskData:
    """Loads the configured task.

    Raises:
        DataError: Its source cannot be read.
    """
    return _LOADERS[config.name](config)
