"""The command that makes a run again, from its record alone."""

import json
import re
import shlex
from collections.abc import Iterator

from pydantic import JsonValue

from deltalora.results import RunRecord

#: Parts of the configuration that decide numbers; how and where a run is done does not enter its id.
_SECTIONS = ("task", "model", "method", "train", "decoding")

#: A value that Hydra's grammar reads as it stands.
_PLAIN = re.compile(r"[A-Za-z0-9_./@+-]+")
#: A word that Hydra would read as something else than text.
_READ_AS_OTHER = re.compile(r"(?i)null|true|false|nan|inf|[+-]?[0-9._]+(e[+-]?[0-9]+)?")

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


def leaves(value: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Dotted key and value of everything in a configuration; lists and empty objects are values."""
    if isinstance(value, dict) and (value or not path):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def as_json(value: JsonValue) -> str:
    """A value as JSON. Plain numbers go past the encoder: a page has a hundred of them, a store ten thousand pages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else _ENCODE(value)


def command_again(record: RunRecord) -> str:
    """The run as one shell command that states every key of its configuration, so that no default of later code counts.

    A run that starts from another run's weights (`init_from`) is the exception: Hydra hands its overrides to that run
    too, so the command names the choices alone, and what was overridden must be read off the configuration.
    Where data or weights are read from a folder, DATA_DIR and MODEL_DIR stand for it: a record has no folders.
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
    sections = {name: record.config[name] for name in _SECTIONS if record.config.get(name) is not None}
    stated = [f"++{key}={_hydra(value)}" for key, value in leaves(sections)]
    return shlex.join(["deltalora", "train", *chosen, "init_from=none", *stated, *folders])


def _hydra(value: JsonValue) -> str:
    """A value in Hydra's override grammar."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _READ_AS_OTHER.fullmatch(value):
            return value
        # In Hydra's quotes a backslash is one unless a quote follows it, and a line break stands for itself.
        return "'" + re.sub(r"(\\*)'", lambda found: found[1] * 2 + "\\'", value) + "'"
    if isinstance(value, list):
        return "[" + ",".join(_hydra(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(one)}" for key, one in value.items()) + "}"
    return as_json(value)
