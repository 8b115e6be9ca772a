"""The presets of conf/hydra/launcher say what they are said to, and every value of theirs has its reason."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import OmegaConf

from deltalora.config import config_dir
from deltalora.errors import show_warnings
from needed import lacking

PRESETS = sorted(path.stem for path in (config_dir() / "hydra" / "launcher").glob("*.yaml"))


@pytest.fixture
def submitit() -> None:
    """The launcher's package, whose schema Hydra needs to compose the preset."""
    if find_spec("hydra_plugins.hydra_submitit_launcher") is None:
        lacking("hydra-submitit-launcher is not installed; `make launchers`", "DELTALORA_REQUIRE_LAUNCHERS")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTITION", "ACCOUNT", "QOS", "MINUTES", "MEMORY_GB"):
        monkeypatch.delenv(f"DELTALORA_SLURM_{name}", raising=False)
    for name in ("RAY_ADDRESS", "DELTALORA_CPUS", "DELTALORA_GPUS", "DELTALORA_JOBS"):
        monkeypatch.delenv(name, raising=False)


def composed(launcher: str, *overrides: str) -> dict[str, Any]:
    """The launcher's settings as Hydra hands them to it."""
    show_warnings()  # as every command does
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        whole = hydra.compose("train", [f"hydra/launcher={launcher}", *overrides], return_hydra_config=True)
    settings = OmegaConf.to_container(whole.hydra.launcher, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def test_there_is_a_preset_for_a_machine_a_ray_cluster_and_a_slurm_cluster() -> None:
    assert PRESETS == ["local", "ray", "slurm", "submitit_local"]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_value_of_a_preset_has_its_reason(preset: str) -> None:
    lines = (config_dir() / "hydra" / "launcher" / f"{preset}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    for number, line in enumerate(lines):
        if not re.match(r"\s*\w+: \S", line) or line.startswith("_target_:"):
            continue
        above = [one for one in lines[max(0, number - 3) : number] if one.strip().startswith("#")]
        reasoned = "# " in line or any("ours: " in one for one in above)
        assert reasoned or preset == "local", line  # its one value's reason is the file's first line


def test_ray_makes_a_cluster_of_this_machine_unless_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = composed("ray")["ray"]
    assert alone["init"]["address"] == "local"
    assert alone["init"]["include_dashboard"] is False
    assert alone["remote"] == {"num_cpus": 1, "num_gpus": 0, "max_retries": 0}
    for name, value in {"RAY_ADDRESS": "head:6379", "DELTALORA_CPUS": "4", "DELTALORA_GPUS": "0.5"}.items():
        monkeypatch.setenv(name, value)
    asked = composed("ray")["ray"]
    assert asked["init"]["address"] == "head:6379"
    # Ray refuses a size for the object store of a cluster that is there, and the launcher gives one where none is set.
    assert asked["init"]["object_store_memory"] is None
    assert asked["remote"] == {"num_cpus": 4, "num_gpus": 0.5, "max_retries": 0}


@pytest.mark.usefixtures("submitit")
def test_slurm_asks_for_one_gpu_a_run_and_for_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = composed("slurm")
    assert (plain["nodes"], plain["tasks_per_node"], plain["gpus_per_node"]) == (1, 1, 1)
    assert (plain["partition"], plain["account"], plain["qos"]) == (None, None, None)
    settings = {
        "DELTALORA_SLURM_PARTITION": "gpu",
        "DELTALORA_SLURM_ACCOUNT": "team",
        "DELTALORA_SLURM_QOS": "long",
        "DELTALORA_SLURM_MINUTES": "90",
        "DELTALORA_SLURM_MEMORY_GB": "64",
        "DELTALORA_CPUS": "8",
        "DELTALORA_GPUS": "null",
        "DELTALORA_JOBS": "3",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    asked = composed("slurm")
    changed = {key: value for key, value in asked.items() if value != plain[key]}
    assert changed == {
        "partition": "gpu",
        "account": "team",
        "qos": "long",
        "timeout_min": 90,
        "mem_gb": 64,
        "cpus_per_task": 8,
        "gpus_per_node": None,
        "array_parallelism": 3,
    }


@pytest.mark.usefixtures("submitit")
@pytest.mark.parametrize("preset", ["slurm", "submitit_local"])
def test_submitits_folder_follows_the_store_and_is_no_run(preset: str) -> None:
    folder = Path(composed(preset, "runtime.results_dir=elsewhere/runs")["submitit_folder"])
    assert folder == Path("elsewhere/runs/.submitit/%j")
