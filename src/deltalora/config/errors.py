"""One-line errors for a wrong configuration: what was expected, what was found, which key to change."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from deltalora.config.methods import METHODS
from deltalora.config.schema import RunConfig
from deltalora.config.task import TASKS
from deltalora.errors import ConfigError, one_line


def from_validation(error: ValidationError, given: Mapping[str, Any]) -> ConfigError:
    """Return the first complaint of the schema, as `key: expected …, found …`; further ones are counted.

    `given` is the resolved configuration that was refused, to name the keys that would have been right.
    """
    found: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for detail in error.errors():
        found.setdefault(_path(detail, given), []).append(detail)
    (path, details), *more = found.items()
    key, first = ".".join(path), details[0]
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key {key}" + _near(path, given)
    elif first["type"] == "missing":
        message = f"{key} is missing: set {key}=VALUE"
    elif first["type"] == "union_tag_invalid":
        message = f"{key}.name: input should be one of {first['ctx']['expected_tags']}, found {first['ctx']['tag']!r}"
    elif first["type"] != "value_error":
        wanted = " or ".join(dict.fromkeys(f"{detail['msg'][0].lower()}{detail['msg'][1:]}" for detail in details))
        message = f"{key}: {wanted}, found {first['input']!r}"
    elif key and key not in message:
        message = f"{key}: {message}"
    rest = f" (and {len(more)} more)" if more else ""
    return ConfigError(one_line(message) + rest)


def conf_error(error: Exception, overrides: Sequence[str]) -> ConfigError:
    """Return a refusal of Hydra's or OmegaConf's (unknown choice, key not in the files, bad grammar) in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines).partition(" Config search path:")[0]
    if text.startswith("Could not override '"):
        key = text.split("'")[1]
        return ConfigError(f"unknown key {key}{_near(key.split('.'), {})}")
    if "Available options in" in text:
        head, _, rest = text.partition("Available options in ")
        group, _, options = rest.partition(":")
        wrong = head.rpartition("Could not find ")[2].strip(" '.")
        return ConfigError(f"{wrong} is no choice of {group.strip()}; the choices are: {', '.join(options.split())}")
    return ConfigError(text + (f" (overrides: {' '.join(overrides)})" if overrides else ""))


def _path(detail: ErrorDetails, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the key's path: pydantic also puts the member of a union that it tried into the location."""
    node: Any = given
    path: list[str] = []
    for part in detail["loc"]:
        if part in node if isinstance(node, Mapping) else isinstance(node, list) and isinstance(part, int):
            node = node[part]
            path.append(str(part))
    return (*path, str(detail["loc"][-1])) if detail["type"] == "missing" else tuple(path)


def _near(path: Sequence[str], given: Mapping[str, Any]) -> str:
    """Return `: did you mean …?`, or the keys there are, from the schema's fields at that place."""
    model: Any = RunConfig
    for part in path[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field is not None else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        fields = list(model.model_fields)
    elif path[0] in ("method", "task"):
        members: Mapping[str, type[BaseModel]] = METHODS if path[0] == "method" else TASKS
        chosen = [str(given[path[0]]["name"])] if path[0] in given else members
        fields = sorted({key for name in chosen for key in members[name].model_fields})
    else:
        return ": remove it"
    if path[-1] in fields:
        return f": no file sets it, so add it as +{'.'.join(path)}=VALUE"
    if close := difflib.get_close_matches(path[-1], fields, n=1):
        return f": did you mean {'.'.join([*path[:-1], close[0]])}?"
    return f": the keys here are {', '.join(fields)}"
