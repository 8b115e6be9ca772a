"""What a test needs and a machine may lack: skipped with the reason, or failed where nothing may be skipped (CI)."""

import os
from typing import NoReturn

import pytest


def lacking(message: str, required_by: str) -> NoReturn:
    """Skips the test; fails it where the environment variable `required_by` is set."""
    if os.environ.get(required_by):
        pytest.fail(message)
    pytest.skip(message)
