"""One small sweep through any launcher, and what two stores of it differ in: place and time apart, nothing may.

As a script: `python tests/launcher_sweep.py ray slurm` runs it one after the other and through each of those, and ends
with exit code 1 where a store differs; `scripts/slurm_trial.sh` does so on a Slurm of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Two runs that finish, and one whose W overflows at its first update (2 W is no number any more) and that fails.
SWEEP = (
    "experiment=glue/rte",
    "init_from=none",
    "+debug=two_steps_glue",
    "method=lora,full,delta_lora",
    "recipe.update_ratio=1e38",
    "runtime.threads=1",
)
STATUSES = {"lora": "finished", "full": "finished", "delta_lora": "failed"}

#: Keys of a record that say when and where, and not what came out.
TIME_AND_PLACE = ("cost", "environment", "started_at", "finished_at")

#: Files of a run that hold what came out.
RESULT_FILES = ("predictions.jsonl", "segments.npz", "state.safetensors")

#: Of one command; a Slurm that does not start its jobs ends here.
_PATIENCE_S = 300


@dataclass(frozen=True)
class Sweep:
    """A command that has ended."""

    store: Path
    exit_code: int
    said: str
    seconds: float


@dataclass(frozen=True)
class RunContents:
    """What must be the same wherever a run was made."""

    record: Mapping[str, object]
    files: Mapping[str, bytes] = field(default_factory=dict)


def run_sweep(launcher: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Sweep:
    """Runs the sweep in a process of its own, which is started in `folder` and keeps its store there."""
    small = {"DELTALORA_CPUS": "1", "DELTALORA_GPUS": "null", "DELTALORA_SLURM_MEMORY_GB": "2", "HF_HUB_OFFLINE": "1"}
    if launcher == "ray":
        small["DELTALORA_GPUS"] = "0"
    asked = ["train", "-m", f"hydra/launcher={launcher}", *SWEEP, "runtime.results_dir=runs"]
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "deltalora", *asked],
        cwd=folder,
        env={**environment, **small},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    return Sweep(folder / "runs", done.returncode, done.stdout + done.stderr, time.monotonic() - began)


def contents(store: Path) -> dict[str, RunContents]:
    """Run id -> what came out; every run of the store."""
    found = {}
    for path in sorted(store.glob("*/record.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record.keys() >= set(TIME_AND_PLACE)
        files = {name: (path.parent / name).read_bytes() for name in RESULT_FILES if (path.parent / name).is_file()}
        kept = {key: value for key, value in record.items() if key not in TIME_AND_PLACE}
        found[path.parent.name] = RunContents(kept, files)
    return found


def differences(ours: Path, theirs: Path) -> list[str]:
    """What two stores of the same sweep differ in, a line each; none where they are the same."""
    left, right = contents(ours), contents(theirs)
    lines = [f"run {run_id}: in one store only" for run_id in sorted(left.keys() ^ right.keys())]
    for run_id in sorted(left.keys() & right.keys()):
        one, other = left[run_id], right[run_id]
        for key in sorted(one.record.keys() | other.record.keys()):
            if one.record.get(key) != other.record.get(key):
                lines.append(f"run {run_id}: {key}: {one.record.get(key)!r} and {other.record.get(key)!r}")
        for name in sorted(one.files.keys() | other.files.keys()):
            if one.files.get(name) != other.files.get(name):
                lines.append(f"run {run_id}: {name} differs")
    return lines


def ended(store: Path) -> dict[str, object]:
    """Row -> how its run ended."""
    return {str(run.record["row"]): run.record["status"] for run in contents(store).values()}


def main(launchers: Sequence[str]) -> int:
    """Compares each launcher with runs one after the other, and says what it saw."""
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="launchers-") as folder:
        stores = {name: run_sweep(name, Path(folder) / name) for name in ("basic", *launchers)}
        for name, sweep in stores.items():
            found = differences(stores["basic"].store, sweep.store)
            as_expected = sweep.exit_code == 1 and ended(sweep.store) == STATUSES and not found
            wrong += not as_expected
            print(f"{name}: exit code {sweep.exit_code}, {ended(sweep.store)}, {sweep.seconds:.0f} s")
            print("\n".join(found) or f"{name}: {len(contents(sweep.store))} records and their files as those of basic")
            if not as_expected:
                print(f"{name}: expected exit code 1, {STATUSES} and no difference; it said:\n{sweep.said}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
