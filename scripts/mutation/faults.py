"""The list of deliberate faults, read strictly, and the edit that makes each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

#: The parts of the suite, in the order of the result.
AREAS = ("methods", "training", "data", "metrics", "decoding", "results", "report")

#: Folders and files of the tree that a trial copies: what may be edited, and what the tests need.
COPIED = ("src", "conf", "tests", "pyproject.toml")

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class FaultListError(ValueError):
    """A list that cannot be run as it stands; one line says where and what to do."""


@dataclass(frozen=True)
class Edit:
    """One replacement of text.

    Attributes:
        file: Path from the root of the tree.
        old: Text that stands in the file exactly once.
        new: What takes its place.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """One deliberate fault.

    Attributes:
        name: Its name on the command line.
        area: One of `AREAS`.
        fault: What is wrong, in one sentence.
        tempting: Why one would write it: which published code does, or which reading leads there.
        edits: The replacements that make it; nearly always one.
        tests: The narrowest tests that must catch it, as pytest's node ids.
    """

    name: str
    area: str
    fault: str
    tempting: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def load_faults(path: Path) -> tuple[Fault, ...]:
    """The faults of a YAML list, in file order: a mapping from area to a list of faults.

    Raises:
        FaultListError: The file is no such list, a key is missing or unknown, or two faults have one name.
    """
    try:
        areas = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise FaultListError(f"{path}: expected a YAML list of faults, found: {error}; mend the file") from error
    if not isinstance(areas, dict) or not areas or not set(areas) <= set(AREAS):
        raise FaultListError(f"{path}: expected a mapping from {', '.join(AREAS)} to faults; mend its first level")
    faults = tuple(_fault(path, area, item) for area in AREAS for item in areas.get(area) or ())
    names = [fault.name for fault in faults]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FaultListError(f"{path}: expected every name once, found {twice[0]} twice; rename one")
    return faults


def _fault(path: Path, area: str, item: Any) -> Fault:
    where = f"{path}, {area}, {item.get('name') if isinstance(item, dict) else item!r}"
    known = {"name", "fault", "tempting", "file", "old", "new", "also", "tests"}
    if not isinstance(item, dict) or not set(item) <= known or not known - {"also"} <= set(item):
        raise FaultListError(f"{where}: expected the keys {', '.join(sorted(known))} (also may be left out)")
    if not _NAME.fullmatch(str(item["name"])):
        raise FaultListError(f"{where}: expected a name of lower-case words joined by hyphens; rename it")
    if not isinstance(item["tests"], list) or not item["tests"]:
        raise FaultListError(f"{where}: expected a list of tests, found {item['tests']!r}; name at least one")
    edits = tuple(_edit(where, edit) for edit in (item, *item.get("also", ())))
    fault, tempting = (" ".join(str(item[key]).split()) for key in ("fault", "tempting"))
    return Fault(item["name"], area, fault, tempting, edits, tuple(map(str, item["tests"])))


def _edit(where: str, item: Mapping[str, Any]) -> Edit:
    values = [item.get(key) for key in ("file", "old", "new")]
    if not all(isinstance(value, str) for value in values):
        raise FaultListError(f"{where}: expected texts under file, old and new, found {values}; quote them")
    return Edit(*map(str, values))


def edited(fault: Fault, root: Path) -> dict[str, str]:
    """File -> its text with the fault in it.

    Raises:
        FaultListError: A file is not there, an old text does not stand in it exactly once, nothing would change, or
            the result is no Python.
    """
    texts: dict[str, str] = {}
    for edit in fault.edits:
        if edit.file.split("/")[0] not in COPIED:
            raise FaultListError(f"{fault.name}: expected a file under {', '.join(COPIED)}, found {edit.file}")
        if edit.file not in texts:
            if not (root / edit.file).is_file():
                raise FaultListError(f"{fault.name}: expected the file {edit.file}, found none; follow its move")
            texts[edit.file] = (root / edit.file).read_text(encoding="utf-8")
        if (found := texts[edit.file].count(edit.old)) != 1:
            raise FaultListError(
                f"{fault.name}: expected {edit.old!r} exactly once in {edit.file}, found it {found} times; "
                "write the fault anew for the present text"
            )
        if edit.old == edit.new:
            raise FaultListError(f"{fault.name}: expected a new text for {edit.old!r}, found the same; change it")
        texts[edit.file] = texts[edit.file].replace(edit.old, edit.new)
    for file, text in texts.items():
        if file.endswith(".py"):
            try:
                compile(text, file, "exec")
            except SyntaxError as error:
                raise FaultListError(f"{fault.name}: expected Python, {file}:{error.lineno}: {error.msg}") from error
    return texts


def apply(fault: Fault, root: Path) -> None:
    """Puts the fault into the tree at `root`.

    Raises:
        FaultListError: See `edited`.
    """
    for file, text in edited(fault, root).items():
        (root / file).write_text(text, encoding="utf-8")


def complaints(faults: Sequence[Fault], root: Path) -> list[str]:
    """What is wrong with a list for the tree at `root`: an edit that does not fit, a test that is not there."""
    found = []
    for fault in faults:
        try:
            edited(fault, root)
        except FaultListError as error:
            found.append(str(error))
        for test in fault.tests:
            file, *functions = test.split("::")
            path = root / file
            if file.split("/")[0] != "tests" or not path.is_file():
                found.append(f"{fault.name}: expected the test file {file}, found none; follow its move")
            elif functions and f"def {functions[-1].partition('[')[0]}(" not in path.read_text(encoding="utf-8"):
                found.append(f"{fault.name}: expected {functions[-1]} in {file}, found none; follow its new name")
    return found
