"""Select the records of a table, and make sure that they may be in one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltalora.errors import StoreError
from deltalora.results import RunRecord
from deltalora.results.table_request import Row

#: Row -> part -> seed -> record.
Records = dict[str, dict[str, dict[int, RunRecord]]]


@dataclass(frozen=True)
class Selected:
    """The records behind one table. Each run of its request has a finished or an unfinished record, or none."""

    finished: Records
    unfinished: Records  #: of failed and interrupted runs
    superseded: int  #: number of records passed over because of their results version

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
    request in all of these. A record's own row is ignored: two rows whose settings coincide share their runs. Where the
    ids are of several results versions, only the newest with a finished run counts: numbers of versions never mix.

    Raises:
        StoreError: A record is of another experiment than its part. Or the finished records of one part differ in
            their data, token ids, a metric's signature or the number of inputs it scored; or those of the table in the
            pre-trained weights.
    """
    # Finished records last: they win where an id occurs twice.
    by_id = {record.run_id: record for record in sorted(records, key=lambda record: record.status == "finished")}
    found = [
        (row.row, name, seed, by_id[run_id])
        for row in rows
        for name, part in row.parts.items()
        for seed, run_id in sorted(part.run_ids.items())
        if run_id in by_id
    ]
    done = [record.code.results_version for *_, record in found if record.status == "finished"]
    newest = max(done or (record.code.results_version for *_, record in found), default=0)
    finished: Records = {row.row: {name: {} for name in row.parts} for row in rows}
    unfinished: Records = {row.row: {name: {} for name in row.parts} for row in rows}
    for row_name, part_name, seed, record in found:
        if record.experiment != part_name:
            raise StoreError(
                f"run {record.run_id}: expected a run of experiment {part_name}, found one of {record.experiment}; "
                "a column holds runs of one experiment: fix the table's rows"
            )
        if record.code.results_version == newest:
            (finished if record.status == "finished" else unfinished)[row_name][part_name][seed] = record
    selected = Selected(finished, unfinished, sum(record.code.results_version != newest for *_, record in found))
    _agree("pre-trained weights", {one.run_id: one.model.sha256 for one in selected.all_finished}, "one table")
    parts = list(dict.fromkeys(name for row in rows for name in row.parts))
    for part in parts:
        _check_comparable(selected.finished_of(part), "one table" if len(parts) == 1 else f"the columns of {part}")
    return selected


def _check_comparable(records: Sequence[RunRecord], where: str) -> None:
    """Refuse finished records of other data, or tokenised or scored in different ways: libraries are in no run id."""
    _agree("raw data", {one.run_id: one.data.files for one in records}, where)
    hashed = {one.run_id: one.data.tokenised_sha256 for one in records if one.data.tokenised_sha256 is not None}
    _agree("token ids of the data", hashed, where)
    for metric in sorted({name for one in records for name in one.scores}):
        scored = {one.run_id: one.scores[metric] for one in records if metric in one.scores}
        _agree(f"signature of {metric}", {run_id: score.signature for run_id, score in scored.items()}, where)
        _agree(f"number of inputs scored by {metric}", {run_id: score.n for run_id, score in scored.items()}, where)


def _agree(what: str, values: Mapping[str, object], where: str) -> None:
    """Refuse runs (id -> value) of more than one value."""
    first_id = next(iter(values), "")
    for run_id, value in values.items():
        if value != values[first_id]:
            raise StoreError(
                f"runs {first_id} and {run_id}: expected the same {what} in {where}, found two; "
                f"run the table with one set of libraries, data and weights into a new runtime.results_dir"
            )
