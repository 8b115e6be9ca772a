"""The runs that make up a table, kept as data beside the records.

A sweep writes a request before its first run, to `<store>/tables/<name>-<scale>-<source>-<digest>.json`. With it a
table is built from the store alone: nothing is composed, no data is read and no weights are hashed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import Field

from deltalora.errors import ConfigError
from deltalora.results.atomic import write_atomic
from deltalora.results.schema import StoredModel, UtcDatetime, parse

#: Folder of a store; no run id, so that no run can lie in it.
TABLES_FOLDER = "tables"

#: Overrides that name folders of data or weights: a request knows these by the ids of its runs alone.
_FOLDERS = ("task.data_dir=", "model.path=")
#: Overrides that say where and how runs are done, not which runs they are. Requests are kept without them.
_HOW = (*_FOLDERS, "runtime.", "hydra/launcher=", "hydra.launcher.", "logger=")
#: Overrides that a request has as fields.
_SCOPE = ("scale=", "task.source=")


def heading(name: str) -> str:
    """Return the printed name of a table or figure: 'Table 1' for 'table1'."""
    return name.replace("table", "Table ").replace("figure", "Figure ")


class Runs(StoredModel):
    """The runs of one experiment of a row."""

    config_id: str = Field(description="Equal over the seeds.")
    run_ids: dict[int, str] = Field(description="Seed -> the run of that configuration as the request made it.")


class Row(StoredModel):
    """A row of a table, or a line of a figure."""

    row: str = Field(description="Name in conf/method, or the value of the key the table varies.")
    label: str = Field(description="Name to print.")
    control: bool = Field(default=False, description="A control of ours, which the paper does not have.")
    remark: str = Field(default="", description="What sets our line apart from the paper's; printed beside it.")
    parts: dict[str, Runs] = Field(description="Experiment -> its runs.")


class TableRequest(StoredModel):
    """A table or figure as one command requested it."""

    name: str = Field(description="File in conf/table, e.g. 'table1'.")
    scale: str = Field(description="'embedded', 'small' or 'paper'.")
    source: str = Field(description="Data source of its runs.")
    overrides: tuple[str, ...] = Field(description="The command's own, but for those of place and manner.")
    rows: tuple[Row, ...]
    asked_at: UtcDatetime = Field(description="UTC; when the sweep was last started.")

    @classmethod
    def now(cls, name: str, scale: str, source: str, overrides: Iterable[str], rows: Iterable[Row]) -> Self:
        """Return a request made at this moment."""
        kept = tuple(one for one in overrides if not one.startswith(_HOW))
        return cls(name=name, scale=scale, source=source, overrides=kept, rows=tuple(rows), asked_at=datetime.now(UTC))

    @property
    def run_ids(self) -> frozenset[str]:
        """Every run of the request."""
        return frozenset(run for row in self.rows for part in row.parts.values() for run in part.run_ids.values())

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed of the request, ascending."""
        return tuple(sorted({seed for row in self.rows for part in row.parts.values() for seed in part.run_ids}))

    @property
    def file_name(self) -> str:
        """The name of its file, which is the same for equal requests."""
        ids = "\n".join(sorted(self.run_ids))
        digest = hashlib.sha256(ids.encode()).hexdigest()[:12]
        return f"{self.name}-{self.scale}-{self.source}-{digest}.json"

    def is_part_of(self, other: Self) -> bool:
        """Return whether the other is the same table of these runs and more."""
        same = (other.name, other.scale, other.source) == (self.name, self.scale, self.source)
        return same and self.run_ids < other.run_ids


class Found(NamedTuple):
    """A stored request, and what to print below its table where others could have been meant."""

    request: TableRequest
    note: str


def write_request(store: Path, request: TableRequest) -> Path:
    """Write a request beside the records, in place of an equal one."""
    path = store / TABLES_FOLDER / request.file_name
    write_atomic(path, (request.model_dump_json(indent=2) + "\n").encode())
    return path


def read_requests(store: Path) -> list[TableRequest]:
    """Read every request of a store, by name, scale and source, the latest first.

    One that is part of another is left out: the table was requested again with more runs.
    """
    found = [
        parse(TableRequest, path.read_text(encoding="utf-8"), str(path), "delete it and start the sweep again")
        for path in sorted((store / TABLES_FOLDER).glob("*.json"))
    ]
    found.sort(key=lambda request: request.asked_at, reverse=True)
    found.sort(key=lambda request: (request.name, request.scale, request.source))
    return [request for request in found if not any(request.is_part_of(other) for other in found)]


def find_request(store: Path, name: str, overrides: Sequence[str]) -> Found | None:
    """Return the stored request that a command's overrides mean; None if there is none.

    It is the latest request made with the same overrides, in any order. A command without any means the latest request
    of the table, whatever it was made with. Where the overrides name a folder of data or weights, only hashing these
    can tell which request is meant, and none is returned. Where they leave scale or data source open, and the store has
    requests of several, that is a ConfigError.
    """
    if any(one.startswith(_FOLDERS) for one in overrides):
        return None
    scope, settings = _scope_and_settings(overrides)
    named = [request for request in read_requests(store) if request.name == name]
    fitting = [one for one in named if scope <= {f"scale={one.scale}", f"task.source={one.source}"}]
    same = [request for request in fitting if _scope_and_settings(request.overrides)[1] == settings]
    found = same or ([] if settings else fitting)
    if not found:
        return None
    scopes = sorted({f"scale={one.scale} task.source={one.source}" for one in found})
    if len(scopes) > 1:
        raise ConfigError(f"{name}: expected one stored table, found {' and '.join(scopes)}; add one of these")
    latest, *others = sorted(found, key=lambda one: one.asked_at, reverse=True)
    made = [f"{one.asked_at:%Y-%m-%d %H:%M} UTC with {' '.join(one.overrides) or 'no overrides'}" for one in others]
    note = (
        f"Of {len(found)} stored requests for this table this is the latest, of {latest.asked_at:%Y-%m-%d %H:%M} UTC; "
        f"the others: {'; '.join(made)}."
    )
    return Found(latest, note if others else "")


def _scope_and_settings(overrides: Iterable[str]) -> tuple[set[str], set[str]]:
    which = {one for one in overrides if not one.startswith(_HOW)}
    scope = {one for one in which if one.startswith(_SCOPE)}
    return scope, which - scope
