"""Python's garbage collector, out of the way of a lot of work that leaves no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_collector() -> Iterator[None]:
    """A store's records are millions of objects and hardly any in a cycle: searching them is a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
