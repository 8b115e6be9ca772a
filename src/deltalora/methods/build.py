"""From a configuration to a method: the one dictionary of names."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from deltalora.errors import ConfigError
from deltalora.methods.adalora import AdaLoRA, AdaLoRAConfig
from deltalora.methods.base import Method, MethodConfig
from deltalora.methods.delta_lora import DeltaLoRA, DeltaLoRAConfig
from deltalora.methods.dylora import DyLoRA, DyLoRAConfig
from deltalora.methods.ft_qv import QueryValue, QueryValueConfig
from deltalora.methods.full import FrozenEmbeddings, FrozenEmbeddingsConfig, Full, FullConfig
from deltalora.methods.lora import LoRA, LoRAConfig

METHODS: dict[str, tuple[type[MethodConfig], type[Method]]] = {
    "full": (FullConfig, Full),
    "ft_frozen_embeddings": (FrozenEmbeddingsConfig, FrozenEmbeddings),
    "ft_qv": (QueryValueConfig, QueryValue),
    "lora": (LoRAConfig, LoRA),
    "dylora": (DyLoRAConfig, DyLoRA),
    "adalora": (AdaLoRAConfig, AdaLoRA),
    "delta_lora": (DeltaLoRAConfig, DeltaLoRA),
}


def parse_method_config(values: Mapping[str, object]) -> MethodConfig:
    """Validates a plain mapping with a `name` into that method's configuration.

    Raises:
        ConfigError: The name is unknown, or a value is missing, unknown or out of range; the first fault is named.
    """
    name = values.get("name")
    if not isinstance(name, str) or name not in METHODS:
        raise ConfigError(
            f"expected method.name to be one of {', '.join(METHODS)}, found {name!r}: choose one of these"
        )
    try:
        return METHODS[name][0].model_validate(dict(values))
    except ValidationError as error:
        fault = error.errors()[0]
        if fault["type"] == "value_error":
            raise ConfigError(f"method {name}: {fault['msg'].removeprefix('Value error, ')}") from None
        key = ".".join(["method", *map(str, fault["loc"])])
        keys = ", ".join(METHODS[name][0].model_fields)
        raise ConfigError(
            f"{key} of method {name}: {fault['msg']}, found {fault['input']!r}: correct it (keys: {keys})"
        ) from None


def build_method(config: MethodConfig | Mapping[str, object]) -> Method:
    """Returns the method of a configuration, not yet bound to a model.

    Raises:
        ConfigError: See `parse_method_config`.
    """
    parsed = config if isinstance(config, MethodConfig) else parse_method_config(config)
    return METHODS[parsed.name][1](parsed)
