"""The store: one folder a run, found by its id, owned by whoever holds its lock.

Layout: `<root>/<run_id>/{record.json, predictions.jsonl, segments.npz, run.log, checkpoint.pt, progress.json, lock}`.
There is no index to fall out of step with the folders: listing reads them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from deltalora.errors import StoreError
from deltalora.results.atomic import sweep_temporaries, write_atomic
from deltalora.results.record import RunRecord
from deltalora.results.schema import read_text

RECORD_FILE = "record.json"
PREDICTIONS_FILE = "predictions.jsonl"
LOG_FILE = "run.log"
CHECKPOINT_FILE = "checkpoint.pt"
PROGRESS_FILE = "progress.json"
LOCK_FILE = "lock"

_RUN_ID = re.compile(r"[A-Za-z0-9_-]+")


class RunLockedError(StoreError):
    """Another process is at work on this run."""


def read_run(folder: Path) -> RunRecord | None:
    """The record in a run's folder, wherever that lies; see `Store.read`."""
    return Store(folder.parent).read(folder.name)


class Store:
    """All runs under one root folder. Creating the object touches nothing; writing makes the folders it needs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def existing(cls, root: Path) -> Self:
        """The store of somebody who wants to read runs, so that no store is a mistake.

        Raises:
            StoreError: There is no such folder.
        """
        if not root.is_dir():
            raise StoreError(
                f"{root}: expected a folder of run records, found none; make runs, as `make reproduce-e2e` does, "
                f"or name their folder with --store"
            )
        return cls(root)

    def run_dir(self, run_id: str) -> Path:
        """The folder of a run, whether or not it exists yet.

        Raises:
            StoreError: The id could name something outside the store.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise StoreError(
                f"run id {run_id!r}: expected letters, digits, '-' and '_' only; give an id as listed by the store"
            )
        return self.root / run_id

    def read(self, run_id: str) -> RunRecord | None:
        """The record of a run, or None if the run has none yet.

        Raises:
            StoreError: The record is malformed, or lies in the folder of another run.
        """
        path = self.run_dir(run_id) / RECORD_FILE
        text = read_text(path)
        if text is None:
            return None
        record = RunRecord.from_json(text, path)
        if record.run_id != run_id:
            raise StoreError(
                f"{path}: expected run_id {run_id} as the folder's name says, found {record.run_id}; "
                f"rename the folder to the run_id"
            )
        return record

    def write(self, record: RunRecord) -> Path:
        """Write (or replace) a record atomically and return its path.

        Raises:
            StoreError: The folder cannot be written.
        """
        folder = self.run_dir(record.run_id)
        path = folder / RECORD_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomic(path, record.to_json().encode())
        except OSError as error:
            raise StoreError(f"{path}: expected to write the run's record, found: {error}; free or mend it") from error
        return path

    def run_ids(self) -> list[str]:
        """The names of the folders that could be runs, sorted; a run under way or killed has no record yet."""
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as entries:  # knows which are folders without asking for each
            return sorted(entry.name for entry in entries if _RUN_ID.fullmatch(entry.name) and entry.is_dir())

    def records(self) -> list[RunRecord]:
        """All records, of whatever status, sorted by experiment, scale, source, row, seed and id.

        Folders without a record (a run under way or killed) and foreign files are passed over.

        Raises:
            StoreError: Any record is malformed: a table must not silently lack a run.
        """
        found = [record for run_id in self.run_ids() if (record := self.read(run_id)) is not None]
        return sorted(found, key=lambda r: (r.experiment, r.scale, r.source, r.row, r.seed, r.run_id))

    @contextmanager
    def lock(self, run_id: str, *, blocking: bool = True) -> Iterator[Path]:
        """Own a run's folder for the length of a `with` block, which receives the folder.

        The lock is the kernel's, on an open file: it ends with the process however that ends, so there is no stale
        lock to remove and the lock file itself means nothing. Temporary files of a killed writer are swept on entry.

        Args:
            run_id: The run.
            blocking: Wait for the present holder; else raise at once.

        Raises:
            RunLockedError: Not blocking, and another process holds the lock.
            StoreError: The folder or its lock file cannot be made.
        """
        folder = self.run_dir(run_id)
        lock = FileLock(folder / LOCK_FILE, timeout=-1 if blocking else 0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise RunLockedError(
                f"run {run_id}: expected no other process on it, found {folder / LOCK_FILE} held; "
                f"wait for that process or end it"
            ) from error
        except OSError as error:
            raise StoreError(
                f"{folder}: expected to lock the run's folder, found: {error}; free it or choose another store"
            ) from error
        try:
            sweep_temporaries(folder)
            yield folder
        finally:
            lock.release()
