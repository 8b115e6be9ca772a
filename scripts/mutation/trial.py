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
from mutation.faults import COPIED, Fault, edited

#: caught: a test failed by an assertion. survived: all passed. crashed: tests failed, but only because the faulty code
#: raised something; nobody would have shipped that, so it proves nothing. broken: pytest did not run the tests (a
#: collection or import error, a fixture, no test at all).
Verdict = Literal["caught", "survived", "crashed", "broken", "timed out"]

#: Slow imports that are not under test; processes are forked from one that has them. A missing library is skipped.
_WARM = ("torch", "scipy.stats", "pydantic", "hypothesis.strategies", "mutation.witness")
#: The same for tests with models or other scorers: all but those of the report and the results.
_WARMER = (
    "transformers", "transformers.models.gpt2.modeling_gpt2", "transformers.models.bart.modeling_bart",
    "transformers.models.roberta.modeling_roberta", "transformers.models.llama.modeling_llama", "accelerate",
    "sacrebleu", "hydra", "rouge_score.rouge_scorer",
)  # fmt: skip

#: As in tests/conftest.py; libraries read them when they are imported, which is before it here.
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
    """A trial imported the package from elsewhere than its copy; no verdict of such a run means anything."""


@dataclass(frozen=True)
class Trial:
    """The outcome of one trial.

    Attributes:
        verdict: See `Verdict`.
        by: The test that caught the fault, or that crashed; else empty.
        cause: What it saw, in one line.
        seconds: Copying included.
        passed: Node ids of the tests that passed.
        failed: Node id -> what it saw, of all that failed.
    """

    verdict: Verdict
    by: str
    cause: str
    seconds: float = 0.0
    passed: tuple[str, ...] = ()
    failed: dict[str, str] | None = None


class Workshop:
    """Copies of one tree as it is now, to try faults on; close it by leaving its `with`.

    Args:
        root: The tree.
        tests: The tests that will run, to know which libraries to import in advance.

    Attributes:
        snapshot: The tree as it was on opening: later edits reach no trial.
    """

    def __init__(self, root: Path, tests: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True)
        self.snapshot = Path(self._folder.name).resolve()
        ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, self.snapshot / name, ignore=ignored)
            else:
                shutil.copy2(root / name, self.snapshot / name)
        # Byte code checked by the hash of its source: that of an edited file is never taken for the edit's.
        compileall.compile_dir(self.snapshot / "src", quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        os.environ.update(_ENVIRONMENT)
        self._context = multiprocessing.get_context("forkserver")
        light = all(test.startswith(("tests/report/", "tests/results/")) for test in tests)
        self._context.set_forkserver_preload([*_WARM, *(() if light else _WARMER)])

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def try_out(self, fault: Fault | None, tests: Sequence[str], timeout_s: float) -> Trial:
        """Run tests on a copy with a fault in it, up to the first failure; without a fault, all of them.

        Raises:
            WrongPackageError: The package did not come from the copy.
            FaultListError: The fault does not fit the tree.
        """
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
            copy = Path(folder).resolve()
            shutil.copytree(self.snapshot, copy, dirs_exist_ok=True)
            for file, text in edited(fault, copy).items() if fault else ():
                (copy / file).write_text(text, encoding="utf-8")
            in_time = self._run(copy, tests, fault is not None, timeout_s)
            path = copy / "witness.json"
            account = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if account.get("foreign"):
            raise WrongPackageError(
                f"expected {witness.PACKAGE} from the copy, found {', '.join(account['foreign'])}; "
                "run with the interpreter of the project's own environment"
            )
        verdict, by, cause = _verdict(account) if in_time else ("timed out", "", f"more than {timeout_s:g} s")
        passed, failed = tuple(account.get("passed", ())), account.get("failed", {}) | account.get("other", {})
        return Trial(verdict, by, cause, time.monotonic() - started, passed, failed)

    def _run(self, copy: Path, tests: Sequence[str], at_first: bool, limit: float) -> bool:
        """Return whether the tests ended in time; all processes they started are ended too."""
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


def _verdict(account: dict[str, Any]) -> tuple[Verdict, str, str]:
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
