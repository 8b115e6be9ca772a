"""How trials are shown: a live table in a terminal, a line each elsewhere, and the page in the repository."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from mutation.faults import Fault
from mutation.trial import Trial

_COLOURS = {"caught": "green", "survived": "bold red", "crashed": "red", "broken": "red", "timed out": "red"}

_HEAD = """# Deliberate faults

Does the suite see a mistake? Each line is one that is easy to make, put into a copy of the tree; the tests named for it
then have to fail on it, by an assertion. Written by `make mutants`; the list with its exact edits is
[tests/mutants/mutants.yaml](../tests/mutants/mutants.yaml), the rules are in `scripts/mutants.py`.

{caught} of {total} caught.
"""


class Board:
    """Shows the trials as they end.

    Args:
        console: Where.
        faults: All that will be tried.
    """

    def __init__(self, console: Console, faults: Sequence[Fault]) -> None:
        self._console = console
        self._faults = faults
        self._ended: dict[str, Trial] = {}
        self._live = Live(console=console, transient=False, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> "Board":
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.__exit__(None, None, None)

    def add(self, fault: Fault, trial: Trial) -> None:
        """Shows one more."""
        self._ended[fault.name] = trial
        if self._live:
            self._live.update(self._table(), refresh=True)
        else:
            by = trial.by.rpartition("::")[2] or trial.cause
            self._console.print(
                f"{trial.verdict:9} {trial.seconds:5.1f} s  {fault.name}  {by}", soft_wrap=True, markup=False
            )

    def _table(self) -> Table:
        table = Table(title=f"{len(self._ended)} of {len(self._faults)} deliberate faults tried")
        for column in ("fault", "verdict", "caught by", "s"):
            table.add_column(column, justify="right" if column == "s" else "left", overflow="fold")
        for fault in self._faults:
            if trial := self._ended.get(fault.name):
                verdict = f"[{_COLOURS[trial.verdict]}]{trial.verdict}"
                by = escape(trial.by.rpartition("::")[2] or trial.cause)
                table.add_row(fault.name, verdict, by, f"{trial.seconds:.1f}")
        return table


def markdown(faults: Sequence[Fault], trials: Sequence[Trial]) -> str:
    """The page: one table an area."""
    caught = sum(trial.verdict == "caught" for trial in trials)
    lines = [_HEAD.format(caught=caught, total=len(faults))]
    area = ""
    for fault, trial in zip(faults, trials, strict=True):
        if fault.area != area:
            area = fault.area
            lines += [f"\n## {area.capitalize()}\n", "| Fault | Why tempting | Caught by | s |", "|---|---|---|--:|"]
        file, _, test = trial.by.partition("::")
        by = f"`{Path(file).as_posix()}` {test}" if trial.verdict == "caught" else f"**{trial.verdict}**"
        cells = [f"**{fault.name}**: {fault.fault}", fault.tempting, by, f"{trial.seconds:.1f}"]
        escaped = [cell.replace("|", "\\|") for cell in cells]
        lines.append(f"| {' | '.join(escaped)} |")
    return "\n".join(lines) + "\n"
