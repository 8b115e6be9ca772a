"""The runs and table requests of some stores, and the list of all runs: for the page's script, and as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalora.page.templating import drawn, script_json
from deltalora.results import RunRecord, Store, read_run
from deltalora.results.table_request import TableRequest, read_requests

#: Characters shown of an error; its whole text is on the run's page.
_ERROR_LENGTH = 120


@dataclass(frozen=True)
class Collected:
    """What the stores hold. Records are read where they are needed, as there may be ten thousand.

    Attributes:
        folders: Run id -> folder of the one record that counts. Those of a single store may have no record yet.
        requests: The tables and figures, by name, scale and source.
        repeated: Run ids that have a record in more than one store.
    """

    folders: dict[str, Path]
    requests: tuple[TableRequest, ...]
    repeated: tuple[str, ...]

    def records_of(self, run_ids: Iterable[str]) -> dict[str, RunRecord]:
        """Read the records of these runs, of those that have one, by run id.

        Raises:
            StoreError: A record is malformed.
        """
        found = ((one, read_run(self.folders[one])) for one in sorted(run_ids) if one in self.folders)
        return {run_id: record for run_id, record in found if record is not None}


def collect(stores: Sequence[Path]) -> Collected:
    """Find every run and every request of the stores.

    A run id that is in several stores is one run, done more than once: a finished record goes before one that is not,
    then the latest, everywhere on the page. So a number in a table is the one on the run's page.

    Raises:
        StoreError: A store is not there, or a request or a record that is in two of them is malformed.
    """
    places: dict[str, list[Path]] = {}
    requests: dict[str, TableRequest] = {}
    for root in stores:
        store = Store.existing(root)
        for run_id in store.run_ids():
            places.setdefault(run_id, []).append(store.run_dir(run_id))
        for one in read_requests(root):
            requests[one.file_name] = max(one, requests.get(one.file_name, one), key=lambda request: request.asked_at)
    repeated = []
    for run_id, folders in places.items():
        if len(folders) > 1:
            done = [(record, folder) for folder in folders if (record := read_run(folder)) is not None]
            done.sort(key=lambda one: (one[0].status == "finished", one[0].finished_at), reverse=True)
            places[run_id] = [folder for _, folder in done]
            if len(done) > 1:
                repeated.append(run_id)
    return Collected(
        folders={run_id: folders[0] for run_id, folders in sorted(places.items()) if folders},
        requests=tuple(sorted(requests.values(), key=lambda one: (one.name, one.scale, one.source, one.file_name))),
        repeated=tuple(sorted(repeated)),
    )


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of the list; keys mean what they mean in the record. None where the run never got there."""

    run_id: str
    config_id: str
    experiment: str
    scale: str
    source: str
    row: str
    method: str
    seed: int
    status: str
    error: str | None
    error_message: str
    commit: str | None
    dirty: bool
    results_version: int
    trainable: int | None
    validation_loss: float | None
    wall_s: float | None
    train_s: float | None
    peak_memory_bytes: int | None
    scores: dict[str, float]

    @property
    def order(self) -> tuple[str, str, str, str, int, str]:
        """The key by which runs are listed."""
        return self.experiment, self.scale, self.source, self.row, self.seed, self.run_id


def run_line(record: RunRecord) -> RunLine:
    """Return the line of a record."""
    return RunLine(
        run_id=record.run_id,
        config_id=record.config_id,
        experiment=record.experiment,
        scale=record.scale,
        source=record.source,
        row=record.row,
        method=record.method,
        seed=record.seed,
        status=record.status,
        error=record.error.type if record.error else None,
        error_message=record.error.message if record.error else "",
        commit=record.code.commit,
        dirty=bool(record.code.dirty),
        results_version=record.code.results_version,
        trainable=record.parameters.trainable if record.parameters else None,
        validation_loss=record.validation.get("loss"),
        wall_s=record.cost.wall_s,
        train_s=record.cost.train_s,
        peak_memory_bytes=record.cost.peak_memory_bytes,
        scores={name: score.value for name, score in record.scores.items()},
    )


def run_list_script(lines: Sequence[RunLine]) -> str:
    """Return a script that sets `deltaloraRuns`: {"keys", "rows"}. A page on a disk may load scripts, but no data."""
    rows = [_values(line) for line in lines]
    content = {"keys": list(rows[0] if rows else ()), "rows": [list(row.values()) for row in rows]}
    return f"window.deltaloraRuns={script_json(content)};\n"


def _values(line: RunLine) -> dict[str, Any]:
    error = "" if line.error is None else f"{line.error}: {line.error_message}"
    return {
        "id": line.run_id,
        "config": line.config_id,
        "experiment": line.experiment,
        "scale": line.scale,
        "source": line.source,
        "row": line.row,
        "seed": line.seed,
        "status": line.status,
        "loss": drawn(line.validation_loss),
        "wall": drawn(line.wall_s),
        "memory": line.peak_memory_bytes,
        "trainable": line.trainable,
        "scores": {name: drawn(value) for name, value in line.scores.items()},
        "error": error if len(error) <= _ERROR_LENGTH else error[:_ERROR_LENGTH] + "…",
    }


#: Columns of the CSV before the scores, which are attributes of a line.
_COLUMNS = (
    *("run_id", "config_id", "experiment", "scale", "source", "row", "method", "seed", "status", "error"),
    *("commit", "results_version", "trainable", "validation_loss", "wall_s", "train_s", "peak_memory_bytes"),
)


def runs_csv(lines: Sequence[RunLine]) -> str:
    """Return one line per run: what it is, how it ended, its cost, and every score in the metric's own unit."""
    scores = sorted({name for line in lines for name in line.scores})
    rows = ([getattr(line, name) for name in _COLUMNS] + [line.scores.get(name) for name in scores] for line in lines)
    return csv_text((*_COLUMNS, *scores), rows)


def csv_text(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return comma-separated values, unrounded; None is written as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()
