"""Writing the page: whole or not at all, on all cores where there are many runs."""

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from deltalora.errors import StoreError
from deltalora.page.run_list import RunLine
from deltalora.page.run_view import RunPage, write_run_pages
from deltalora.page.stores import Collected, collect, no_garbage_collection
from deltalora.page.templating import heading

if TYPE_CHECKING:
    from deltalora.page.index_view import Index

#: Stands in every index page; a folder without it is not ours to replace.
MARK = '<meta name="generator" content="deltalora report">'

#: From here on run pages are written by several processes, which take about a second to start.
_MANY_RUNS = 600
#: Run pages a process writes at a time: a tenth of a second, for which the others may have to wait at the end.
_CHUNK = 50


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
    with no_garbage_collection():
        collected = collect(stores)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
        except OSError as error:
            raise _unwritable(out, error) from error
        try:
            index, runs = _write_into(temporary, collected)
            temporary.chmod(0o755)
            _swap(temporary, out)
        except OSError as error:
            raise _unwritable(out, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Written(out / "index.html", runs, len(index.tables) + len(index.figures), index.faults)


def _write_into(folder: Path, collected: Collected) -> "tuple[Index, int]":
    """Writes everything; returns what the index is of, and how many runs there are."""
    (folder / "runs").mkdir()
    (folder / "data").mkdir()
    _copy_assets(folder / "assets")
    stands_in: dict[str, list[tuple[str, str]]] = {}
    for table, anchor in zip(collected.asked, anchors(collected), strict=True):
        title = f"{heading(table.name)}, {table.scale} scale, {table.source} data"
        for run_id in table.run_ids:
            stands_in.setdefault(run_id, []).append((anchor, title))
    pages = [
        RunPage(run_folder.resolve(), tuple(stands_in.get(run_id, ())))
        for run_id, run_folder in collected.folders.items()
    ]
    with _writing(folder / "runs", pages) as written:
        # Tables need the metrics and scipy: read while the processes that write run pages are started already.
        from deltalora.page.index_view import index_of, write_data, write_index

        index = index_of(collected, anchors(collected))
        write_data(folder / "data", index)
        lines = sorted(written(), key=lambda line: line.order)
    write_index(folder, index, lines, MARK, datetime.now(UTC))
    return index, len(lines)


def anchors(collected: Collected) -> list[str]:
    """A name for every table's section and files; a number tells those of the same name, scale and source apart."""
    names: list[str] = []
    for table in collected.asked:
        name = f"{table.name}-{table.scale}-{table.source}"
        again = sum(one == name or one.startswith(f"{name}-") for one in names)
        names.append(f"{name}-{again + 1}" if again else name)
    return names


@contextmanager
def _writing(folder: Path, pages: Sequence[RunPage]) -> Iterator[Callable[[], list[RunLine]]]:
    """Writes the run pages, beside what the block does where they are many; the block gets what waits for them."""
    if len(pages) < _MANY_RUNS:
        yield lambda: write_run_pages(folder, pages)
        return
    # Started anew and not forked: numerical libraries have threads, which a fork does not take along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=min(8, os.cpu_count() or 1), mp_context=context) as pool:
        waiting: list[Future[list[RunLine]]] = [
            pool.submit(write_run_pages, folder, pages[start : start + _CHUNK])
            for start in range(0, len(pages), _CHUNK)
        ]
        try:
            yield lambda: [line for one in waiting for line in one.result()]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


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
    """Refuses to replace anything but a page."""
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        if MARK in (out / "index.html").read_text(encoding="utf-8")[:2000]:
            return
    except (OSError, UnicodeDecodeError):
        pass
    raise StoreError(f"{out}: expected an earlier page or no such folder, found something else; choose another --out")


def _swap(new: Path, out: Path) -> None:
    """Puts `new` in the place of `out`; should the second move fail, the first is undone."""
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


def _unwritable(out: Path, error: OSError) -> StoreError:
    return StoreError(f"{out}: expected to write the page, found: {error}; free or mend it")
