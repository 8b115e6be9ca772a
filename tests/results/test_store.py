import json
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from deltalora.errors import StoreError
from deltalora.results import CurvePoint, RunError, RunLockedError, Store

WRITER = """
import sys
from pathlib import Path
from deltalora.results import RunRecord, Store
root, one, two = map(Path, sys.argv[1:])
store = Store(root)
records = [RunRecord.from_json(path.read_text(), path) for path in (one, two)]
print("ready", flush=True)
while True:
    for record in records:
        store.write(record)
"""

HOLDER = """
import sys, time
from pathlib import Path
from deltalora.results import Store
print("started", flush=True)
with Store(Path(sys.argv[1])).lock(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""

COUNTER = """
import sys
from pathlib import Path
from deltalora.results import Store
store = Store(Path(sys.argv[1]))
for _ in range(20):
    with store.lock(sys.argv[2]) as folder:
        counter = folder / "counter"
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def next_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_store_gives_back_what_was_written(tmp_path, make_record):
    store = Store(tmp_path / "runs")
    record = make_record()
    path = store.write(record)
    assert path == tmp_path / "runs" / record.run_id / "record.json"
    assert store.read(record.run_id) == record
    assert store.records() == [record]


def test_a_run_without_record_reads_as_none_and_an_empty_store_as_no_records(tmp_path):
    store = Store(tmp_path / "nowhere")
    assert store.read("0123456789ab") is None
    assert store.records() == []
    assert not (tmp_path / "nowhere").exists()


def test_writing_again_replaces_the_record(tmp_path, make_record):
    store = Store(tmp_path)
    store.write(make_record(seed=1))
    store.write(make_record(seed=2))
    assert [record.seed for record in store.records()] == [2]


def test_records_are_sorted_by_row_then_seed_whatever_their_status(tmp_path, make_record):
    store = Store(tmp_path)
    for run_id, row, seed, status in [
        ("a", "lora", 2, "finished"),
        ("b", "lora", 1, "interrupted"),
        ("c", "delta_lora", 3, "finished"),
    ]:
        store.write(make_record(run_id=run_id, row=row, seed=seed, status=status))
    assert [(record.row, record.seed) for record in store.records()] == [("delta_lora", 3), ("lora", 1), ("lora", 2)]


def test_a_run_under_way_and_foreign_files_are_passed_over(tmp_path, make_record):
    store = Store(tmp_path)
    store.write(make_record())
    (tmp_path / "underway").mkdir()
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / ".hidden").mkdir()
    assert len(store.records()) == 1


def test_a_corrupted_record_is_an_error_and_not_a_missing_run(tmp_path, make_record):
    store = Store(tmp_path)
    path = store.write(make_record())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StoreError, match=r"record\.json.*run again"):
        store.records()


def test_a_record_that_is_not_text_is_refused(tmp_path, make_record):
    path = Store(tmp_path).write(make_record())
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match=r"cannot read .*record\.json: 'utf-8' codec"):
        Store(tmp_path).records()


def test_a_record_in_the_folder_of_another_run_is_refused(tmp_path, make_record):
    store = Store(tmp_path)
    store.write(make_record(run_id="first"))
    (tmp_path / "first").rename(tmp_path / "second")
    with pytest.raises(StoreError, match=r"expected run_id second.*found first"):
        store.read("second")


@pytest.mark.parametrize("run_id", ["../outside", "a/b", "", ".", "..", "a b"])
def test_an_id_that_could_leave_the_store_is_refused(tmp_path, run_id):
    with pytest.raises(StoreError, match="run id"):
        Store(tmp_path).run_dir(run_id)


def test_an_unwritable_store_says_so_in_one_line(tmp_path, make_record):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"cannot write .*record\.json: Not a directory"):
        Store(tmp_path / "runs").write(make_record())


def test_a_lock_in_an_unwritable_store_says_so_in_one_line(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    (tmp_path / "held" / "lock").mkdir(parents=True)
    for store, run_id in [(Store(tmp_path / "runs"), "run"), (Store(tmp_path), "held")]:
        expected = pytest.raises(StoreError, match="cannot lock ")
        with expected as caught, store.lock(run_id, blocking=False):
            pass
        assert not isinstance(caught.value, RunLockedError)
        assert "\n" not in str(caught.value)


def test_a_record_is_as_readable_as_the_umask_allows(tmp_path, make_record):
    before = os.umask(0o022)
    try:
        path = Store(tmp_path).write(make_record())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_record_and_no_litter(tmp_path, make_record, monkeypatch):
    store = Store(tmp_path)
    path = store.write(make_record(seed=1))

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StoreError, match="No space left"):
        store.write(make_record(seed=2))
    assert json.loads(path.read_text())["seed"] == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["record.json"]


def test_a_record_is_whole_whenever_it_is_read_and_however_its_writer_dies(tmp_path, make_record):
    # Large enough that a write in place would be caught half-way.
    curve = [CurvePoint(step=step, train_loss=1.0) for step in range(3000)]
    records = [make_record(seed=1, curve=curve), make_record(seed=2, curve=curve[:2000])]
    inputs = []
    for record in records:
        inputs.append(tmp_path / f"{record.seed}.json")
        inputs[-1].write_text(record.to_json())
    store = Store(tmp_path / "runs")
    path = store.write(records[0])
    whole = {record.to_json() for record in records}
    seen = set()
    for life in range(5):
        writer = start(WRITER, store.root, *inputs)
        assert next_line(writer) == "ready\n"
        deadline = time.monotonic() + 0.1 + 0.013 * life
        while time.monotonic() < deadline:
            seen.add(path.read_text())
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        seen.add(path.read_text())
        assert seen <= whole
    assert len(seen) == 2, "the writer never got to write"


def test_the_next_holder_sweeps_what_a_killed_writer_left(tmp_path):
    store = Store(tmp_path)
    folder = store.run_dir("run")
    folder.mkdir()
    (folder / ".record.json.abc.tmp").write_text("half")
    (folder / "checkpoint.pt").write_text("kept")
    with store.lock("run") as locked:
        assert locked == folder
        assert sorted(entry.name for entry in folder.iterdir()) == ["checkpoint.pt", "lock"]


def test_a_second_process_is_refused_while_the_first_holds_the_run(tmp_path):
    store = Store(tmp_path)
    holder = start(HOLDER, tmp_path, "run")
    assert [next_line(holder), next_line(holder)] == ["started\n", "held\n"]
    with pytest.raises(RunLockedError, match="run run: expected no other process"), store.lock("run", blocking=False):
        pass
    with store.lock("another", blocking=False):
        pass
    holder.communicate("go\n")
    with store.lock("run", blocking=False):
        pass


def test_a_killed_holder_leaves_no_stale_lock(tmp_path):
    store = Store(tmp_path)
    holder = start(HOLDER, tmp_path, "run")
    assert [next_line(holder), next_line(holder)] == ["started\n", "held\n"]
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (tmp_path / "run" / "lock").exists()
    with store.lock("run", blocking=False):
        pass


def test_a_run_is_running_while_its_lock_is_held_unless_it_has_finished(tmp_path, make_record):
    store = Store(tmp_path)
    assert store.state("run") == "absent"
    assert not store.run_dir("run").exists(), "looking makes nothing"
    holder = start(HOLDER, tmp_path, "run")
    assert [next_line(holder), next_line(holder)] == ["started\n", "held\n"]
    assert store.state("run") == "running"
    holder.communicate("go\n")
    assert store.state("run") == "absent"
    (store.run_dir("run") / "progress.json").write_text("{}")
    assert store.state("run") == "interrupted"
    for status in ("failed", "interrupted", "finished"):
        error = None if status == "finished" else RunError(type="E", message="m")
        store.write(make_record(run_id="run", status=status, error=error))
        assert store.state("run") == status
        with store.lock("run"):
            assert store.state("run") == ("finished" if status == "finished" else "running")


def test_a_blocking_lock_waits_for_the_holder(tmp_path):
    store = Store(tmp_path)
    with store.lock("run"):
        waiter = start(HOLDER, tmp_path, "run")
        assert next_line(waiter) == "started\n"
        assert waiter.stdout is not None
        readable, _, _ = select.select([waiter.stdout], [], [], 0.4)
        assert readable == [], "it did not wait"
    out, _ = waiter.communicate("go\n", timeout=20)
    assert out == "held\nreleased\n"


def test_two_processes_are_never_inside_the_lock_together(tmp_path):
    with Store(tmp_path).lock("run") as folder:
        (folder / "counter").write_text("0")
    workers = [start(COUNTER, tmp_path, "run") for _ in range(2)]
    for worker in workers:
        worker.communicate(timeout=60)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert (folder / "counter").read_text() == "40"
