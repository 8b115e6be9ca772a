"""Put deliberate faults into copies of the tree, one at a time, and see that a test fails on each.

    python scripts/mutants.py [NAME ...] [--jobs 2] [--write docs/mutants.md]

The faults, and the narrowest tests that must catch each, are data: tests/mutants/mutants.yaml. In order:

1. the tree is copied once; every old text stands in its file exactly once, the edited file is still Python, every
   named test is there;
2. the union of the named tests runs on an unedited copy: it must be green, and no named test may only be skipped;
3. each fault is put into a copy of its own, where its tests run on the copy's package (checked inside the process).

A fault counts as caught only if pytest ends with 1 and a test failed by an assertion. An import or collection error, a
fixture that fails, no test at all, code that crashes, and a trial that takes too long are each reported as what they
are, and not as a catch.

Exit codes: 0 all caught; 1 a fault was not; 2 the list does not fit the tree, or the tests are not green without it.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console

from mutation import Board, Fault, FaultListError, Trial, Workshop, WrongPackageError, complaints, load_faults, markdown

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutants" / "mutants.yaml"
#: All named tests together may take this long, seconds.
_BASELINE_S = 900.0


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to try; none: all of them")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once (2)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result as Markdown; needs all faults")
    parser.add_argument("--list", type=Path, default=LIST, metavar="FILE", help="another list of faults")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="of one trial, seconds (120)")
    parser.add_argument("--all-failures", action="store_true", help="do not stop a trial at its first failed test")
    return parser.parse_args(words)


def chosen(faults: Sequence[Fault], names: Sequence[str]) -> list[Fault]:
    """The faults of these names, in list order; all of them without names.

    Raises:
        FaultListError: There is no fault of a name.
    """
    if unknown := sorted(set(names) - {fault.name for fault in faults}):
        raise FaultListError(f"expected names of the list, found {', '.join(unknown)}; see {LIST.relative_to(ROOT)}")
    return [fault for fault in faults if not names or fault.name in names]


def baseline(workshop: Workshop, faults: Sequence[Fault]) -> Trial:
    """Runs all named tests on the tree as it is.

    Raises:
        FaultListError: They are not all green, or a named test did not pass once (it was skipped).
    """
    tests = sorted({test for fault in faults for test in fault.tests})
    trial = workshop.try_out(None, tests, at_first=False, timeout_s=_BASELINE_S)
    if trial.verdict != "survived":
        found = "\n".join(f"{test}: {cause}" for test, cause in trial.failed.items()) or trial.cause
        raise FaultListError(
            f"expected green tests without a fault, found these that are not; mend them first\n{found}"
        )
    for test in tests:
        if not any(passed == test or passed.startswith((f"{test}[", f"{test}::")) for passed in trial.passed):
            raise FaultListError(f"expected {test} to pass without a fault, found it skipped; name one that runs")
    return trial


def try_all(workshop: Workshop, faults: Sequence[Fault], jobs: int, board: Board, at_first: bool) -> list[Trial]:
    """Tries every fault and returns the trials in the order of the faults."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = {pool.submit(workshop.try_out, fault, fault.tests, at_first): fault for fault in faults}
        trials = {}
        for future in as_completed(running):
            fault = running[future]
            trials[fault.name] = future.result()
            board.add(fault, trials[fault.name])
    return [trials[fault.name] for fault in faults]


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command."""
    given = arguments(words)
    console = Console()
    try:
        known = load_faults(given.list)
        faults = chosen(known, given.names)
        if given.write and len(faults) < len(known):
            raise FaultListError("expected all faults with --write, found some named; leave the names or --write out")
        with Workshop(ROOT, given.timeout, [test for fault in faults for test in fault.tests]) as workshop:
            if wrong := complaints(faults, workshop.snapshot):
                raise FaultListError("\n".join(wrong))
            green = baseline(workshop, faults)
            console.print(f"without a fault: {len(green.passed)} tests green in {green.seconds:.1f} s", highlight=False)
            with Board(console, faults) as board:
                trials = try_all(workshop, faults, given.jobs, board, at_first=not given.all_failures)
    except (FaultListError, WrongPackageError) as error:
        print(error, file=sys.stderr)
        return 2
    missed = [(fault, trial) for fault, trial in zip(faults, trials, strict=True) if trial.verdict != "caught"]
    for fault, trial in missed:
        named = "\n  ".join(fault.tests)
        console.print(f"\n{fault.name} {trial.verdict}: {fault.fault}\n  {named}\n  {trial.cause}", markup=False)
    if given.all_failures:
        for fault, trial in zip(faults, trials, strict=True):
            for test, cause in trial.failed.items():
                console.print(f"{fault.name}\t{test}\t{cause[:120]}", markup=False, soft_wrap=True)
    console.print(f"{len(faults) - len(missed)} of {len(faults)} caught", highlight=False)
    if given.write:
        given.write.parent.mkdir(parents=True, exist_ok=True)
        given.write.write_text(markdown(faults, trials), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
