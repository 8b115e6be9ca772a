"""Select the records of a table, and make sure that they may be in one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from deltalora.errors import StoreError
from deltalora.results import RunRecord
from deltalora.results.table_request import Row

V = TypeVar("V")

#: Row -> part -> seed -> record.
Records = dict[str, dict[str, dict[int, RunRecord]]]


@dataclass(frozen=True)
class Selected:
    """The records behind one table. Each run of its request has a finished or an unfinished record, or none.

    Attributes:
        finished: Row -> part -> seed -> record.
        unfinished: Row -> part -> seed -> record of a failed or interrupted run.
        superseded: Number of records passed over because of their results version.
    """

    finished: Records
    unfinished: Records
    superseded: int

    @property
    def all_finished(self) -> list[RunRecord]:
        """Every finished record."""
        return [record for parts in self.finished.values() for seeds in parts.values() for record in seeds.values()]

    def finished_of(self, part: str) -> list[RunRecord]:
        """Return every finished record of one part."""
        return [record for parts in self.finished.values() for record in parts.get(part, {}).values()]


def select_records(records: Iterable[RunRecord], rows: Sequence[Row]) -> Selected:
    """Take the records with the rows' run ids, under their row, part and seed.

    A run id holds configuration, seed, data, weights and results version, so that the chosen records agree with the
    request in all of these. A record's own row is ignored: two rows whose settings coincide share their runs.

    Where the ids are of several results versions, only the newest with a finished run counts: numbers of different
    versions never mix.

    Raises:
        StoreError: A record is of another experiment than its part. Or the finished records of one part differ in
            their data, token ids, a metric's signature or the number of inputs it scored; or those of the table in the
            pre-trained weights.
    """
    # Finished records last: they win where an id occurs twice.
    by_id = {record.run_id: record for record in sorted(records, key=lambda record: record.status == "finished")}
    every = [
        by_id[run_id]
        for row in rows
        for part in row.parts.values()
        for run_id in part.run_ids.values()
        if run_id in by_id
    ]
    finished = [record for record in every if record.status == "finished"]
    newest = max((record.code.results_version for record in finished or every), default=0)
    selected = Selected(
        finished=_chosen(by_id, rows, newest, finished=True),
        unfinished=_chosen(by_id, rows, newest, finished=False),
        superseded=sum(record.code.results_version != newest for record in every),
    )
    _agree("pre-trained weights", [(r.run_id, r.model.sha256) for r in selected.all_finished], "one table")
    parts = list(dict.fromkeys(name for row in rows for name in row.parts))
    for part in parts:
        _check_comparable(selected.finished_of(part), "one table" if len(parts) == 1 else f"the columns of {part}")
    return selected


def _chosen(by_id: dict[str, RunRecord], rows: Sequence[Row], version: int, *, finished: bool) -> Records:
    chosen: Records = {row.row: {name: {} for name in row.parts} for row in rows}
    for row in rows:
        for name, part in row.parts.items():
            for seed, run_id in sorted(part.run_ids.items()):
                record = by_id.get(run_id)
                if record is None:
                    continue
                if record.experiment != name:
                    raise StoreError(
                        f"run {run_id}: expected a run of experiment {name}, found one of {record.experiment}; "
                        "a column holds runs of one experiment: fix the table's rows"
                    )
                if record.code.results_version == version and (record.status == "finished") == finished:
                    chosen[row.row][name][seed] = record
    return chosen


def _check_comparable(records: Sequence[RunRecord], where: str) -> None:
    """Refuse finished records of other data, or tokenised or scored in different ways: libraries are in no run id."""
    _agree("raw data", [(r.run_id, r.data.files) for r in records], where)
    hashed = [(r.run_id, r.data.tokenised_sha256) for r in records if r.data.tokenised_sha256 is not None]
    _agree("token ids of the data", hashed, where)
    for metric in sorted({name for r in records for name in r.scores}):
        scored = [(r.run_id, r.scores[metric]) for r in records if metric in r.scores]
        _agree(f"signature of {metric}", [(run_id, score.signature) for run_id, score in scored], where)
        _agree(f"number of inputs scored by {metric}", [(run_id, score.n) for run_id, score in scored], where)


def _agree(what: str, values: Sequence[tuple[str, V]], where: str) -> None:
    for run_id, value in values:
        first_id, first = values[0]
        if value != first:
            raise StoreError(
                f"runs {first_id} and {run_id}: expected the same {what} in {where}, found two; "
                f"run the table with one set of libraries, data and weights into a new runtime.results_dir"
            )
