"""One fault against its tests, in a copy of the tree and a process of its own."""

import compileall
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any, Literal

from mutation import witness
from mutation.faults import COPIED, Fault, FaultListError, apply

#: caught: a test looked and saw something wrong. survived: all passed. crashed: tests failed, but only because the
#: faulty code raised something; nobody would have shipped that, so it proves nothing. broken: pytest never came to run
#: the tests (a collection or import error, a fixture, no test at all).
Verdict = Literal["caught", "survived", "crashed", "broken", "timed out"]

#: What costs seconds to import and is not under test; processes are forked from one that has it. A library that is
#: absent is passed over.
_WARM = ("torch", "scipy.stats", "pydantic", "hypothesis.strategies", "mutation.witness")
#: The same for the tests that stand on models or on other scorers.
_WARMER = (
    "transformers", "transformers.models.gpt2.modeling_gpt2", "transformers.models.bart.modeling_bart",
    "transformers.models.roberta.modeling_roberta", "transformers.models.llama.modeling_llama", "accelerate",
    "sacrebleu", "hydra", "rouge_score.rouge_scorer",
)  # fmt: skip

#: As tests/conftest.py has them; they are read when libraries are imported, which is before it here.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class WrongPackageError(RuntimeError):
    """A trial imported the package from somewhere else than its copy; no verdict of such a run means anything."""


@dataclass(frozen=True)
class Trial:
    """How one trial ended.

    Attributes:
        verdict: See `Verdict`.
        by: The test that caught the fault, or that crashed; empty else.
        cause: What it saw, in one line.
        seconds: Copying included.
        output: All that pytest printed.
        passed: Node ids of the tests that passed.
        skipped: Node ids of those that were skipped.
        failed: Node id -> what it saw, of all that failed.
    """

    verdict: Verdict
    by: str
    cause: str
    seconds: float
    output: str
    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: dict[str, str]


class Workshop:
    """Tries faults on copies of one tree, as it was when the workshop was opened; close it by leaving its `with`.

    Args:
        root: The tree.
        timeout_s: Of one trial, seconds.
        tests: What will be run, to know which libraries are worth having ready.

    Attributes:
        snapshot: The tree as it was then: whoever edits it meanwhile edits no trial.
    """

    def __init__(self, root: Path, timeout_s: float, tests: Sequence[str]) -> None:
        self._timeout_s = timeout_s
        self._folder = tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True)
        self.snapshot = Path(self._folder.name).resolve()
        ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, self.snapshot / name, ignore=ignored)
            else:
                shutil.copy2(root / name, self.snapshot / name)
        # Byte code that knows its source by its hash: that of an edited file is never taken for the edit's.
        compileall.compile_dir(self.snapshot / "src", quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        os.environ.update(_ENVIRONMENT)
        self._context = multiprocessing.get_context("forkserver")
        light = all(test.startswith(("tests/report/", "tests/results/")) for test in tests)
        self._context.set_forkserver_preload([*_WARM, *(() if light else _WARMER)])

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def try_out(
        self, fault: Fault | None, tests: Sequence[str], at_first: bool = True, timeout_s: float | None = None
    ) -> Trial:
        """Runs tests on a copy with a fault in it; None is the tree as it is.

        Args:
            fault: What to put in.
            tests: Node ids.
            at_first: Stop at the first failure.
            timeout_s: Another time limit than the workshop's.

        Raises:
            WrongPackageError: The package did not come from the copy.
            FaultListError: The fault does not fit the tree.
        """
        started = time.monotonic()
        limit = timeout_s or self._timeout_s
        with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
            copy = Path(folder).resolve()
            shutil.copytree(self.snapshot, copy, dirs_exist_ok=True)
            if fault is not None:
                apply(fault, copy)
            in_time = self._run(copy, tests, at_first, limit)
            account = _account(copy)
            output = (copy / "output.txt").read_text(encoding="utf-8", errors="replace")
        if account.get("foreign"):
            raise WrongPackageError(
                f"expected {witness.PACKAGE} from the copy, found {', '.join(account['foreign'])}; "
                "run with the interpreter of the project's own environment"
            )
        verdict, by, cause = _judge(account) if in_time else ("timed out", "", f"more than {limit:g} s")
        return Trial(
            verdict=verdict,
            by=by,
            cause=cause,
            seconds=time.monotonic() - started,
            output=output,
            passed=tuple(account.get("passed", ())),
            skipped=tuple(account.get("skipped", ())),
            failed=account.get("failed", {}) | account.get("other", {}),
        )

    def _run(self, copy: Path, tests: Sequence[str], at_first: bool, limit: float) -> bool:
        """Tells whether the tests ended in time; whatever they started has ended too."""
        (copy / "output.txt").touch()
        process = self._context.Process(target=witness.run, args=(copy, list(tests), at_first))
        process.start()
        try:
            process.join(limit)
            return process.exitcode is not None
        finally:
            assert process.pid is not None
            if process.exitcode is None:
                process.kill()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.join()


def _account(copy: Path) -> dict[str, Any]:
    path = copy / "witness.json"
    account: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return account


def _judge(account: dict[str, Any]) -> tuple[Verdict, str, str]:
    if not account:
        return "broken", "", "the process ended without an account of its tests"
    if account["other"]:
        return "broken", *next(iter(account["other"].items()))
    if account["code"] == 0:
        return "survived", "", f"{len(account['passed'])} passed"
    if account["code"] != 1 or not account["failed"]:
        return "broken", "", f"pytest ended with {account['code']}"
    if account["asserted"]:
        by = account["asserted"][0]
        return "caught", by, account["failed"][by]
    return "crashed", *next(iter(account["failed"].items()))


__all__ = ["FaultListError", "Trial", "Verdict", "Workshop", "WrongPackageError"]
