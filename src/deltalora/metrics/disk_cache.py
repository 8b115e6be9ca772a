"""Segment statistics that take long to compute, kept on disk under a hash of everything they depend on."""

import hashlib
import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from deltalora.metrics.base import References, Statistics, Texts

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Return DELTALORA_CACHE, else deltalora in XDG_CACHE_HOME, else ~/.cache/deltalora."""
    if named := os.environ.get("DELTALORA_CACHE"):
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "deltalora"


def cached(version: str, texts: Texts, blocks: References, compute: Callable[[], Statistics]) -> Statistics:
    """Return the statistics of these texts against these references, from disk or else computed and kept there.

    `version` names the computation and its version, and is a file name. A damaged or half-written entry fails its
    digest and is computed again; where the folder cannot be written nothing is kept. Entries take a few bytes per
    segment and are never removed; the folder may be deleted at any time.
    """
    key = hashlib.sha256(json.dumps([texts, blocks]).encode()).hexdigest()
    try:
        path = cache_folder() / version / f"{key}.bin"
        content = path.read_bytes()
    except RuntimeError:  # there is no home folder
        return compute()
    except OSError:
        content = b""
    digest, array = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(array).digest() == digest:
        kept: Statistics = np.load(io.BytesIO(array), allow_pickle=False)
        return kept
    statistics = compute()
    buffer = io.BytesIO()
    np.save(buffer, statistics, allow_pickle=False)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    return statistics
