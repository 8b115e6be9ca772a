"""The command that makes a run again, from its record alone."""

import json
import re
import shlex
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic import JsonValue

from deltalora.results import RunRecord

#: Parts of the configuration that decide numbers; how and where a run is done does not enter its id.
_SECTIONS = ("task.", "model.", "method.", "train.", "decoding.")

#: A value that Hydra's grammar reads as it stands.
_PLAIN = re.compile(r"[A-Za-z0-9_./@+-]+")
#: A word that Hydra would read as something else than text.
_READ_AS_OTHER = re.compile(r"(?i)null|true|false|nan|inf|[+-]?[0-9._]+(e[+-]?[0-9]+)?")

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class Leaf(NamedTuple):
    """One value of a configuration: a line to read, and the word of a command line that states it."""

    line: str
    word: str


def leaves(config: Mapping[str, JsonValue]) -> dict[str, Leaf]:
    """A configuration by dotted key, in its order; lists and empty objects are values."""
    found: dict[str, Leaf] = {}
    _add_leaves(config, "", found)
    return found


def _add_leaves(config: Mapping[str, JsonValue], prefix: str, found: dict[str, Leaf]) -> None:
    for name, value in config.items():
        key = prefix + name
        if isinstance(value, dict) and value:
            _add_leaves(value, f"{key}.", found)
        elif isinstance(value, (list, dict)):
            found[key] = _leaf(key, value)
        else:
            found[key] = _kept_leaf(key, value)


def _leaf(key: str, value: JsonValue) -> Leaf:
    return Leaf(f"{key}: {_ENCODE(value)}", shlex.quote(f"++{key}={_hydra(value)}"))


#: Most values of one run are those of thousands; typed, as 1, 1.0 and true are three values.
_kept_leaf = lru_cache(maxsize=4096, typed=True)(_leaf)


def command_again(record: RunRecord, config: Mapping[str, Leaf]) -> str:
    """The run as one shell command that states every key of its configuration, so that no default of later code counts.

    A run that starts from another run's weights (`init_from`) is the exception: Hydra hands its overrides to that run
    too, so the command names the choices alone, and what was overridden must be read off the configuration.
    Where data or weights are read from a folder, DATA_DIR and MODEL_DIR stand for it: a record has no folders.

    Args:
        record: The run's.
        config: The `leaves` of its configuration.
    """
    chosen = [
        f"experiment={record.experiment}",
        f"method={record.row}",
        f"scale={record.scale}",
        f"seed={record.seed}",
    ]
    folders = ["task.data_dir=DATA_DIR"] if record.source == "local" else []
    folders += ["model.path=MODEL_DIR"] if record.model.source == "local" else []
    if record.config.get("init_from") is not None:
        source = f"task.source={record.source}"
        return shlex.join(["deltalora", "train", *chosen, "init_from=mnli", source, *folders])
    stated = [leaf.word for key, leaf in config.items() if key.startswith(_SECTIONS)]
    return " ".join([shlex.join(["deltalora", "train", *chosen, "init_from=none"]), *stated, *folders])


def _hydra(value: JsonValue) -> str:
    """A value in Hydra's override grammar, which is JSON's for numbers, true, false and null."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _READ_AS_OTHER.fullmatch(value):
            return value
        # In Hydra's quotes a backslash is one unless a quote follows it, and a line break stands for itself.
        return "'" + re.sub(r"(\\*)'", lambda found: found[1] * 2 + "\\'", value) + "'"
    if isinstance(value, list):
        return "[" + ",".join(_hydra(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(one)}" for key, one in value.items()) + "}"
    return _ENCODE(value)
