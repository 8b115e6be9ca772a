"""Two processes take the steps of one: every method, with accumulation, clipping, and short last batches.

Real processes: `torchrun` starts data_parallel_worker.py twice, which talks through gloo on this machine. One launch
trains all cases, and one before it is killed. Dropout is 0 where two processes are held against one, since the two
draw masks of their own; where a killed pair is held against an undisturbed one, it is not.

Measured after 24 steps, largest difference of any weight: float64 3e-14; float32 1.6e-7, but for biases of keys.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import Tensor

pytestmark = pytest.mark.invariant

WORKER = Path(__file__).with_name("data_parallel_worker.py")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", str(WORKER)]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}

#: 19 examples in batches of 9: of the last, which has 1, the second process gets none. And of a whole one the first
#: gets 5 in 3 micro-batches, the second 4 in 2.
TRAIN = {
    "max_steps": 20,
    "batch_size": 9,
    "accumulation_steps": 3,
    "clip_norm": 1.0,
    "label_smoothing": 0.1,
    "evaluate_every": 8,
}

METHODS = ["full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora", "delta_lora_closed_form"]

#: Method, architecture, precision. What is not here was run once by hand and differs no more (docs/data_parallel.md).
CASES = [
    *((method, "gpt2", "float32") for method in METHODS),
    *((method, other, "float32") for other in ("roberta", "bart") for method in ("delta_lora", "full")),
    *((method, "gpt2", "float64") for method in ("full", "ft_frozen_embeddings", "delta_lora")),
]

#: LoRA with dropout 0.3, interrupted after step 10; its last checkpoint is of step 8.
DROPPING = {"method": "lora", "architecture": "gpt2", "dtype": "float32", "train": TRAIN | {"checkpoint_every": 4}}
STOPPED_AFTER, RESUMED_AFTER = 10, 8

#: No query sees a bias that all keys share, so its gradient is 0 but for rounding, which AdamW blows up to steps of
#: learning_rate * rounding / eps. Of GPT-2's fused bias the middle third.
KEY_BIAS = re.compile(r"attn\.c_attn\.bias|k_proj\.bias|key\.bias")

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


PLANNED: dict[str, dict[str, Any]] = {
    f"{method}-{architecture}-{dtype}": {
        "method": method,
        "architecture": architecture,
        "dtype": dtype,
        "changes": {"dropout": 0.0} if method == "lora" else {},
        "train": TRAIN,
    }
    for method, architecture, dtype in CASES
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of one process and of two, of which the latter were killed once and launched again."""
    root = tmp_path_factory.mktemp("data_parallel")
    alone, two = root / "alone", root / "two"
    alone.mkdir(), two.mkdir()
    (root / "first.json").write_text(json.dumps({"killed": DROPPING | {"waits_after": STOPPED_AFTER}}))
    (root / "alone.json").write_text(json.dumps(PLANNED))
    (root / "two.json").write_text(json.dumps(PLANNED | {"killed": DROPPING, "undisturbed": DROPPING}))
    kill_once_it_waits([*TORCHRUN, str(root / "first.json"), str(two)], two / "killed.checkpoint")
    for command, folder in ((TORCHRUN, two), ([sys.executable, str(WORKER)], alone)):
        arguments = [*command, str(root / f"{folder.name}.json"), str(folder)]
        done = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
    return alone, two


def kill_once_it_waits(command: list[str], checkpoint: Path) -> None:
    """Kills torchrun and its processes at one blow; none of them gets to say a word."""
    running = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while not (checkpoint.is_file() and torch.load(checkpoint, weights_only=True)["step"] == RESUMED_AFTER):
        assert running.poll() is None, "it ended by itself"
        assert time.monotonic() < limit
        time.sleep(0.05)
    torchrun = psutil.Process(running.pid)  # each of its processes leads a session: no group holds them all
    for one in [torchrun, *torchrun.children(recursive=True)]:
        one.kill()
    running.wait()


def left(folder: Path, case: str) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / f"{case}.pt", weights_only=True)
    return found


def seen(folder: Path, case: str) -> list[dict[str, Any]]:
    """What each process reports of itself."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{case}.[0-9].json"))]


def differences(case: str, alone: dict[str, Tensor], two: dict[str, Tensor]) -> dict[str, float]:
    """The largest of every tensor of numbers; the others (drawn ranks, counters, generators) must be equal."""
    assert alone.keys() == two.keys()
    found = {}
    for name, mine in alone.items():
        if mine.is_floating_point():
            found[name] = float((mine - two[name]).abs().max())
        else:
            assert torch.equal(mine, two[name]), f"{case}: {name}"
    return found


@pytest.mark.parametrize("case", PLANNED)
def test_two_processes_take_the_steps_of_one(trained: tuple[Path, Path], case: str) -> None:
    alone, two = (left(folder, case) for folder in trained)
    allowed = TOLERANCE[PLANNED[case]["dtype"]]
    apart = differences(case, alone["state"], two["state"])
    if PLANNED[case]["dtype"] == "float32":
        apart = {name: amount for name, amount in apart.items() if not KEY_BIAS.search(name)}
    assert max(apart.values()) <= allowed, max(apart, key=apart.__getitem__)
    assert alone["tokens"] == two["tokens"]
    assert [point["step"] for point in alone["curve"]] == [point["step"] for point in two["curve"]]
    for mine, theirs in zip(alone["curve"], two["curve"], strict=True):
        assert theirs["train_loss"] == pytest.approx(mine["train_loss"], rel=0, abs=1e-6)
        if "validation_loss" in mine:
            assert theirs["validation_loss"] == pytest.approx(mine["validation_loss"], rel=0, abs=1e-6)


@pytest.mark.parametrize("case", PLANNED)
def test_both_processes_hold_the_same_bits_after_every_step(trained: tuple[Path, Path], case: str) -> None:
    """SHA-256 of all that is trained or moved, Delta-LoRA's W among it, and at the end of W alone."""
    first, second = seen(trained[1], case)
    assert (first["processes"], len(first["hashes"]) >= TRAIN["max_steps"]) == (2, True)
    assert first == second
    assert len(set(first["hashes"])) >= TRAIN["max_steps"] - 1, "it trains"  # of the warm-up's first step the rate is 0


@pytest.mark.parametrize("case", ["full-gpt2", "ft_frozen_embeddings-gpt2", "full-bart", "full-roberta"])
def test_in_float32_only_biases_of_keys_drift_and_no_output_sees_them(trained: tuple[Path, Path], case: str) -> None:
    """In GPT-2's fused bias only the third of the keys is off; the other two are held to the common tolerance here."""
    alone, two = (left(folder, f"{case}-float32")["state"] for folder in trained)
    for name in filter(KEY_BIAS.search, alone):
        mine, theirs = alone[name], two[name]
        if "c_attn" in name:
            (query, key, value), (query_, key_, value_) = mine.chunk(3), theirs.chunk(3)
            torch.testing.assert_close(torch.cat([query, value]), torch.cat([query_, value_]), rtol=0, atol=1e-6)
            mine, theirs = key, key_
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-4)


def test_a_pair_that_was_killed_goes_on_to_the_bits_of_an_undisturbed_one(trained: tuple[Path, Path]) -> None:
    """With dropout, whose random state each of the two has of its own."""
    undisturbed, killed = (left(trained[1], case) for case in ("undisturbed", "killed"))
    assert all(torch.equal(tensor, killed["state"][name]) for name, tensor in undisturbed["state"].items())
    assert undisturbed["curve"] == killed["curve"]
    every, late = (seen(trained[1], case)[1]["hashes"] for case in ("undisturbed", "killed"))
    assert len(late) < len(every)
    assert every[-len(late) :] == late, "the second process too went on from the checkpoint"
