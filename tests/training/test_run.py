"""One run whole, on the embedded scale, cut down to seconds."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from deltalora.config import RunConfig, run_config
from deltalora.errors import UserError
from deltalora.results import Progress, RunRecord, Store, read_predictions
from deltalora.training import RunFailedError, execute

SMALL = [
    "train.max_steps=6",
    "train.warmup_steps=1",
    "recipe.start_step=1",
    "train.checkpoint_every=2",
    "task.limits.train=64",
    "task.limits.validation=16",
    "task.limits.test=5",
    "decoding.num_beams=2",
    "decoding.max_new_tokens=12",
    "runtime.threads=1",
]

ONE_RUN = """
import sys
from deltalora.config import run_config
from deltalora.training import execute
execute(run_config(sys.argv[1:]))
"""

Configure = Callable[..., RunConfig]

#: Bytes; the METEOR jar asks for a heap of 2 GB.
SMALL_ADDRESS_SPACE = 2_500_000_000


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def build(*overrides: str) -> RunConfig:
        return run_config([*SMALL, f"runtime.results_dir={tmp_path / 'runs'}", *overrides])

    return build


def comparable(record: RunRecord) -> dict[str, object]:
    """A record without what may differ between two runs of the same id: time, place and memory."""
    kept = record.model_dump(mode="json", exclude={"started_at", "finished_at", "cost", "code", "environment"})
    del kept["config"]["runtime"]
    return kept


def test_a_run_leaves_a_record_with_everything_a_table_needs(configure: Configure, tmp_path: Path) -> None:
    seen: list[Progress] = []
    outcome = execute(configure("method=delta_lora"), seen.append)
    record = outcome.record
    assert not outcome.skipped
    assert record.status == "finished"
    assert set(record.scores) >= {"BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr"}
    assert all(score.n == 5 and score.signature for score in record.scores.values())
    assert record.parameters is not None
    assert (record.parameters.trainable, record.parameters.extra_updatable) == (6144, 98304)
    assert record.diagnostics
    assert record.validation["loss"] > 0
    assert record.cost.train_tokens
    assert record.cost.peak_memory_bytes
    assert record.cost.peak_memory_bytes > 50e6
    folder = tmp_path / "runs" / record.run_id
    assert record.predictions is not None
    rows = read_predictions(folder / record.predictions.file, record.predictions.sha256)
    assert len(rows) == len({row.id for row in rows}) == 5
    assert sorted(path.name for path in folder.iterdir() if path.name != "lock") == [
        "predictions.jsonl",
        "record.json",
        "run.log",
        "segments.npz",
        "state.safetensors",
    ]
    assert len(record.similarity) == 6  # W_Q and W_V of three layers
    assert all(0.5 < cosine < 1 for cosine in record.similarity.values())
    assert [p.phase for p in seen[:1] + seen[-1:]] == ["training", "scoring"]
    assert {p.step for p in seen if p.phase == "training"} == set(range(1, 7))


def test_a_finished_run_is_not_computed_again(configure: Configure) -> None:
    first = execute(configure())
    seen: list[Progress] = []
    second = execute(configure("logger=none", "runtime.data_workers=1"), seen.append)
    assert second.skipped
    assert second.record == first.record
    assert seen == []


def test_the_same_seed_gives_the_same_digits_and_another_seed_others(configure: Configure, tmp_path: Path) -> None:
    one = execute(configure("method=lora", f"runtime.results_dir={tmp_path / 'one'}")).record
    two = execute(configure("method=lora", f"runtime.results_dir={tmp_path / 'two'}")).record
    other = execute(configure("method=lora", "seed=2")).record
    assert comparable(one) == comparable(two)
    assert other.config_id == one.config_id
    assert other.run_id != one.run_id
    assert other.validation["loss"] != one.validation["loss"]


def test_a_diverging_run_leaves_a_failed_record_and_can_be_tried_again(configure: Configure, tmp_path: Path) -> None:
    config = configure("method=full", "train.learning_rate=1e30")
    for _ in range(2):  # a failed run is no finished run: the second attempt computes it anew
        with pytest.raises(RunFailedError, match=r"DivergedError: the \w+ loss is (nan|inf) after step \d"):
            execute(config)
    (record,) = Store(tmp_path / "runs").records()
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.type == "DivergedError"
    assert record.scores == {}


def test_divergence_that_only_the_validation_sees_is_a_failed_record_too(configure: Configure, tmp_path: Path) -> None:
    # One step at an absurd rate: the training loss is measured before it, the validation loss after it.
    overrides = ["method=full", "train.learning_rate=1e30", "train.max_steps=1", "train.warmup_steps=0"]
    with pytest.raises(RunFailedError, match=r"the validation loss is (nan|inf) after step 1"):
        execute(configure(*overrides))
    (record,) = Store(tmp_path / "runs").records()
    assert record.error is not None
    assert record.error.type == "DivergedError"


def test_a_fault_after_the_training_leaves_a_failed_record(tmp_path: Path) -> None:
    """An address space that holds the training but no Java beside it: METEOR fails when all else is done."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_RUN, *SMALL, f"runtime.results_dir={tmp_path / 'runs'}"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (SMALL_ADDRESS_SPACE, SMALL_ADDRESS_SPACE)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "RunFailedError" in done.stderr
    (record,) = Store(tmp_path / "runs").records()
    assert (record.status, record.scores) == ("failed", {})
    assert record.error is not None
    assert record.error.type == "MetricError"
    assert record.curve[-1].step == 6


def test_a_device_that_is_not_there_is_refused(configure: Configure, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(UserError, match=r"runtime.device=cuda: .*found only cpu"):
        execute(configure("runtime.device=cuda"))
    assert not list((tmp_path / "runs").glob("*/record.json"))


def test_an_impossible_length_is_refused_before_anything_is_written(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"at most the 256 positions of tiny_gpt2, found 300 tokens: lower task.max_length"
    ):
        execute(configure("task.max_length=300"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.invariant
def test_a_killed_run_continues_and_ends_as_if_nothing_had_happened(configure: Configure, tmp_path: Path) -> None:
    overrides = [*SMALL, "train.max_steps=300", "method=delta_lora", f"runtime.results_dir={tmp_path / 'killed'}"]
    process = subprocess.Popen(
        [sys.executable, "-c", ONE_RUN, *overrides], env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("*/checkpoint.pt")):
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (folder,) = (tmp_path / "killed").iterdir()
    assert not (folder / "record.json").exists()

    shared = ["train.max_steps=300", "method=delta_lora"]
    resumed = execute(configure(*shared, f"runtime.results_dir={tmp_path / 'killed'}")).record
    undisturbed = execute(configure(*shared)).record
    assert "resumed after step" in (folder / "run.log").read_text()
    assert comparable(resumed) == comparable(undisturbed)


def test_the_record_is_valid_json_that_names_no_folder_of_this_machine(configure: Configure, tmp_path: Path) -> None:
    record = execute(configure("seed=7")).record
    text = (tmp_path / "runs" / record.run_id / "record.json").read_text()
    assert json.loads(text)["config"]["task"]["source"] == "embedded"
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
