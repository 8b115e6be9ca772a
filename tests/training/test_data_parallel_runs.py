"""One run on two processes by the public command: one record, the scores of one process, and one end for all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deltalora.config import run_config
from deltalora.results import RunRecord, Store
from deltalora.training import execute

pytestmark = pytest.mark.smoke

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
FAULTS = Path(__file__).with_name("data_parallel_faults.py")

RUN = [
    "experiment=e2e",
    "method=delta_lora",
    "scale=embedded",
    "+debug=two_steps",
    "train.max_steps=4",
    "train.batch_size=7",  # of which one process gets 4 and the other 3
    "train.checkpoint_every=2",
    "runtime.threads=1",
]


def launch(*command: str) -> "subprocess.CompletedProcess[str]":
    """Two processes on this machine; torchrun itself ends with 1 if any of them did not end with 0."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*TORCHRUN, *command], env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def results_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two") / "runs"


@pytest.fixture(scope="module")
def command(results_dir: Path) -> "subprocess.CompletedProcess[str]":
    return launch("-m", "deltalora", "train", *RUN, f"runtime.results_dir={results_dir}")


@pytest.fixture(scope="module")
def record(command: "subprocess.CompletedProcess[str]", results_dir: Path) -> RunRecord:
    assert command.returncode == 0, command.stderr
    (only,) = Store(results_dir).records()
    return only


def test_the_command_leaves_one_finished_record_and_shows_one_line(
    command: "subprocess.CompletedProcess[str]", record: RunRecord, results_dir: Path
) -> None:
    assert (record.status, record.environment.processes) == ("finished", 2)
    assert sum(f"run {record.run_id}: validation loss" in line for line in command.stderr.splitlines()) == 1
    assert "Warning" not in command.stderr
    files = {path.name for path in (results_dir / record.run_id).iterdir()}
    assert {"record.json", "predictions.jsonl", "run.log", "state.safetensors"} <= files
    assert not files & {"checkpoint.pt", "progress.json"}
    log = (results_dir / record.run_id / "run.log").read_text(encoding="utf-8")
    assert log.count("4 steps") == 1


def test_its_id_and_its_scores_are_those_of_one_process(record: RunRecord, tmp_path: Path) -> None:
    alone = execute(run_config([*RUN, f"runtime.results_dir={tmp_path}"])).record
    assert alone.environment.processes == 1
    assert (alone.run_id, alone.config_id) == (record.run_id, record.config_id)
    assert alone.scores == record.scores
    assert alone.predictions == record.predictions
    assert alone.validation["loss"] == pytest.approx(record.validation["loss"], rel=0, abs=1e-6)
    assert alone.cost.train_tokens == record.cost.train_tokens
    assert alone.parameters == record.parameters


def test_all_processes_skip_alike_and_the_failure_of_any_is_the_recorded_end_of_all(
    record: RunRecord, results_dir: Path, tmp_path: Path
) -> None:
    """First the run again; then one that diverges, on all at once; then one that breaks on the second process alone."""
    done = launch(str(FAULTS), str(tmp_path), *RUN, f"runtime.results_dir={results_dir}")
    assert done.returncode == 1
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["again"] == second["again"] == ["skipped", record.run_id]
    assert first["diverging"] == second["diverging"]
    assert first["diverging"][0] == first["broken"][0] == second["broken"][0] == "failed"
    by_row = {one.row if one.row == "full" else one.seed: one for one in Store(results_dir).records()}
    assert len(by_row) == 3
    assert [by_row[key].status for key in (1, 2, "full")] == ["finished", "failed", "failed"]
    diverged, broken = by_row["full"].error, by_row[2].error
    assert diverged is not None
    assert diverged.type == "DivergedError"
    assert broken is not None
    assert (broken.type, broken.message) == ("PeerFailedError", "process 1: MemoryError: no memory left on this node")


def test_a_sweep_is_not_for_several_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from deltalora.cli import main

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert main(["train", "-m", *RUN, "seed=1,2", f"runtime.results_dir={tmp_path / 'runs'}"]) == 2
    assert not (tmp_path / "runs").exists()
