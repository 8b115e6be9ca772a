"""Live progress in the terminal: a table that redraws itself, or plain lines where there is no terminal."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deltalora.sweep.board import ENDED, Board, Note, State

#: Seconds between two plain lines; a log file wants fewer than a terminal.
_PLAIN_EVERY_S = 20.0
_LIVE_EVERY_S = 0.5


class Display:
    """Shows a board while a `with` block runs.

    Args:
        board: What to show.
        total: Number of runs of the command, if it is known.
        console: Where to; on a terminal the display is live, else it prints a line now and then.
    """

    def __init__(self, board: Board, total: int | None, console: Console) -> None:
        self._board = board
        self._total = total
        self._console = console
        self._started = time.monotonic()
        self._reported: set[int] = set()
        self._stop = threading.Event()
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._report_ended(self._board.notes(), ENDED | {"interrupted"})
        if self._live:
            self._live.stop()

    def _watch(self) -> None:
        while not self._stop.wait(_LIVE_EVERY_S if self._live else _PLAIN_EVERY_S):
            notes = self._board.notes()
            self._report_ended(notes)
            if self._live:
                self._live.update(self._table(notes))
            elif running := [note for note in notes if note.state == "running"]:
                lines = "; ".join(f"{note.row} seed {note.seed}: {_where(note)}" for note in running)
                self._say(f"{self._head(notes)} | {lines}")

    def _report_ended(self, notes: Sequence[Note], states: frozenset[State] = ENDED) -> None:
        """One lasting line for every run that has ended since the last look; interrupted ones may yet go on."""
        for note in notes:
            # A refused run is the command's own last line.
            if note.state in states - {"refused"} and note.job not in self._reported:
                self._reported.add(note.job)
                self._say(f"{note.state:>8}  {note.row} seed {note.seed}  {note.message}")

    def _say(self, line: str) -> None:
        """One plain line: messages hold brackets, which rich would take for its markup."""
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _table(self, notes: Sequence[Note]) -> Table:
        table = Table(title=self._head(notes), title_justify="left")
        for heading in ("run", "phase", "step", "loss", "tokens/s", "left"):
            table.add_column(heading, justify="left" if heading in ("run", "phase") else "right")
        for note in notes:
            if note.state == "running":
                table.add_row(f"{note.row} seed {note.seed}", *_cells(note))
        return table

    def _head(self, notes: Sequence[Note]) -> str:
        running = [note for note in notes if note.state == "running"]
        ended = sum(note.state in ENDED for note in notes)
        failed = sum(note.state in ("failed", "refused") for note in notes)
        elsewhere = sum(note.state == "elsewhere" for note in notes)
        head = f"{ended}/{self._total or '?'} done, {len(running)} running, {failed} failed"
        head += f", {elsewhere} in another command" if elsewhere else ""
        left = self._seconds_left(notes, running)
        return f"{head}, about {clock(left)} left" if left is not None else head

    def _seconds_left(self, notes: Sequence[Note], running: Sequence[Note]) -> float | None:
        """From the runs that were really computed: skipped ones take no time and promise nothing."""
        computed = sum(note.state in ("finished", "failed") for note in notes)
        if not computed or self._total is None:
            return None
        skipped = sum(note.state in ("skipped", "refused", "stopped") for note in notes)
        pace = (time.monotonic() - self._started) / (computed + 0.5 * len(running))
        return pace * max(0.0, self._total - skipped - computed - 0.5 * len(running))


def _where(note: Note) -> str:
    phase, step, loss, _, left = _cells(note)
    parts = [phase, step, f"loss {loss}" if loss else "", f"{left} left" if left else ""]
    return " ".join(part for part in parts if part)


def _cells(note: Note) -> tuple[str, str, str, str, str]:
    progress = note.progress
    if progress is None:
        return ("preparing", "", "", "", "")
    return (
        progress.phase,
        f"{progress.step}/{progress.total_steps}",
        f"{progress.loss:.3f}" if progress.loss is not None else "",
        f"{progress.tokens_per_s:,.0f}" if progress.tokens_per_s is not None else "",
        clock(progress.eta_s) if progress.eta_s is not None else "",
    )


def clock(seconds: float) -> str:
    """1:05 or 2:01:05."""
    whole = round(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02d}"
    )
