"""One composed and validated configuration per list of overrides, made once."""

from collections.abc import Callable
from functools import cache

import pytest

from deltalora.config import RunConfig, compose, to_run_config

Configure = Callable[..., RunConfig]


@pytest.fixture(scope="session")
def configure() -> Configure:
    @cache
    def make(*overrides: str) -> RunConfig:
        composed = compose(overrides)
        return to_run_config(composed.config, composed.choices)

    return make
