"""Segment statistics that take long, kept on disk under a hash of all that they depend on."""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from deltalora.metrics.base import Statistics

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """DELTALORA_CACHE, else deltalora in XDG_CACHE_HOME, else ~/.cache/deltalora."""
    if named := os.environ.get("DELTALORA_CACHE"):
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "deltalora"


def cached(
    version: str, texts: Sequence[str], blocks: Sequence[Sequence[str]], compute: Callable[[], Statistics]
) -> Statistics:
    """The statistics of these texts against these references: from the disk, else computed and put there.

    A damaged entry is computed again, and where the folder cannot be written nothing is kept. Entries are a few bytes
    a segment and are never removed; the folder may be deleted at any time.

    Args:
        version: Names the computation and its version; a file name.
        texts: The hypotheses, as they are scored.
        blocks: The references of each, as they are scored.
        compute: Computes the statistics, one row a text.
    """
    path = _path(version, texts, blocks)
    if path is None:
        return compute()
    kept = _read(path, len(texts))
    if kept is not None:
        return kept
    statistics = compute()
    _write(path, statistics)
    return statistics


def _path(version: str, texts: Sequence[str], blocks: Sequence[Sequence[str]]) -> Path | None:
    try:
        folder = cache_folder()
    except RuntimeError:  # there is no home folder
        return None
    digest = hashlib.sha256()
    for text, block in zip(texts, blocks, strict=True):
        _frame(digest.update, [text, *block])
    return folder / version / f"{digest.hexdigest()}.bin"


def _frame(update: Callable[[bytes], None], texts: Iterable[str]) -> None:
    """Feeds the texts so that no two lists of texts give the same bytes."""
    encoded = [text.encode(errors="surrogatepass") for text in texts]
    update(len(encoded).to_bytes(8, "big"))
    for one in encoded:
        update(len(one).to_bytes(8, "big") + one)


def _read(path: Path, count: int) -> Statistics | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, array = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(array).digest() != digest:
        return None
    statistics: Statistics = np.load(io.BytesIO(array), allow_pickle=False)
    return statistics if len(statistics) == count else None


def _write(path: Path, statistics: Statistics) -> None:
    array = io.BytesIO()
    np.save(array, statistics, allow_pickle=False)
    content = hashlib.sha256(array.getvalue()).digest() + array.getvalue()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
