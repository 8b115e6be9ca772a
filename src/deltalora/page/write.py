"""Write the page: all of it or nothing."""

import gc
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from deltalora.errors import StoreError
from deltalora.page.index_page import Index, index_of, write_data, write_index
from deltalora.page.run_page import run_page
from deltalora.page.runs import Collected, collect, run_line
from deltalora.results import read_run
from deltalora.results.table_request import heading

#: Stands in every index page; a folder without it is not ours to replace.
MARK = '<meta name="generator" content="deltalora report">'


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        index: The page to open.
        runs: Number of run pages.
        tables: Number of tables and figures shown.
        faults: Why a table or figure could not be built, one line each.
    """

    index: Path
    runs: int
    tables: int
    faults: tuple[str, ...]


def write_page(stores: Sequence[Path], out: Path) -> Written:
    """Write the page of some stores into a folder, in place of the page that is there.

    Everything goes into a new folder beside it, which then takes its place: whatever fails, the old page stays.

    Args:
        stores: Folders of run records.
        out: The page's folder.

    Raises:
        StoreError: A store or record cannot be read, `out` holds something else than a page, or it cannot be written.
    """
    _check_ours(out)
    collecting_garbage = gc.isenabled()
    gc.disable()  # reading many records makes millions of objects, hardly any in a cycle
    try:
        collected = collect(stores)
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
        try:
            index, runs = _write_into(temporary, collected)
            temporary.chmod(0o755)
            _swap(temporary, out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error}") from error
    finally:
        if collecting_garbage:
            gc.enable()
    return Written(out / "index.html", runs, len(index.tables) + len(index.figures), index.faults)


def _write_into(folder: Path, collected: Collected) -> tuple[Index, int]:
    """Write everything; return what the index page shows, and how many runs there are."""
    (folder / "runs").mkdir()
    (folder / "data").mkdir()
    _copy_assets(folder / "assets")
    anchors = _anchors(collected)
    index = index_of(collected, anchors)
    write_data(folder / "data", index)
    tables: dict[str, list[tuple[str, str]]] = {}
    for request, anchor in zip(collected.requests, anchors, strict=True):
        title = f"{heading(request.name)}, {request.scale} scale, {request.source} data"
        for run_id in request.run_ids:
            tables.setdefault(run_id, []).append((anchor, title))
    lines = []
    for run_id, run_folder in collected.folders.items():
        if (record := read_run(run_folder)) is not None:  # a run under way has none
            page = run_page(record, run_folder, tables.get(run_id, ()))
            (folder / "runs" / f"{run_id}.html").write_bytes(page.encode())
            lines.append(run_line(record))
    lines.sort(key=lambda line: line.order)
    write_index(folder, index, collected, lines, MARK, datetime.now(UTC))
    return index, len(lines)


def _anchors(collected: Collected) -> list[str]:
    """Return a name for every table's section and files, numbered where name, scale and source are equal."""
    names: list[str] = []
    for request in collected.requests:
        name = f"{request.name}-{request.scale}-{request.source}"
        again = sum(one == name or one.startswith(f"{name}-") for one in names)
        names.append(f"{name}-{again + 1}" if again else name)
    return names


def _copy_assets(folder: Path) -> None:
    with as_file(files(__package__) / "assets") as own:
        shutil.copytree(own, folder, ignore=shutil.ignore_patterns("__pycache__"))
    # Found without importing it: only its script is wanted, and the package takes half a second.
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise StoreError(
            "plotly: expected the package, whose script draws the page, found none; install deltalora again"
        )
    shutil.copyfile(Path(spec.origin).parent / "package_data" / "plotly.min.js", folder / "plotly.min.js")


def _check_ours(out: Path) -> None:
    """Refuse to replace anything but a page."""
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        if MARK in (out / "index.html").read_text(encoding="utf-8")[:2000]:
            return
    except (OSError, UnicodeDecodeError):
        pass
    raise StoreError(f"{out}: expected an earlier page or no such folder, found something else; choose another --out")


def _swap(new: Path, out: Path) -> None:
    """Put `new` in the place of `out`; should the second move fail, the first is undone."""
    if not out.exists():
        new.rename(out)
        return
    old = new.with_suffix(".old")
    out.rename(old)
    try:
        new.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
