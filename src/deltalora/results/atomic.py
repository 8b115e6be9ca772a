"""Write a file whole or not at all, whatever kills the writer."""

import os
import tempfile
from pathlib import Path

#: Of every half-written file; what a killed writer left is swept by the next holder of the run's lock.
TEMPORARY_SUFFIX = ".tmp"


def write_atomic(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step; a reader sees the old file or the new one, never a part.

    The temporary file lies in the same folder, since a rename is atomic only within one file system, and is flushed to
    the disk before the rename, since a rename may otherwise outlive a power cut that its content does not.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes 0600: others in a shared results folder could not read it
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def sweep_temporaries(folder: Path) -> None:
    """Remove what killed writers left in `folder`. Only for the holder of the run's lock."""
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def _umask() -> int:
    # The kernel offers no way to read it without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
