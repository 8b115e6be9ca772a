"""Kill a running sweep at random moments and check that nothing is lost, computed twice, or different afterwards.

    python scripts/kill_trial.py --moments 10            # make reproduce-lambda, killed ten times, then finished
    python scripts/kill_trial.py --moments 3 -- EXTRA=+debug=two_steps

Every start is a real `make`; every kill a real SIGKILL, in turn on make alone (the command lives on as an orphan beside
the next one), on the command alone (its workers live on), and on all of them. Before and after each kill, the records
of finished runs are the same files. At the end a last command finishes the table, which must equal, byte for byte, that
of an undisturbed sweep. Exit code 0 if all of that holds.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("make", "command", "all")


def main() -> int:
    """Run the trial and print what happens."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="reproduce-lambda", help="target of the Makefile")
    parser.add_argument("--table", default="table8", help="the table it prints")
    parser.add_argument("--moments", type=int, default=10, help="number of kills")
    parser.add_argument("--longest", type=float, default=40.0, help="seconds within which a kill falls")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument("settings", nargs="*", help="settings of the Makefile, NAME=VALUE")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-trial-") as name:
        disturbed, quiet = Path(name) / "disturbed", Path(name) / "quiet"
        for number in range(options.moments):
            kind, after = KINDS[number % len(KINDS)], draw.uniform(1.0, options.longest)
            before = finished(disturbed)
            make = start(options, disturbed)
            ended = wait(make, after)
            if not ended:
                kill(make, kind)
            lost = before.items() - finished(disturbed).items()
            say(f"kill {number + 1}: {'ended before it' if ended else f'{kind} after {after:.1f} s'}; "
                f"{len(before)} runs were finished before, {len(finished(disturbed))} are now")  # fmt: skip
            if lost:
                return fail(f"computed again: {sorted(lost)}")
        before = finished(disturbed)
        last = start(options, disturbed)
        if (code := last.wait()) != 0:
            return fail(f"the last command ended with {code}:\n{(disturbed.parent / 'log').read_text()[-3000:]}")
        if before.items() - finished(disturbed).items():
            return fail("a finished run was computed again by the last command")
        if start(options, quiet).wait() != 0:
            return fail("the undisturbed sweep failed")
        tables = [table(options, store) for store in (disturbed, quiet)]
        if tables[0] != tables[1]:
            shutil.copytree(name, ROOT / "build" / "kill-trial", dirs_exist_ok=True)
            return fail("the tables differ; both stores are kept in build/kill-trial")
        say(
            f"{len(finished(disturbed))} runs finished; the table ({len(tables[0])} bytes) equals the undisturbed one's"
        )
    return 0


def start(options: argparse.Namespace, store: Path) -> "subprocess.Popen[bytes]":
    """Start `make TARGET` in a process group of its own."""
    store.mkdir(parents=True, exist_ok=True)
    command = ["make", options.target, f"RESULTS={store}", f"REPORT={store.parent / 'page'}", *options.settings]
    with (store.parent / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)


def wait(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Return whether the process ended within that time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill(make: "subprocess.Popen[bytes]", kind: str) -> None:
    """Send SIGKILL to make, to the command it started, or to every process below it."""
    below = psutil.Process(make.pid).children(recursive=True)
    command = [process for process in below if _is_command(process)]
    if kind == "all" or not command:
        for process in below:
            _kill(process.pid)
    elif kind == "command":
        _kill(command[0].pid)
    _kill(make.pid)
    make.wait()
    time.sleep(0.1)


def finished(store: Path) -> dict[str, tuple[int, int]]:
    """Return run id -> modification time and inode of the record, of every finished run."""
    found = {}
    for path in store.glob("*/record.json"):
        state = path.stat()
        if '"status": "finished"' in path.read_text(encoding="utf-8"):
            found[path.parent.name] = (state.st_mtime_ns, state.st_ino)
    return found


def table(options: argparse.Namespace, store: Path) -> bytes:
    """Return the table as `deltalora table` prints it, in all three formats."""
    # Of the Makefile's settings only EXTRA is passed on, as Hydra overrides.
    extra = [word for one in options.settings if one.startswith("EXTRA=") for word in one[len("EXTRA=") :].split()]
    command = [sys.executable, "-m", "deltalora", "table", options.table, *extra, f"runtime.results_dir={store}"]
    return b"".join(
        subprocess.run([*command, "--format", form], cwd=ROOT, check=True, capture_output=True).stdout
        for form in ("md", "latex", "json")
    )


def _is_command(process: psutil.Process) -> bool:
    try:
        words: Sequence[str] = process.cmdline()
    except psutil.Error:
        return False
    return "train" in words


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def fail(reason: str) -> int:
    """Say why the trial failed."""
    print(f"FAILED: {reason}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
