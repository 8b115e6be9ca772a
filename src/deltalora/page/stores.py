"""What the page is made of: where the runs of some stores lie, and the tables that were asked of them."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deltalora.results import RunRecord, Store, read_run
from deltalora.results.table_request import TableRequest, read_requests


@dataclass(frozen=True)
class Collected:
    """Everything found; records are read where they are needed, as a store may hold ten thousand.

    Attributes:
        folders: Run id -> folder of the one record that counts. Those of a single store may have no record yet.
        asked: The tables and figures asked for, by name, scale and source.
        repeated: Run ids that have a record in more than one store.
    """

    folders: dict[str, Path]
    asked: tuple[TableRequest, ...]
    repeated: tuple[str, ...]

    def records_of(self, run_ids: Iterable[str]) -> dict[str, RunRecord]:
        """Run id -> record, of those that have one.

        Raises:
            StoreError: A record is malformed.
        """
        found = ((one, read_run(self.folders[one])) for one in sorted(run_ids) if one in self.folders)
        return {run_id: record for run_id, record in found if record is not None}


def collect(stores: Sequence[Path]) -> Collected:
    """Find every run and every question of the stores.

    A run id that is in several stores is one run, done more than once: a finished record goes before one that is not,
    and the latest before the others, everywhere on the page: a number in a table is the one on the run's page.

    Raises:
        StoreError: A store is not there, a question in it is malformed, or a record that is in two of them.
    """
    places: dict[str, list[Path]] = {}
    asked: dict[str, TableRequest] = {}
    for root in stores:
        store = Store.existing(root)
        for run_id in store.run_ids():
            places.setdefault(run_id, []).append(store.run_dir(run_id))
        for table in read_requests(root):
            kept = asked.setdefault(table.file_name, table)
            if table.asked_at > kept.asked_at:
                asked[table.file_name] = table
    repeated = []
    for run_id, folders in places.items():
        if len(folders) > 1:
            done = [(folder, record) for folder in folders if (record := read_run(folder)) is not None]
            if len(done) > 1:
                repeated.append(run_id)
            places[run_id] = [folder for folder, _ in sorted(done, key=lambda one: _rank(one[1]), reverse=True)]
    return Collected(
        folders={run_id: folders[0] for run_id, folders in sorted(places.items()) if folders},
        asked=tuple(sorted(asked.values(), key=lambda table: (table.name, table.scale, table.source, table.file_name))),
        repeated=tuple(sorted(repeated)),
    )


def _rank(record: RunRecord) -> tuple[bool, float]:
    return record.status == "finished", record.finished_at.timestamp()


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection while many records are read: millions of objects, hardly any in a cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
