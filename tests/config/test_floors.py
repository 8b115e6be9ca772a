"""The house has floors: who may import whom, read off the source."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import deltalora

PACKAGE = Path(deltalora.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

#: A room may import from lower floors only.
FLOORS: dict[str, int] = {
    "": 0,  # the package itself: its versions
    "errors": 0,
    "metrics": 1,
    "config": 1,
    "results": 2,
    "methods": 2,
    "report": 3,
    "models": 3,
    "tasks": 3,
    "decoding": 4,
    "audit": 4,
    "page": 4,
    "training": 5,
    "export": 6,
    "sweep": 7,
    "commands": 8,
    "cli": 9,
    "__main__": 10,
}

#: Read, checked and shown without torch and transformers, whose import takes seconds.
LIGHT = ("audit", "config", "metrics", "page", "report", "results")


def module_name(path: Path) -> str:
    parts = ("deltalora", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def room(module: str) -> str:
    return (*module.split("."), "")[1]


def imports(path: Path, *, lazy: bool = True) -> set[str]:
    """Modules named by a file's imports; `from package import module` names the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in inside and not lazy:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
    return found


def own(found: set[str]) -> set[str]:
    return {name for name in found if name.split(".")[0] == "deltalora"}


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in MODULES} <= FLOORS.keys()


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_upward_or_sideways(module: str) -> None:
    here = room(module)
    for other in {room(name) for name in own(imports(MODULES[module]))} - {here}:
        assert FLOORS[other] < FLOORS[here], f"{module} imports {other}"


def test_the_report_reads_records_alone_and_only_its_tests_over_examples_resample_by_the_metrics() -> None:
    report = [module for module in MODULES if room(module) == "report"]
    named = {module: {room(name) for name in own(imports(MODULES[module]))} for module in report}
    assert set().union(*named.values()) <= {"report", "results", "config", "errors", "metrics"}
    assert [module for module in report if "metrics" in named[module]] == ["deltalora.report.example_tests"]


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {module: own(imports(path, lazy=False)) - {module} for module, path in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) in LIGHT])
def test_no_module_of_a_light_room_names_torch_or_transformers(module: str) -> None:
    assert {name.split(".")[0] for name in imports(MODULES[module])}.isdisjoint({"torch", "transformers"})


@pytest.mark.parametrize("light", LIGHT)
def test_importing_a_light_room_loads_neither_torch_nor_transformers_nor_hydra(light: str) -> None:
    code = (
        f"import sys, deltalora.{light};"
        "sys.exit(' '.join({'torch', 'transformers', 'hydra', 'omegaconf'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_hydra_is_imported_by_configuration_and_sweeps_alone() -> None:
    users = {
        room(module)
        for module, path in MODULES.items()
        if any(n.split(".")[0] in ("hydra", "omegaconf") for n in imports(path))
    }
    assert users == {"config", "sweep"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_is_one_concept_of_readable_size(path: Path) -> None:
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
