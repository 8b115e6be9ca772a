"""Every test of this room runs with no Java on PATH, in a locale with a decimal comma, and with hostile options."""

import os
from collections.abc import Iterator

import pytest

HOSTILE = {"PATH": "", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "JAVA_TOOL_OPTIONS": "-Duser.language=de"}


@pytest.fixture(scope="module", autouse=True)
def hostile_environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in HOSTILE}
    os.environ.update(HOSTILE)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
