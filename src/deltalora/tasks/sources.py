"""Where a task's rows come from: files in the package, files in a folder, or the hub.

From the hub only the parquet files at a stated revision are read, never a loading script.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import snapshot_download

from deltalora.config.task import HubConfig, TaskConfig
from deltalora.errors import DataError, one_line
from deltalora.tasks.examples import rows_sha256
from deltalora.tasks.reading import FileRows

#: The embedded data sets, one folder per task, in the formats of the official files. Made by
#: scripts/write_embedded_data.py; scripts/embedded_world/README.md describes them.
EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "embedded"

#: A row as the hub's parquet file has it.
HubRow = Mapping[str, Any]

Part = TypeVar("Part", bound=str)
Row = TypeVar("Row")


def load_rows(
    config: TaskConfig,
    parts: Sequence[Part],
    *,
    embedded: str,
    from_files: Callable[[Path, Part], FileRows[Row]],
    from_hub: Callable[[HubRow, Part], Row | None],
    hub_folder: str | None = None,
    instead: str,
    hashed: Callable[[Row], Iterable[tuple[str, str]]],
) -> tuple[dict[Part, tuple[Row, ...]], dict[str, str]]:
    """Read the splits `parts`, named as the hub names them, from the configured source.

    `from_files` reads one split in a folder: the package's own, `embedded`, or `task.data_dir`. `from_hub` turns the
    hub's row of a split into ours, or into None to leave it out, and raises ValueError; `hub_folder` is where the hub
    has the parquet files of one of several configurations (GLUE's tasks). `instead` says what to give offline.

    Returns:
        Split -> rows, and file -> SHA-256 of its bytes; from the package or the hub, split -> SHA-256 over the (input,
        text) pairs that `hashed` makes of its rows.

    Raises:
        DataError: The source cannot be read.
    """
    if config.source == "hub":
        try:
            found = _hub_splits(config.hub, parts, hub_folder)
            rows = {part: tuple(_hub_rows(found[part], part, from_hub)) for part in parts}
        except Exception as error:  # the hub client raises a dozen unrelated types; each means that there is no data
            reason = one_line(error)[:160] or type(error).__name__
            raise DataError(
                f"{config.hub.path}@{config.hub.revision}: expected the data from the hub, found: {reason}; without a "
                f"network give {instead}: task.source=local task.data_dir=DIR"
            ) from error
    else:
        folder = EMBEDDED / embedded if config.data_dir is None else Path(config.data_dir)
        read = {part: from_files(folder, part) for part in parts}
        rows = {part: one.rows for part, one in read.items()}
        if config.source == "local":
            return rows, {name: sha256 for one in read.values() for name, sha256 in one.files.items()}
    return rows, {part: rows_sha256(pair for row in rows[part] for pair in hashed(row)) for part in parts}


def _hub_rows(found: Iterable[HubRow], part: Part, convert: Callable[[HubRow, Part], Row | None]) -> Iterator[Row]:
    for number, row in enumerate(found):
        try:
            if (converted := convert(row, part)) is not None:
                yield converted
        except ValueError as error:
            raise ValueError(f"{part} row {number}: {error}") from error


def _hub_splits(hub: HubConfig, parts: Sequence[str], subfolder: str | None) -> Mapping[str, Iterable[HubRow]]:
    from datasets import load_dataset  # a second to import, and only this source needs it

    folder = Path(hub.path)
    if not folder.is_dir():  # given the name, `load_dataset` would try an unreachable hub for half a minute
        wanted = [f"{subfolder}/*.parquet" if subfolder else "*.parquet", "README.md"]
        folder = Path(snapshot_download(hub.path, repo_type="dataset", revision=hub.revision, allow_patterns=wanted))
    if subfolder is None:
        splits: Mapping[str, Iterable[HubRow]] = load_dataset(str(folder))
    else:  # file by file: given the folder alone, it takes MNLI's two validation splits for one
        splits = load_dataset("parquet", data_files={part: _hub_files(folder / subfolder, part) for part in parts})
    return splits


def _hub_files(folder: Path, part: str) -> list[str]:
    """Return a split's files, named as a repository's own (`train-00000-of-00001.parquet`) or the hub's conversion."""
    names = ("validation", "dev") if part == "validation" else (part,)
    found = [str(path) for name in names for form in ("-*", "/*") for path in folder.glob(f"{name}{form}.parquet")]
    if not found:
        raise FileNotFoundError(f"no parquet file of {part} in {folder.name}")
    return sorted(found)
