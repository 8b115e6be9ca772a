"""The list of deliberate faults, read strictly, and the edit that makes each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

#: The parts of the suite, in the order of the result.
AREAS = ("methods", "training", "data", "metrics", "decoding", "results", "report")

#: Folders and files of the tree that a trial copies: what may be edited, and what the tests need.
COPIED = ("src", "conf", "tests", "pyproject.toml")

OneLine = Annotated[str, AfterValidator(lambda text: " ".join(text.split()))]


class FaultListError(ValueError):
    """A list that cannot be run as it is; one line says where and what to do."""


class Edit(BaseModel):
    """One replacement of text: `old` stands in the file (a path from the root of the tree) exactly once."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    file: str
    old: str
    new: str


class Fault(Edit):
    """One deliberate fault: its name, what is wrong, why one would write it, and the narrowest tests that catch it."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    area: str
    fault: OneLine
    tempting: OneLine
    also: list[Edit] = []
    tests: list[str] = Field(min_length=1)


def load_faults(path: Path) -> list[Fault]:
    """Read the faults of a YAML list, in file order: a mapping from area to a list of faults.

    Raises:
        FaultListError: The file is no such list, a key is missing or unknown, or two faults have one name.
    """
    try:
        areas = yaml.safe_load(path.read_text(encoding="utf-8"))
        listed = [{"area": area, **item} for area in AREAS for item in areas.get(area) or ()]
        faults = TypeAdapter(list[Fault]).validate_python(listed)
    except ValidationError as error:
        first = error.errors()[0]
        where, *keys = first["loc"]
        name = listed[int(where)].get("name")
        raise FaultListError(f"{path}, {name}: {'.'.join(map(str, keys))}: {first['msg']}; fix the entry") from error
    except (OSError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise FaultListError(f"{path}: expected a YAML list of faults, found: {error}; fix the file") from error
    if unknown := sorted(set(areas) - set(AREAS)):
        raise FaultListError(f"{path}: expected the areas {', '.join(AREAS)}, found {unknown[0]}; rename it")
    names = [fault.name for fault in faults]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FaultListError(f"{path}: expected every name once, found {twice[0]} twice; rename one")
    return faults


def edited(fault: Fault, root: Path) -> dict[str, str]:
    """Return file -> its text with the fault in it.

    Raises:
        FaultListError: A file is missing, an old text does not occur exactly once, nothing would change, or the result
            is no Python.
    """
    texts: dict[str, str] = {}
    for edit in (fault, *fault.also):
        if edit.file.split("/")[0] not in COPIED:
            raise FaultListError(f"{fault.name}: expected a file under {', '.join(COPIED)}, found {edit.file}")
        if edit.file not in texts:
            if not (root / edit.file).is_file():
                raise FaultListError(f"{fault.name}: expected the file {edit.file}, found none; follow its move")
            texts[edit.file] = (root / edit.file).read_text(encoding="utf-8")
        if (found := texts[edit.file].count(edit.old)) != 1:
            raise FaultListError(
                f"{fault.name}: expected {edit.old!r} exactly once in {edit.file}, found it {found} times; "
                "rewrite the fault for the present text"
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


def complaints(faults: Sequence[Fault], root: Path) -> list[str]:
    """Return what is wrong with a list for the tree at `root`: an edit that does not fit, a test that is not there."""
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
