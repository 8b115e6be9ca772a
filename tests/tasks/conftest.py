"""Task configurations, the embedded tokenizer, and the official files loaded once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from deltalora.config import E2EConfig
from deltalora.models.embedded import embedded_model_dir
from deltalora.tasks import TaskData
from deltalora.tasks.e2e import E2ETask

MakeTask = Callable[..., E2EConfig]


def _task(**changes: Any) -> E2EConfig:
    values: dict[str, Any] = {
        "name": "e2e",
        "source": "embedded",
        "data_dir": None,
        "hub": {"path": "owner/e2e", "revision": "main"},
        "text_form": "raw",
        "max_length": 256,
        "limits": {"train": None, "validation": None, "test": None},
    }
    return E2EConfig(**(values | changes))


@pytest.fixture(scope="session")
def make_task() -> MakeTask:
    """The embedded E2E task; any key can be replaced."""
    return _task


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(embedded_model_dir("gpt2"), local_files_only=True)


@pytest.fixture(scope="session")
def official_raw(shared_data: Path) -> TaskData:
    return E2ETask(_task(source="local", data_dir=str(shared_data / "e2e")), max_new_tokens=64).load()


@pytest.fixture(scope="session")
def official_tokenized(shared_data: Path) -> TaskData:
    task = _task(source="local", data_dir=str(shared_data / "e2e"), text_form="tokenized")
    return E2ETask(task, max_new_tokens=64).load()
