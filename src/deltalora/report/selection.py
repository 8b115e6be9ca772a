"""Which records make a table, and the proof that they may stand in one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from deltalora.errors import StoreError
from deltalora.results import RunRecord

V = TypeVar("V")


@dataclass(frozen=True)
class Selected:
    """The records behind one table, all of one scale, source, data, weights and results version.

    Attributes:
        finished: Config id -> seed -> record.
        unfinished: Failed and interrupted records, by row and seed.
        superseded: Number of records passed over because a newer results version exists.
    """

    finished: dict[str, dict[int, RunRecord]]
    unfinished: tuple[RunRecord, ...]
    superseded: int

    @property
    def all_finished(self) -> list[RunRecord]:
        """Every finished record."""
        return [record for seeds in self.finished.values() for record in seeds.values()]


def select_records(records: Iterable[RunRecord], config_ids: Sequence[str], scale: str, source: str) -> Selected:
    """Choose by config id and check that the chosen are comparable.

    Of several results versions only the newest among the chosen counts: numbers of different versions never mix.

    Raises:
        StoreError: A chosen record is of another scale or source; or the finished ones differ in data, weights,
            selection rule, split, or a metric's signature or inputs; or one seed of one configuration is there twice.
    """
    wanted = set(config_ids)
    chosen = [record for record in records if record.config_id in wanted]
    for record in chosen:
        if (record.scale, record.source) != (scale, source):
            raise StoreError(
                f"run {record.run_id} ({record.row}, seed {record.seed}): expected scale {scale} and source {source}, "
                f"found {record.scale} and {record.source}; a table never mixes them, ask for one of them"
            )
    newest = max((record.code.results_version for record in chosen), default=0)
    current = [record for record in chosen if record.code.results_version == newest]
    _check_comparable([record for record in current if record.status == "finished"])

    finished: dict[str, dict[int, RunRecord]] = {config_id: {} for config_id in config_ids}
    for record in current:
        if record.status != "finished":
            continue
        seeds = finished[record.config_id]
        if record.seed in seeds:
            raise StoreError(
                f"row {record.row}, seed {record.seed}: expected one finished run, found {seeds[record.seed].run_id} "
                f"and {record.run_id}; delete one of the two folders"
            )
        seeds[record.seed] = record
    unfinished = sorted((r for r in current if r.status != "finished"), key=lambda r: (r.row, r.seed, r.run_id))
    return Selected(finished=finished, unfinished=tuple(unfinished), superseded=len(chosen) - len(current))


def _check_comparable(records: Sequence[RunRecord]) -> None:
    """Refuse finished records that differ in anything but method and seed."""
    _agree("data", [(r.run_id, tuple(sorted(r.data.files.items()))) for r in records])
    _agree(
        "tokenised data",
        [(r.run_id, r.data.tokenised_sha256) for r in records if r.data.tokenised_sha256 is not None],
    )
    _agree("pre-trained weights", [(r.run_id, r.model.sha256) for r in records])
    _agree("selection rule", [(r.run_id, r.selection.rule) for r in records if r.selection])
    _agree("split", [(r.run_id, r.selection.split) for r in records if r.selection])
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
                f"delete the folder of the run that is out of date and run it again"
            )
