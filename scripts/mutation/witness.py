"""What runs inside a copy of the tree: pytest on the copy's package, and an account of how every test ended."""

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

PACKAGE = "deltalora"


class Witness:
    """A pytest plugin that keeps how every test ended.

    Attributes:
        passed: Node ids.
        failed: Node id -> the exception's type and first line, of tests whose own body failed.
        asserted: Those of them that failed by an assertion: the test saw something wrong.
        other: Node id -> the exception, of other failures: a collection, a fixture, a teardown.
    """

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: dict[str, str] = {}
        self.asserted: list[str] = []
        self.other: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what passed."""
        if report.passed and report.when == "call":
            self.passed.append(report.nodeid)

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any], report: Any
    ) -> None:
        """Keep what failed, and whether by an assertion."""
        assert call.excinfo is not None
        error = call.excinfo.value
        text = f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
        if isinstance(node, pytest.Item) and report.when == "call":
            self.failed[node.nodeid] = text
            if _is_assertion(error):
                self.asserted.append(node.nodeid)
        else:
            self.other[node.nodeid] = text


def _is_assertion(error: BaseException) -> bool:
    # `pytest.raises` that saw nothing raised, and `pytest.fail`, are assertions too.
    if isinstance(error, BaseExceptionGroup):
        return any(_is_assertion(one) for one in error.exceptions)
    return isinstance(error, (AssertionError, pytest.fail.Exception))


def strangers(copy: Path) -> list[str]:
    """Return files of the package outside the copy: with one of them the trial would try other code."""
    found = [getattr(importlib.util.find_spec(PACKAGE), "origin", None)]
    found += [
        getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if name == PACKAGE or name.startswith(f"{PACKAGE}.")
    ]
    source = (copy / "src").resolve()
    return sorted({str(file) for file in found if file is None or not Path(file).resolve().is_relative_to(source)})


def run(copy: Path, tests: Sequence[str], at_first: bool) -> None:
    """Run tests in the copy and write the account to `witness.json` in it.

    Args:
        copy: Root of the copied tree; this process moves into it.
        tests: Node ids.
        at_first: Stop at the first failure.
    """
    os.setsid()  # so that all processes the tests start can be ended with them
    with (copy / "output.txt").open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.chdir(copy)
    sys.path.insert(0, str(copy / "src"))
    os.environ["PYTHONPATH"] = str(copy / "src")  # for the processes that tests start
    sys.argv = ["pytest", *tests]
    # The same examples in every trial, and no search for the smallest that fails: one is a catch.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("trial", phases=phases, derandomize=True, database=None)
    hypothesis.settings.load_profile("trial")
    witness, code = Witness(), -1
    if not (foreign := strangers(copy)):
        options = ["-q", "--tb=short", "-p", "no:cacheprovider", f"--basetemp={copy / 'temporary'}"]
        # The warm process has imported libraries that are plugins of pytest too.
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning", *(["-x"] if at_first else [])]
        code = int(pytest.main([*options, *tests], plugins=[witness]))
        foreign = strangers(copy)
    account = {**vars(witness), "code": code, "foreign": foreign}
    (copy / "witness.json").write_text(json.dumps(account), encoding="utf-8")
