"""Write a file or a folder whole or not at all, whatever kills the writer."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from deltalora.errors import StoreError, cannot

#: The ending of every half-written file; what a killed writer left is removed by the next holder of the run's lock.
TEMPORARY_SUFFIX = ".tmp"


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a new path to write a file or a folder at, which takes the place of `path` when the `with` block ends well.

    A reader sees the old content or the new, never a part; if the block fails, the new path is removed. A folder takes
    the place of an empty folder or of none. The new path lies beside `path`, since a rename is atomic only within one
    file system, and is flushed to disk before, since a rename may survive a power cut that its content does not.
    """
    new = path.with_name(f".{path.name}.{token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        yield new
        _flush(new)
        new.replace(path)
    finally:
        if new.is_dir():
            shutil.rmtree(new, ignore_errors=True)
        else:
            new.unlink(missing_ok=True)
    _flush(path.parent)


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file by `content` in one step, making the folders it needs; StoreError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as new:
            new.write_bytes(content)
    except OSError as error:
        raise StoreError(cannot("write", path, error)) from error


def remove_temporaries(folder: Path) -> None:
    """Remove what killed writers left in `folder`. Only for the holder of the run's lock."""
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
