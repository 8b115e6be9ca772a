"""Put deliberate faults into copies of the tree, one at a time, and check that a test fails on each.

    python scripts/mutants.py [NAME ...] [--jobs 2] [--write docs/mutants.md]

The faults, and the narrowest tests that must catch each, are data: tests/mutants/mutants.yaml. In order:

1. the tree is copied once; every old text stands in its file exactly once, the edited file is still Python, every
   named test is there;
2. the union of the named tests runs on an unedited copy: all must pass, and no named test may only be skipped;
3. each fault is put into a copy of its own, where its tests run on the copy's package (checked inside the process).

A fault counts as caught only if pytest ends with 1 and a test failed by an assertion. An import or collection error, a
failing fixture, no test at all, code that crashes, and a trial that takes too long are reported as such, not as caught.

Exit codes: 0 all caught; 1 a fault was not; 2 the list does not fit the tree, or the tests fail without a fault.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from mutation.faults import Fault, FaultListError, complaints, load_faults
from mutation.trial import Trial, Workshop, WrongPackageError

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutants" / "mutants.yaml"
#: All named tests together may take this long, seconds.
_BASELINE_S = 900.0

_HEAD = """# Deliberate faults

Does the suite see a mistake? Each line is an easy mistake, put into a copy of the tree; the tests named for it must
then fail, by an assertion. Written by `make mutants`; the list with its exact edits is
[tests/mutants/mutants.yaml](../tests/mutants/mutants.yaml), the rules are in `scripts/mutants.py`.

{caught} of {total} caught.
"""


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to try; none: all of them")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once (2)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result as Markdown; needs all faults")
    parser.add_argument("--list", type=Path, default=LIST, metavar="FILE", help="another list of faults")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="seconds per trial (120)")
    return parser.parse_args(words)


def chosen(given: argparse.Namespace) -> list[Fault]:
    """Return the faults of the given names, in list order; all of them without names.

    Raises:
        FaultListError: The list is malformed, there is no fault of a name, or a part of the list is to be written.
    """
    faults = load_faults(given.list)
    if unknown := sorted(set(given.names) - {fault.name for fault in faults}):
        raise FaultListError(f"expected names of the list, found {', '.join(unknown)}; see {LIST.relative_to(ROOT)}")
    if given.write and given.names:
        raise FaultListError("expected all faults with --write, found some named; leave the names or --write out")
    return [fault for fault in faults if not given.names or fault.name in given.names]


def baseline(workshop: Workshop, faults: Sequence[Fault]) -> Trial:
    """Run all named tests on the tree as it is.

    Raises:
        FaultListError: A test fails, or a named test did not pass once (it was skipped).
    """
    tests = sorted({test for fault in faults for test in fault.tests})
    trial = workshop.try_out(None, tests, _BASELINE_S)
    if trial.verdict != "survived":
        found = "\n".join(f"{test}: {cause}" for test, cause in (trial.failed or {}).items()) or trial.cause
        raise FaultListError(f"expected tests that pass without a fault, found failures; fix them first\n{found}")
    for test in tests:
        if not any(passed == test or passed.startswith((f"{test}[", f"{test}::")) for passed in trial.passed):
            raise FaultListError(f"expected {test} to pass without a fault, found it skipped; name one that runs")
    return trial


def try_all(workshop: Workshop, faults: Sequence[Fault], jobs: int, timeout_s: float) -> list[Trial]:
    """Try every fault, print each verdict, and return the trials in the order of the faults."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = {pool.submit(workshop.try_out, fault, fault.tests, timeout_s): fault for fault in faults}
        trials = {}
        for future in as_completed(running):
            name, trial = running[future].name, future.result()
            trials[name] = trial
            by = trial.by.rpartition("::")[2] or trial.cause
            print(f"{trial.verdict:9} {trial.seconds:5.1f} s  {name}  {by}", flush=True)
    return [trials[fault.name] for fault in faults]


def markdown(faults: Sequence[Fault], trials: Sequence[Trial]) -> str:
    """Return the page: one table per area."""
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


def main(words: Sequence[str] | None = None) -> int:
    """Run the command."""
    given = arguments(words)
    try:
        faults = chosen(given)
        with Workshop(ROOT, [test for fault in faults for test in fault.tests]) as workshop:
            if wrong := complaints(faults, workshop.snapshot):
                raise FaultListError("\n".join(wrong))
            passing = baseline(workshop, faults)
            print(f"without a fault: {len(passing.passed)} tests pass in {passing.seconds:.1f} s", flush=True)
            trials = try_all(workshop, faults, given.jobs, given.timeout)
    except (FaultListError, WrongPackageError) as error:
        print(error, file=sys.stderr)
        return 2
    missed = [(fault, trial) for fault, trial in zip(faults, trials, strict=True) if trial.verdict != "caught"]
    for fault, trial in missed:
        named = "\n  ".join(fault.tests)
        print(f"\n{fault.name} {trial.verdict}: {fault.fault}\n  {named}\n  {trial.cause}")
    print(f"{len(faults) - len(missed)} of {len(faults)} caught")
    if given.write:
        given.write.parent.mkdir(parents=True, exist_ok=True)
        given.write.write_text(markdown(faults, trials), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
