"""The list of deliberate faults fits the source, and its runner tells a catch from what only looks like one."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
LIST = Path(__file__).parent / "mutants.yaml"

Item = dict[str, Any]
STATISTICS = "src/deltalora/report/statistics.py"
TEST = "tests/report/test_statistics.py::test_mean_deviation_and_interval_of_three_seeds_by_hand"


@pytest.fixture(scope="module")
def mutation() -> Iterator[ModuleType]:
    """The module scripts/mutation/faults.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        from mutation import faults

        yield faults


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes faults of the report's statistics as a list."""

    def write(**edits: tuple[str, str]) -> Path:
        items = [
            {"name": name, "fault": "f", "tempting": "t", "file": STATISTICS, "old": old, "new": new, "tests": [TEST]}
            for name, (old, new) in edits.items()
        ]
        path = tmp_path / "list.yaml"
        path.write_text(yaml.safe_dump({"report": items}))
        return path

    return write


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    command = [sys.executable, str(SCRIPTS / "mutants.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, timeout=240)


def test_every_fault_fits_the_present_source_and_names_tests_that_are_there(mutation: ModuleType) -> None:
    assert mutation.complaints(mutation.load_faults(LIST), ROOT) == []


def test_every_part_of_the_suite_has_faults(mutation: ModuleType) -> None:
    faults = mutation.load_faults(LIST)
    assert {fault.area for fault in faults} == set(mutation.AREAS)
    assert len(faults) >= 30


def test_the_written_result_is_of_this_list_and_every_fault_is_caught(mutation: ModuleType) -> None:
    page = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    faults = mutation.load_faults(LIST)
    rows = re.findall(r"^\| \*\*([a-z0-9-]+)\*\*: (.*?) \| (.*?) \| (`tests/\S+` test_.*|\*\*.*\*\*) \|", page, re.M)
    assert [(name, fault.replace("\\|", "|")) for name, fault, _, _ in rows] == [
        (fault.name, fault.fault) for fault in faults
    ], "run make mutants"
    assert [name for name, _, _, by in rows if not by.startswith("`tests/")] == []
    assert f"\n{len(faults)} of {len(faults)} caught.\n" in page


def item(**changes: object) -> Item:
    usual = {"name": "a-b", "fault": "f", "tempting": "t", "file": "src/a.py", "old": "1", "new": "2"}
    return {**usual, "tests": ["tests/test_a.py::test_one"], **changes}


def write_tree(root: Path, source: str = "x = 1\n") -> Path:
    for file, text in (("src/a.py", source), ("tests/test_a.py", "def test_one():\n    pass\n")):
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text(text)
    return root


@pytest.mark.parametrize(
    ("source", "change", "said"),
    [
        ("x = 1 + 1\n", {}, "expected '1' exactly once in src/a.py, found it 2 times"),
        ("x = 3\n", {}, "found it 0 times"),
        ("x = 1\n", {"new": "1"}, "found the same"),
        ("x = 1\n", {"new": "("}, "expected Python, src/a.py:1"),
        ("x = 1\n", {"file": "src/b.py"}, "expected the file src/b.py, found none"),
        ("x = 1\n", {"file": "docs/b.md"}, "expected a file under src"),
        ("x = 1\n", {"tests": ["tests/test_b.py"]}, "expected the test file tests/test_b.py, found none"),
        ("x = 1\n", {"tests": ["tests/test_a.py::test_two[a]"]}, "expected test_two[a] in tests/test_a.py, found none"),
        ("x = 1\n", {"also": [{"file": "src/a.py", "old": "1", "new": "3"}]}, "found it 0 times"),
    ],
)
def test_a_fault_that_does_not_fit_is_said_in_one_line(
    mutation: ModuleType, tmp_path: Path, source: str, change: Item, said: str
) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump({"data": [item(**change)]}))
    (complaint,) = mutation.complaints(mutation.load_faults(path), write_tree(tmp_path, source))
    assert complaint.startswith("a-b: ")
    assert said in complaint
    assert "\n" not in complaint


def test_all_edits_of_a_fault_are_made_and_nothing_else(mutation: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    also = [{"file": "src/a.py", "old": "y = 5", "new": "y = 6"}]
    path.write_text(yaml.safe_dump({"data": [item(also=also)]}))
    (fault,) = mutation.load_faults(path)
    assert mutation.edited(fault, write_tree(tmp_path, "x = 1\ny = 5\n")) == {"src/a.py": "x = 2\ny = 6\n"}


@pytest.mark.parametrize(
    ("areas", "said"),
    [
        ({"data": [item(), item()]}, "expected every name once, found a-b twice"),
        ({"kitchen": [item()]}, "expected the areas methods, training"),
        ({"data": [item(colour="red")]}, "a-b: colour: Extra inputs are not permitted"),
        (
            {"data": [{key: value for key, value in item().items() if key != "tempting"}]},
            "a-b: tempting: Field required",
        ),
        ({"data": [item(name="A b")]}, "A b: name: String should match pattern"),
        ({"data": [item(tests=[])]}, "a-b: tests: List should have at least 1 item"),
        ({"data": [item(old=1)]}, "a-b: old: Input should be a valid string"),
    ],
)
def test_a_list_that_is_none_is_refused(mutation: ModuleType, tmp_path: Path, areas: object, said: str) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump(areas))
    with pytest.raises(mutation.FaultListError, match=re.escape(said)):
        mutation.load_faults(path)


def test_a_package_from_elsewhere_than_the_copy_is_seen(mutation: ModuleType, tmp_path: Path) -> None:
    from mutation.witness import strangers

    assert strangers(ROOT) == []
    assert any(file.endswith("__init__.py") for file in strangers(tmp_path))


MEAN = "    mean = math.fsum(values) / n\n"


def verdicts(found: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Fault -> how its trial ended, as the command printed it."""
    return {name: verdict for verdict, name in re.findall(r"^(\w+(?: out)?) +[\d.]+ s  (\w+)  ", found.stdout, re.M)}


def test_a_real_fault_is_caught_and_one_that_changes_nothing_survives(listed: Callable[..., Path]) -> None:
    """One real run of the command: copies, processes, tests."""
    path = listed(
        real=("for value in values) / (n - 1))", "for value in values) / n)"),
        nothing=(MEAN, "    mean = (math.fsum(values)) / n  # the same\n"),
    )
    before = (ROOT / STATISTICS).read_bytes()
    found = run("--list", path)
    assert (found.returncode, found.stderr) == (1, "")
    assert verdicts(found) == {"real": "caught", "nothing": "survived"}, found.stdout
    assert "1 of 2 caught" in found.stdout
    assert (ROOT / STATISTICS).read_bytes() == before


@pytest.mark.smoke
def test_a_crash_an_import_error_and_a_trial_that_hangs_are_no_catches(listed: Callable[..., Path]) -> None:
    path = listed(
        crash=(MEAN, "    mean = math.fsum(values) / None\n"),
        broken=("import math\n", "import math\nimport a_module_that_is_nowhere\n"),
        hangs=("    n = len(values)\n", "    n = len(values)\n    while True:\n        pass\n"),
    )
    found = run("--list", path, "--timeout", 30)
    assert found.returncode == 1
    assert verdicts(found) == {"crash": "crashed", "broken": "broken", "hangs": "timed out"}, found.stdout


def test_an_unknown_name_and_a_partial_result_are_refused_before_anything_runs(tmp_path: Path) -> None:
    unknown, partial = run("no-such-fault"), run("deviation-with-n", "--write", tmp_path / "page.md")
    assert (unknown.returncode, partial.returncode) == (2, 2)
    assert "found no-such-fault" in unknown.stderr
    assert "expected all faults with --write" in partial.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"verdict": "caught", "failed": {"tests/test_a.py::test_one": "AssertionError: 1"}}, "AssertionError: 1"),
        ({"verdict": "broken", "cause": "pytest ended with 4"}, "pytest ended with 4"),
        ({}, "found it skipped"),
        ({"passed": ("tests/test_a.py::test_one_other",)}, "found it skipped"),
    ],
)
def test_a_baseline_that_is_not_green_stops_everything(
    mutation: ModuleType, tmp_path: Path, ended: Item, said: str
) -> None:
    import mutants
    from mutation.trial import Trial

    trial = Trial(**{"verdict": "survived", "by": "", "cause": "", **ended})
    workshop = type("Workshop", (), {"try_out": lambda self, *_, **__: trial})()
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump({"data": [item()]}))
    with pytest.raises(mutation.FaultListError, match=said):
        mutants.baseline(workshop, mutation.load_faults(path))
