"""How the runs of one command stand: a folder of small files, so that worker processes can be watched from outside."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from deltalora.results import Progress
from deltalora.results.atomic import replaced

#: Names the folder to the worker processes of a sweep, which inherit the environment.
BOARD_VARIABLE = "DELTALORA_BOARD"

#: Seconds between two notes of one run; a tiny model takes twenty steps per second.
_EVERY_S = 0.5

#: `elsewhere`: another command is at work on it; `stopped`: not started, since a run before it failed; `interrupted`:
#: by a signal, and may start again in this command, since Slurm queues a run again whose time is up.
State = Literal["running", "elsewhere", "finished", "skipped", "failed", "refused", "stopped", "interrupted"]

#: After these nothing more comes of a run in this command.
ENDED: frozenset[State] = frozenset({"finished", "skipped", "failed", "refused", "stopped"})


class Note(BaseModel):
    """One run's line on the board."""

    model_config = ConfigDict(frozen=True)

    job: int
    row: str
    seed: int
    state: State
    progress: Progress | None = None
    message: str = ""


@dataclass(frozen=True)
class Board:
    """The folder."""

    folder: Path

    def put(self, note: Note) -> None:
        """Replace the run's note; without the folder, nobody watches any more.

        A worker outlives its command when that is killed, and the next command clears the board away: the run goes on.
        """
        with suppress(FileNotFoundError), replaced(self.folder / f"{note.job:05d}.json") as new:
            new.write_text(note.model_dump_json(), encoding="utf-8")

    def note(self, job: int) -> Note | None:
        """Return the run's note, if it has one."""
        try:
            return Note.model_validate_json((self.folder / f"{job:05d}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def notes(self) -> list[Note]:
        """All notes, in job order."""
        return [
            Note.model_validate_json(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("*.json"))
        ]


def throttled(put: Callable[[Progress], None], every_s: float = _EVERY_S) -> Callable[[Progress], None]:
    """Pass a run's progress on, at most once in `every_s` seconds but at each change of phase."""
    last: tuple[str, float] = ("", 0.0)

    def passed_on(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if progress.phase != last[0] or now - last[1] >= every_s:
            last = (progress.phase, now)
            put(progress)

    return passed_on
