"""From a configuration to its method.

Each class says which configuration it `implements`, and every module of this folder is looked through: a new method is
a file here and its configuration in `config.methods`, and no list is to be kept.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TypeVar

from deltalora.config.methods import MethodConfig, parse_method_config
from deltalora.methods.base import Method

MethodClass = TypeVar("MethodClass", bound=type[Method])

_IMPLEMENTATIONS: dict[type[MethodConfig], type[Method]] = {}


def implements(config_class: type[MethodConfig]) -> Callable[[MethodClass], MethodClass]:
    """Register the decorated class as the method of a configuration."""

    def register(method_class: MethodClass) -> MethodClass:
        _IMPLEMENTATIONS[config_class] = method_class
        return method_class

    return register


def build_method(config: MethodConfig | Mapping[str, object]) -> Method:
    """Return the method of a configuration, not yet bound to a model.

    Raises:
        ConfigError: See `parse_method_config`.
    """
    parsed = config if isinstance(config, MethodConfig) else parse_method_config(config)
    _import_every_method()
    return _IMPLEMENTATIONS[type(parsed)](parsed)


@cache
def _import_every_method() -> None:
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
