"""Measure time and memory of `deltalora report` on ten thousand runs.

    python scripts/bench_report.py [--runs 10000]

Two stores are made of schema-valid records from a real one under results/ (ids, rows, seeds and scores varied), with
tables that request a tenth of them: one of records alone, as those under results/ are, and one in which every run has
twenty predictions and a log, as after `deltalora train`. The report runs on each in a process of its own; seconds and
peak memory are printed as JSON. None of the stores' numbers was ever measured.

Both stores are new: ext4 takes up to a millisecond to make a file where thousands were just deleted.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deltalora.results import Prediction, RunRecord
from deltalora.results.store import LOG_FILE, PREDICTIONS_FILE, RECORD_FILE
from deltalora.results.table_request import Row, Runs, TableRequest, write_request

ORIGIN = Path(__file__).resolve().parents[1] / "results" / "table1-embedded"
ROWS = ("full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora", "lora_no_dropout")
#: One in so many runs has failed.
FAILED_EVERY = 97


def predictions_bytes(rng: random.Random) -> bytes:
    """Return a file of twenty predictions of one sentence each."""
    words = ["the", "restaurant", "near", "river", "serves", "cheap", "Italian", "food", "is", "family", "friendly"]
    lines = []
    for place in range(20):
        texts = [" ".join(rng.choices(words, k=20)) for _ in range(5)]
        one = Prediction(id=f"e2e-{place}", source=texts[0], prediction=texts[1], references=tuple(texts[2:]))
        lines.append(one.model_dump_json())
    return ("\n".join(lines) + "\n").encode()


def record_of(origin: dict[str, Any], number: int, row: str, seed: int, rng: random.Random, digest: str) -> RunRecord:
    """Return a record like the origin under another name, with scores of its own."""
    plain = json.loads(json.dumps(origin))
    plain |= {
        "run_id": hashlib.sha256(f"run {number} {seed}".encode()).hexdigest()[:12],
        "config_id": hashlib.sha256(f"config {number}".encode()).hexdigest()[:12],
        "row": row,
        "seed": seed,
    }
    plain["predictions"]["sha256"] = digest
    if rng.randrange(FAILED_EVERY) == 0:
        error = {"type": "OutOfMemoryError", "message": "out of memory"}
        plain |= {"status": "failed", "error": error, "scores": {}, "selection": None}
    else:
        for score in plain["scores"].values():
            score["value"] *= rng.uniform(0.9, 1.0)
    for point in plain["curve"]:
        if point["train_loss"] is not None:
            point["train_loss"] *= rng.uniform(0.95, 1.05)
    return RunRecord.model_validate(plain)


def make_store(store: Path, runs: int, *, files: bool) -> None:
    """Make tables of eight rows and five seeds until there are enough runs, with or without predictions and logs."""
    rng = random.Random(1)
    origin = json.loads(next(path for path in sorted(ORIGIN.glob("*/record.json"))).read_text(encoding="utf-8"))
    log = "\n".join(f"step {step}: loss {5 / (step + 1):.3f}" for step in range(200)) + "\n"
    number = 0
    made = 0
    while made < runs:
        rows = []
        for row in ROWS:
            ids = {}
            for seed in range(1, 6):
                texts = predictions_bytes(rng)
                record = record_of(origin, number, row, seed, rng, hashlib.sha256(texts).hexdigest())
                folder = store / record.run_id
                folder.mkdir(parents=True)
                (folder / RECORD_FILE).write_text(record.to_json(), encoding="utf-8")
                if files:
                    (folder / PREDICTIONS_FILE).write_bytes(texts)
                    (folder / LOG_FILE).write_text(log, encoding="utf-8")
                ids[seed] = record.run_id
                made += 1
            rows.append(Row(row=row, label=row, parts={"e2e": Runs(config_id=record.config_id, run_ids=ids)}))
            number += 1
        # Most of ten thousand runs are searches over settings; every tenth group of forty was requested as a table.
        if number % (10 * len(ROWS)) == 0 or made <= 40:
            write_request(store, TableRequest.now("table1", "embedded", "embedded", [f"train.max_steps={made}"], rows))


def measure(store: Path, out: Path) -> dict[str, float | int]:
    """Run the report once and measure it: seconds, and peak memory of the process and its helpers together."""
    before = cpu_seconds_of_children()
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "deltalora", "report", "--store", str(store), "--out", str(out)])
    peak = 0
    while child.poll() is None:
        peak = max(peak, resident_of_group(child.pid))
        time.sleep(0.05)
    seconds = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"the report ended with code {child.returncode}")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    pages = sum(1 for _ in (out / "runs").iterdir())
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {
        "runs": pages,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds_of_children() - before, 2),
        "peak_rss_of_one_process_mib": round(largest / 2**20),
        "peak_rss_of_all_processes_mib": round(peak / 2**20),
        "index_html_kib": round((out / "index.html").stat().st_size / 1024),
        "written_mib": round(written / 2**20),
        "cores": os.cpu_count() or 1,
    }


def cpu_seconds_of_children() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident_of_group(pid: int) -> int:
    """Return the resident bytes of a process and those it started, shared pages counted for each."""
    import psutil

    try:
        parent = psutil.Process(pid)
        return int(sum(one.memory_info().rss for one in [parent, *parent.children(recursive=True)]))
    except psutil.Error:
        return 0


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        measured = {}
        for name, files in (("records_alone", False), ("with_predictions_and_logs", True)):
            make_store(base / name, options.runs, files=files)
            measured[name] = measure(base / name, base / f"{name}_page")
        print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
