"""A sweep leaves the same records through every launcher as one run after the other; through Slurm, see scripts/."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from deltalora.cli import main
from launcher_sweep import STATUSES, Sweep, contents, differences, ended, run_sweep
from needed import lacking

#: Launcher -> the module without which it cannot be asked for.
NEEDS = {
    "basic": "hydra",
    "local": "hydra_plugins.hydra_joblib_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
}
#: What a user's own environment may hold and these sweeps must not depend on.
FOREIGN = ("RAY_", "SLURM_", "SUBMITIT_", "DELTALORA_")


def is_installed(launcher: str) -> bool:
    return find_spec(NEEDS[launcher]) is not None


@pytest.fixture(scope="module")
def under_way() -> Iterator[dict[str, Future[Sweep]]]:
    """Every installed launcher's sweep, two at a time: much of each is waiting for processes to start."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    # A short path: Ray puts sockets in it, whose names may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="dl-"))
    environment = {**plain, "RAY_TMPDIR": str(folder / "r"), "DELTALORA_CACHE": str(folder / "cache")}
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            yield {
                launcher: pool.submit(run_sweep, launcher, folder / launcher, environment)
                for launcher in NEEDS
                if is_installed(launcher)
            }
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def sweeps(under_way: dict[str, Future[Sweep]], request: pytest.FixtureRequest) -> dict[str, Sweep]:
    """Of runs one after the other, and of the launcher that the test asks for."""
    launcher = request.param
    if not is_installed(launcher):
        lacking(f"{launcher}: {NEEDS[launcher]} is not installed; `make launchers`", "DELTALORA_REQUIRE_LAUNCHERS")
    return {"basic": under_way["basic"].result(), "other": under_way[launcher].result()}


each_launcher = pytest.mark.parametrize("sweeps", list(NEEDS), indirect=True)
each_other_launcher = pytest.mark.parametrize("sweeps", [name for name in NEEDS if name != "basic"], indirect=True)


@pytest.mark.invariant
@each_other_launcher
def test_every_launcher_leaves_the_records_of_runs_one_after_the_other(sweeps: dict[str, Sweep]) -> None:
    assert len(contents(sweeps["other"].store)) == len(STATUSES)
    assert differences(sweeps["basic"].store, sweeps["other"].store) == []


@each_launcher
def test_a_failing_run_leaves_its_record_and_the_exit_code_says_so(sweeps: dict[str, Sweep]) -> None:
    sweep = sweeps["other"]
    assert ended(sweep.store) == STATUSES, sweep.said
    assert sweep.exit_code == 1
    (error,) = [run.record["error"] for run in contents(sweep.store).values() if run.record["status"] == "failed"]
    assert isinstance(error, dict)
    assert error["type"] == "DivergedError"
    assert sweep.said.count("  failed  delta_lora seed 1  ") == 1
    assert sweep.said.count("finished  ") == 2


@each_launcher
def test_a_launcher_says_nothing_of_its_own_and_leaves_nothing_outside_the_store(sweeps: dict[str, Sweep]) -> None:
    sweep = sweeps["other"]
    assert [path.name for path in sweep.store.parent.iterdir()] == [sweep.store.name]
    own = [line for line in sweep.said.splitlines() if line.strip()]
    assert all(line.startswith(("finished  ", "  failed  ", "0/3 ", "1/3 ", "2/3 ", "3/3 ")) for line in own), (
        sweep.said
    )


@pytest.mark.parametrize("sweeps", ["submitit_local"], indirect=True)
def test_submitit_keeps_its_jobs_and_their_logs_below_the_store(sweeps: dict[str, Sweep]) -> None:
    logs = sorted((sweeps["other"].store / ".submitit").glob("*/*_log.out"))
    assert len(logs) == len(STATUSES)
    assert all("Job completed successfully" in log.read_text(encoding="utf-8") for log in logs)


@pytest.mark.parametrize("sweeps", ["ray"], indirect=True)
def test_ray_reports_to_nobody_and_serves_no_dashboard(sweeps: dict[str, Sweep]) -> None:
    session = sweeps["other"].store.parents[1] / "r" / "ray" / "session_latest"
    said = (session / "logs" / "dashboard.log").read_text(encoding="utf-8")
    assert "Usage reporting is disabled" in said
    assert "DashboardHeadModules to load: {'UsageStatsHead'}" in said  # and no other: nothing is served


def written(store: Path, run_id: str, validation: float, prediction: str) -> Path:
    folder = store / run_id
    folder.mkdir(parents=True)
    record = {"validation": validation, "cost": 1, "environment": 1, "started_at": 1, "finished_at": len(store.name)}
    (folder / "record.json").write_text(json.dumps(record))
    (folder / "predictions.jsonl").write_text(prediction)
    return store


def test_the_comparison_sees_a_value_a_file_and_a_run_and_no_time(tmp_path: Path) -> None:
    one = written(tmp_path / "one", "a", 1.0, "x")
    assert differences(one, written(tmp_path / "later", "a", 1.0, "x")) == []
    assert differences(one, written(tmp_path / "value", "a", 1.5, "x")) == ["run a: validation: 1.0 and 1.5"]
    assert differences(one, written(tmp_path / "file", "a", 1.0, "y")) == ["run a: predictions.jsonl differs"]
    assert differences(one, written(tmp_path / "run", "b", 1.0, "x")) == [
        "run a: in one store only",
        "run b: in one store only",
    ]


def test_a_launcher_that_is_not_there_is_named_with_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "-m", "hydra/launcher=rey", "method=lora"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "rey" in said
    assert "slurm" in said
