"""Reading the YAML that lies in this room: the paper's numbers and the register of divergences."""

from typing import Any

import yaml

# libyaml where PyYAML was built with it, as its wheels are: the register alone takes the Python reader 0.2 s.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """The value of a YAML text: plain numbers, texts, lists and mappings.

    Raises:
        yaml.YAMLError: Malformed.
    """
    return yaml.load(text, Loader=_LOADER)
