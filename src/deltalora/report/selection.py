"""Which records make a table, and the proof that they may stand in one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from deltalora.errors import StoreError
from deltalora.results import RunRecord

V = TypeVar("V")


@dataclass(frozen=True)
class TableRow:
    """A row asked for.

    Attributes:
        label: Name to print.
        row: Name in conf/method, by which the paper's row is found.
        control: A control of ours, which the paper does not have.
        config_id: Configuration of the row's runs, equal over its seeds.
        run_ids: Seed asked for -> id of the run it must be: of that configuration on the present data, weights and
            results version.
    """

    label: str
    row: str
    control: bool
    config_id: str
    run_ids: Mapping[int, str]


@dataclass(frozen=True)
class Selected:
    """The records behind one table. Of every seed asked for, a row has a finished or an unfinished record, or none.

    Attributes:
        finished: Row -> seed -> record.
        unfinished: Row -> seed -> record of a failed or interrupted run.
        superseded: Number of records passed over because of their results version.
    """

    finished: dict[str, dict[int, RunRecord]]
    unfinished: dict[str, dict[int, RunRecord]]
    superseded: int

    @property
    def all_finished(self) -> list[RunRecord]:
        """Every finished record."""
        return [record for seeds in self.finished.values() for record in seeds.values()]


def select_records(records: Iterable[RunRecord], rows: Sequence[TableRow]) -> Selected:
    """Take the records with the run ids asked for, under the row and seed they were asked for.

    A run id holds configuration, seed, data, weights and results version, so that records that agree with what was
    asked agree in all of these. A record's own row is not looked at: two rows whose settings coincide are one run.

    Should the ids asked for be of several results versions, only the newest with a finished run counts: numbers of
    different versions never mix.

    Raises:
        StoreError: The finished records differ in what no run id holds: the token ids, a metric's signature, or the
            number of inputs it scored.
    """
    # Finished records last: theirs is the word that counts if an id is there twice.
    by_id = {record.run_id: record for record in sorted(records, key=lambda record: record.status == "finished")}
    chosen = {
        row.row: {seed: by_id[run_id] for seed, run_id in sorted(row.run_ids.items()) if run_id in by_id}
        for row in rows
    }
    every = [record for seeds in chosen.values() for record in seeds.values()]
    finished = [record for record in every if record.status == "finished"]
    newest = max((record.code.results_version for record in finished or every), default=0)

    def keep(done: bool) -> dict[str, dict[int, RunRecord]]:
        return {
            row: {
                seed: record
                for seed, record in seeds.items()
                if record.code.results_version == newest and (record.status == "finished") == done
            }
            for row, seeds in chosen.items()
        }

    selected = Selected(
        finished=keep(done=True),
        unfinished=keep(done=False),
        superseded=sum(record.code.results_version != newest for record in every),
    )
    _check_comparable(selected.all_finished)
    return selected


def _check_comparable(records: Sequence[RunRecord]) -> None:
    """Refuse finished records that were tokenised or scored in different ways: libraries are in no run id."""
    hashed = [(r.run_id, r.data.tokenised_sha256) for r in records if r.data.tokenised_sha256 is not None]
    _agree("token ids of the data", hashed)
    for metric in sorted({name for r in records for name in r.scores}):
        scored = [(r.run_id, r.scores[metric]) for r in records if metric in r.scores]
        _agree(f"signature of {metric}", [(run_id, score.signature) for run_id, score in scored])
        _agree(f"number of inputs scored by {metric}", [(run_id, score.n) for run_id, score in scored])


def _agree(what: str, values: Sequence[tuple[str, V]]) -> None:
    for run_id, value in values:
        first_id, first = values[0]
        if value != first:
            raise StoreError(
                f"runs {first_id} and {run_id}: expected the same {what} in one table, found two; "
                f"run the table with one set of libraries into a new runtime.results_dir"
            )
