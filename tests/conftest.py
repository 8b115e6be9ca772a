"""What every test stands on: no network, the real data where it is, tiny models."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_EVALUATE_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from pytest_socket import disable_socket

from fidelity import Fidelity, FidelityPlugin
from needed import lacking

torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fidelity", type=Path, default=None, help="write what parity tests measured to this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FidelityPlugin(config.getoption("--fidelity")), "fidelity")


@pytest.fixture
def fidelity(request: pytest.FixtureRequest) -> Fidelity:
    """Compares with an oracle and keeps how far apart the two were; see `fidelity.Fidelity`."""
    return Fidelity(request.node)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edit rates are cached on disk: never in the user's own folder."""
    monkeypatch.setenv("DELTALORA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """Blocks every internet socket; pipes and unix sockets stay."""
    disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets and scored system outputs; a test that needs it says so by taking this fixture."""
    named = os.environ.get("DELTALORA_TEST_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        lacking(f"the real data folder is absent ({folder}); set DELTALORA_TEST_DATA to it", "DELTALORA_REQUIRE_DATA")
    return folder
