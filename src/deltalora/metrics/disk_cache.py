"""Segment statistics that take long to compute, kept on disk under a hash of everything they depend on."""

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from deltalora.metrics.base import Statistics

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Return DELTALORA_CACHE, else deltalora in XDG_CACHE_HOME, else ~/.cache/deltalora."""
    if named := os.environ.get("DELTALORA_CACHE"):
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "deltalora"


def cached(
    version: str, texts: Sequence[str], blocks: Sequence[Sequence[str]], compute: Callable[[], Statistics]
) -> Statistics:
    """Return the statistics of these texts against these references, from disk or else computed and kept there.

    A damaged or half-written entry fails its digest and is computed again; where the folder cannot be written nothing
    is kept. Entries take a few bytes per segment and are never removed; the folder may be deleted at any time.

    Args:
        version: Names the computation and its version; a file name.
        texts: The hypotheses, as they are scored.
        blocks: The references of each, as they are scored.
        compute: Computes the statistics, one row per text.
    """
    try:
        path = cache_folder() / version / f"{_digest(texts, blocks)}.bin"
    except RuntimeError:  # there is no home folder
        return compute()
    kept = _read(path, len(texts))
    if kept is not None:
        return kept
    statistics = compute()
    array = io.BytesIO()
    np.save(array, statistics, allow_pickle=False)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(array.getvalue()).digest() + array.getvalue())
    return statistics


def _digest(texts: Sequence[str], blocks: Sequence[Sequence[str]]) -> str:
    """Hash the texts so that no two lists of texts give the same bytes."""
    digest = hashlib.sha256()
    for text, block in zip(texts, blocks, strict=True):
        digest.update((1 + len(block)).to_bytes(8, "big"))
        for one in (text, *block):
            encoded = one.encode(errors="surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


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
