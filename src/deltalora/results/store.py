"""The store: one folder per run, found by its id, owned by the process that holds its lock.

Layout: `<root>/<run_id>/{record.json, predictions.jsonl, segments.npz, run.log, checkpoint.pt, progress.json, lock}`.
There is no index that could disagree with the folders: listing reads them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from filelock import FileLock, Timeout
from pydantic import Field

from deltalora.errors import StoreError, cannot
from deltalora.results.atomic import remove_temporaries, write_atomic
from deltalora.results.record import RunRecord, Status
from deltalora.results.schema import StoredModel, UtcDatetime, parse, read_text

RECORD_FILE = "record.json"
PREDICTIONS_FILE = "predictions.jsonl"
LOG_FILE = "run.log"
CHECKPOINT_FILE = "checkpoint.pt"
PROGRESS_FILE = "progress.json"
LOCK_FILE = "lock"

#: How a run stands; see `Store.state`.
State = Literal["running", "absent"] | Status

_RUN_ID = re.compile(r"[A-Za-z0-9_-]+")


Phase = Literal["training", "evaluating", "decoding", "scoring"]


class RunLockedError(StoreError):
    """Another process has this run's lock."""


class Progress(StoredModel):
    """A snapshot of a run under way, for other processes to watch."""

    run_id: str = Field(description="The run.")
    row: str = Field(description="Name chosen in conf/method.")
    seed: int = Field(description="The run's seed.")
    phase: Phase = Field(description="The present phase.")
    step: int = Field(ge=0, description="Units done in this phase: optimizer steps, batches or examples.")
    total_steps: int = Field(ge=0, description="Units of this phase in all.")
    loss: float | None = Field(default=None, description="Latest training loss, nats per token.")
    tokens_per_s: float | None = Field(default=None, description="Non-padding tokens per second since the start.")
    eta_s: float | None = Field(default=None, ge=0, description="Estimated seconds to the end of this phase.")
    updated_at: UtcDatetime = Field(description="UTC; an old value on a live lock means a stalled run.")


def write_progress(path: Path, progress: Progress) -> None:
    """Replace the snapshot atomically."""
    write_atomic(path, (progress.model_dump_json() + "\n").encode())


def read_progress(path: Path) -> Progress | None:
    """Read the latest snapshot; None if there is none (not started, or removed after the end)."""
    text = read_text(path)
    return None if text is None else parse(Progress, text, str(path), "delete it; the next snapshot replaces it")


def read_run(folder: Path) -> RunRecord | None:
    """Read the record in a run's folder, in any store; see `Store.read`."""
    return Store(folder.parent).read(folder.name)


class Store:
    """All runs under one root folder. Creating the object touches nothing; writing makes the folders it needs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def existing(cls, root: Path) -> Self:
        """Open a store to read its runs; StoreError if there is no such folder."""
        if not root.is_dir():
            fix = "make runs (`make reproduce-e2e`) or name another folder with --store"
            raise StoreError(f"{root}: expected a folder of run records, found none; {fix}")
        return cls(root)

    def run_dir(self, run_id: str) -> Path:
        """Return the folder of a run, whether or not it exists yet; StoreError for an id that could lead outside."""
        if not _RUN_ID.fullmatch(run_id):
            expected = f"run id {run_id!r}: expected letters, digits, '-' and '_' only"
            raise StoreError(f"{expected}; give an id as listed by the store")
        return self.root / run_id

    def read(self, run_id: str) -> RunRecord | None:
        """Read the record of a run, None if it has none yet; StoreError if it is malformed or of another run."""
        path = self.run_dir(run_id) / RECORD_FILE
        text = read_text(path)
        if text is None:
            return None
        record = RunRecord.from_json(text, path)
        if record.run_id != run_id:
            found = f"expected run_id {run_id} as the folder's name says, found {record.run_id}"
            raise StoreError(f"{path}: {found}; rename the folder to the run_id")
        return record

    def write(self, record: RunRecord) -> Path:
        """Write (or replace) a record atomically and return its path."""
        path = self.run_dir(record.run_id) / RECORD_FILE
        write_atomic(path, record.to_json().encode())
        return path

    def run_ids(self) -> list[str]:
        """List the folders that could be runs, sorted; a run under way or killed has no record yet."""
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as entries:  # knows which are folders without a call for each
            return sorted(entry.name for entry in entries if _RUN_ID.fullmatch(entry.name) and entry.is_dir())

    def records(self) -> list[RunRecord]:
        """Read all records, of any status, sorted by experiment, scale, source, row, seed and id.

        A malformed one is a StoreError, since a table must not silently lack a run. Folders without a record (a run
        under way or killed) and foreign files are skipped.
        """
        found = [record for run_id in self.run_ids() if (record := self.read(run_id)) is not None]
        return sorted(found, key=lambda r: (r.experiment, r.scale, r.source, r.row, r.seed, r.run_id))

    def state(self, run_id: str) -> State:
        """Return how a run stands now, by its record, its lock and its progress.

        A run is running while a process holds its lock, unless it has finished before; without a record it was
        interrupted (killed) if it had made any progress, else it is absent.
        """
        record, folder = self.read(run_id), self.run_dir(run_id)
        if record is not None and record.status == "finished":
            return "finished"
        if (folder / LOCK_FILE).exists():
            try:
                with self.lock(run_id, blocking=False):
                    pass
            except RunLockedError:
                return "running"
        if record is not None:
            return record.status
        return "interrupted" if (folder / PROGRESS_FILE).is_file() else "absent"

    @contextmanager
    def lock(self, run_id: str, *, blocking: bool = True) -> Iterator[Path]:
        """Own a run's folder for the length of a `with` block, which receives the folder.

        The lock is the kernel's, on an open file: it ends with the process however that ends, so there is no stale
        lock to remove and the lock file means nothing without it. Temporary files of a killed writer are removed first.
        Not `blocking`, another holder is a RunLockedError.
        """
        folder = self.run_dir(run_id)
        lock = FileLock(folder / LOCK_FILE, timeout=-1 if blocking else 0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            found = f"expected no other process on it, found {folder / LOCK_FILE} held"
            raise RunLockedError(f"run {run_id}: {found}; wait for that process or end it") from error
        except OSError as error:
            raise StoreError(cannot("lock", folder, error)) from error
        try:
            remove_temporaries(folder)
            yield folder
        finally:
            lock.release()
