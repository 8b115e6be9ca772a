"""What the log shows on a terminal: warnings; the rest goes to each run's own file."""

import logging
import warnings


def show_warnings() -> None:
    """Sets the root logger up, in the command's process and in every worker of a launcher.

    A library that finds it bare sets it up itself when it logs for the first time, and then prints every INFO line.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[handler], format="%(levelname)s %(name)s: %(message)s")
    # conf/hydra/launcher/ray.yaml bears the name that its launcher gave its schema, and may: it is whole without it.
    warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema", UserWarning)
