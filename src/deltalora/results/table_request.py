"""Which runs a table was asked to consist of, kept as data beside the records.

A sweep writes it before its first run, to `<store>/tables/<name>-<scale>-<source>-<digest>.json`. With it tables are
built from the store alone, without composing configurations, reading data or hashing weights again: ten thousand
records take seconds. What `deltalora table` prints is asked for anew each time, on the data that is there then.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import Field

from deltalora.errors import StoreError
from deltalora.results.atomic import write_atomic
from deltalora.results.schema import StoredModel, UtcDatetime, parse

#: Folder of a store; no run id, so that no run can lie in it.
TABLES_FOLDER = "tables"


@dataclass(frozen=True)
class Part:
    """The runs asked for that fill the columns of one part (experiment) of a row.

    Attributes:
        config_id: Configuration of the runs, equal over their seeds.
        run_ids: Seed asked for -> id of the run it must be: of that configuration on the present data, weights and
            results version.
    """

    config_id: str
    run_ids: Mapping[int, str]


@dataclass(frozen=True)
class TableRow:
    """A row asked for.

    Attributes:
        label: Name to print.
        row: Name in conf/method, or the value of the key the table varies, by which the paper's row is found.
        control: A control of ours, which the paper does not have.
        parts: Name in conf/experiment -> the runs of that experiment.
        remark: What sets our line apart from the paper's, printed beside it; empty if nothing does.
    """

    label: str
    row: str
    control: bool
    parts: Mapping[str, Part]
    remark: str = ""


class AskedPart(StoredModel):
    """The runs of one experiment of a row."""

    config_id: str = Field(description="Equal over the seeds.")
    run_ids: dict[int, str] = Field(description="Seed -> run id.")


class AskedRow(StoredModel):
    """A row; see `TableRow`."""

    row: str = Field(description="Name in conf/method, or the value of the key the table varies.")
    label: str = Field(description="Name to print.")
    control: bool = Field(description="A control of ours.")
    remark: str = Field(default="", description="What sets our line apart from the paper's.")
    parts: dict[str, AskedPart] = Field(description="Experiment -> its runs.")


class TableRequest(StoredModel):
    """A table or figure as one command asked for it."""

    name: str = Field(description="File in conf/table, e.g. 'table1'.")
    scale: str = Field(description="'embedded', 'small' or 'paper'.")
    source: str = Field(description="Data source of its runs.")
    overrides: tuple[str, ...] = Field(description="The command's own, without folders: `deltalora table` takes them.")
    rows: tuple[AskedRow, ...]
    asked_at: UtcDatetime = Field(description="UTC; when the sweep was last started.")

    @classmethod
    def of(cls, name: str, scale: str, source: str, overrides: Sequence[str], rows: Sequence[TableRow]) -> Self:
        """What is asked for now."""
        return cls(
            name=name,
            scale=scale,
            source=source,
            overrides=tuple(overrides),
            rows=tuple(
                AskedRow(
                    row=row.row,
                    label=row.label,
                    control=row.control,
                    remark=row.remark,
                    parts={
                        part: AskedPart(config_id=of.config_id, run_ids=dict(of.run_ids))
                        for part, of in row.parts.items()
                    },
                )
                for row in rows
            ),
            asked_at=datetime.now(UTC),
        )

    @property
    def table_rows(self) -> list[TableRow]:
        """The rows as `build_table` and `build_figure` take them."""
        return [
            TableRow(
                row.label,
                row.row,
                row.control,
                {part: Part(of.config_id, of.run_ids) for part, of in row.parts.items()},
                row.remark,
            )
            for row in self.rows
        ]

    @property
    def run_ids(self) -> frozenset[str]:
        """Every run asked for."""
        return frozenset(run for row in self.rows for part in row.parts.values() for run in part.run_ids.values())

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed asked for, ascending."""
        return tuple(sorted({seed for row in self.rows for part in row.parts.values() for seed in part.run_ids}))

    @property
    def file_name(self) -> str:
        """Equal questions have one file."""
        ids = "\n".join(sorted(self.run_ids))
        digest = hashlib.sha256(ids.encode()).hexdigest()[:12]
        return f"{self.name}-{self.scale}-{self.source}-{digest}.json"


def write_request(store: Path, table: TableRequest) -> Path:
    """Keeps the question beside the records; an equal one is replaced.

    Raises:
        StoreError: The folder cannot be written.
    """
    path = store / TABLES_FOLDER / table.file_name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, (table.model_dump_json(indent=2) + "\n").encode())
    except OSError as error:
        raise StoreError(f"{path}: expected to write which runs were asked for, found: {error}; mend it") from error
    return path


def read_requests(store: Path) -> list[TableRequest]:
    """Every question of a store, in the order of name and scale, those last asked first.

    One whose runs are all in another of the same name, scale and source is left out: it was asked again with more.

    Raises:
        StoreError: A file is malformed.
    """
    found = [
        parse(TableRequest, path.read_text(encoding="utf-8"), str(path), "delete it and start the sweep again")
        for path in sorted((store / TABLES_FOLDER).glob("*.json"))
    ]
    found.sort(key=lambda table: table.asked_at, reverse=True)
    found.sort(key=lambda table: (table.name, table.scale, table.source))
    return [table for table in found if not any(_contains(other, table) for other in found)]


def _contains(other: TableRequest, table: TableRequest) -> bool:
    same = (other.name, other.scale, other.source) == (table.name, table.scale, table.source)
    return same and table.run_ids < other.run_ids
