"""Ids of configurations and runs: the first 12 hexadecimal digits of a SHA-256 over canonical JSON.

The seeds of one row share a config id; a run id is one seed of it, on given data and weights, under a given results
version. Which keys of a configuration are scientific (can move a number) is the caller's decision. The commit is
recorded and not hashed, so that a new comment does not invalidate a week of runs.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from deltalora.errors import ConfigError

#: 48 bits: among ten thousand runs the chance of any collision is 2e-7.
ID_LENGTH = 12


def canonical_json(value: object) -> str:
    """Return the canonical JSON text of a value: sorted keys, no spaces, UTF-8, `2.0` written as `2`.

    A whole float is written as an integer because `update_ratio=2` on a command line and `2.0` in a file mean one run.
    What JSON has no form for (NaN, an object, a key that is no string) is a ConfigError.
    """
    return json.dumps(_canonical(value, "value"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def config_id(scientific_config: Mapping[str, object]) -> str:
    """Return the id of a configuration reduced to the keys that can move a number (seed excluded)."""
    return _short_hash(scientific_config)


def run_id(config_id: str, seed: int, data_hashes: Mapping[str, str], model_hash: str, results_version: int) -> str:
    """Return the id of one run; equal inputs give the same run, which is never done twice.

    The hashes are SHA-256: of the data by file name, as in the record's `data.files`, and of the pre-trained weights.
    """
    start = {"data": data_hashes, "model": model_hash}
    return _short_hash({"config": config_id, "seed": seed, "results_version": results_version, **start})


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short_hash(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:ID_LENGTH]


def _canonical(value: object, where: str) -> object:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"{where}: expected a finite number, found {value}; give a number")
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"{where}: expected keys that are strings, found {key!r}; quote the key")
        return {key: _canonical(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise ConfigError(
        f"{where}: expected a string, number, truth value, list or mapping, found {type(value).__name__}; convert it"
    )
