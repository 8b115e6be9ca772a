"""What is wrong with a configuration, in one line a person can act on."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from deltalora.errors import ConfigError


def from_validation(error: ValidationError, given: Mapping[str, Any]) -> ConfigError:
    """The first complaint of a schema, as `key: expected …, found …`; further ones are counted.

    Args:
        error: What pydantic collected.
        given: The resolved configuration that was refused, to name the keys that would have been right.
    """
    first, *more = error.errors()
    # A tagged union puts the method's name between "method" and the key; it is no part of the key's path.
    path = [str(part) for part in first["loc"] if str(part) not in _tags(given)]
    key = ".".join(path)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key {key}" + _near(path, given)
    elif first["type"] == "missing":
        message = f"{key} is missing: set {key}=VALUE"
    elif first["type"] != "value_error":
        message = f"{key}: {message[0].lower()}{message[1:]}, found {first['input']!r}"
    elif key and key not in message:
        message = f"{key}: {message}"
    rest = f" (and {len(more)} more)" if more else ""
    return ConfigError(" ".join(message.split()) + rest)


def from_hydra(error: Exception, overrides: Sequence[str]) -> ConfigError:
    """Hydra's own refusal (unknown group choice, key not in the files, bad grammar) in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines)
    if text.startswith("Could not override '"):
        key = text.split("'")[1]
        return ConfigError(f"unknown key {key}{_near(key.split('.'), {})}")
    if "Available options in" in text:
        head, _, rest = text.partition("Available options in ")
        group, _, options = rest.partition(":")
        options = options.partition("Config search path")[0]
        wrong = head.rpartition("Could not find ")[2].strip(" '.")
        return ConfigError(f"{wrong} is no choice of {group.strip()}; the choices are: {', '.join(options.split())}")
    return ConfigError(f"{text} (overrides: {' '.join(overrides) or 'none'})")


def _tags(given: Mapping[str, Any]) -> set[str]:
    method = given.get("method")
    name = method.get("name") if isinstance(method, Mapping) else None
    return {str(name)} if name else set()


def _near(path: Sequence[str], given: Mapping[str, Any]) -> str:
    """`: did you mean …?`, or the keys there are, from the schema's own fields at that place."""
    from deltalora.config.schema import RunConfig  # the schema imports nothing of this file; avoid a circle on import
    from deltalora.methods import METHODS

    model: Any = RunConfig
    for part in path[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field is not None else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        fields = list(model.model_fields)
    elif path[0] == "method":
        chosen = [str(given["method"]["name"])] if "method" in given else list(METHODS)
        fields = sorted({key for name in chosen for key in METHODS[name][0].model_fields})
    else:
        return ": remove it"
    close = difflib.get_close_matches(path[-1], fields, n=1)
    if close:
        return f": did you mean {'.'.join([*path[:-1], close[0]])}?"
    return f": the keys here are {', '.join(fields)}"
