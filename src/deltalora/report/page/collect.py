"""What the page is made of: the records of some stores, and the tables that were asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deltalora.errors import StoreError
from deltalora.report.asked import AskedTable, read_asked
from deltalora.results import RunRecord, Store


@dataclass(frozen=True)
class Found:
    """One record and where it lies.

    Attributes:
        record: The record.
        folder: The run's folder, with its log and predictions.
    """

    record: RunRecord
    folder: Path


@dataclass(frozen=True)
class Collected:
    """Everything read.

    Attributes:
        runs: Run id -> its one record, in the order of `Store.records`.
        asked: The tables and figures asked for, by name, scale and source.
        repeated: Run ids that are in more than one store.
    """

    runs: dict[str, Found]
    asked: tuple[AskedTable, ...]
    repeated: tuple[str, ...]

    @property
    def records(self) -> list[RunRecord]:
        """All records."""
        return [found.record for found in self.runs.values()]


def collect(stores: Sequence[Path]) -> Collected:
    """Read every record and every question of the stores.

    A run id that is in several stores is one run, done more than once: a finished record goes before one that is not,
    and the latest before the others, everywhere on the page: a number in a table is the one on the run's page.

    Raises:
        StoreError: A store is not there, or a record or question in it is malformed.
    """
    found: dict[str, Found] = {}
    repeated: set[str] = set()
    asked: dict[str, AskedTable] = {}
    for root in stores:
        if not root.is_dir():
            raise StoreError(f"{root}: expected a folder of run records, found none; mend --store")
        store = Store(root)
        for record in store.records():
            other = found.get(record.run_id)
            if other is not None:
                repeated.add(record.run_id)
                if _rank(other.record) >= _rank(record):
                    continue
            found[record.run_id] = Found(record, store.run_dir(record.run_id))
        for table in read_asked(root):
            kept = asked.setdefault(table.file_name, table)
            if table.asked_at > kept.asked_at:
                asked[table.file_name] = table
    order = sorted(found.values(), key=lambda one: _order(one.record))
    return Collected(
        runs={one.record.run_id: one for one in order},
        asked=tuple(sorted(asked.values(), key=lambda table: (table.name, table.scale, table.source, table.file_name))),
        repeated=tuple(sorted(repeated)),
    )


def _rank(record: RunRecord) -> tuple[bool, float]:
    return record.status == "finished", record.finished_at.timestamp()


def _order(record: RunRecord) -> tuple[str, str, str, str, int, str]:
    return record.experiment, record.scale, record.source, record.row, record.seed, record.run_id
