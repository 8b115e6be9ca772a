"""A test run that leaves a table: what was held against which source, how far apart the two were, and what is allowed.

A parity test takes the fixture `fidelity` and compares through it. The comparison asserts as any other would; when the
test passes, its largest difference is kept. `pytest --fidelity=FILE` writes all of them, over every worker, as JSON;
`scripts/write_docs.py` makes docs/fidelity.md of it.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from deltalora.report.divergences import divergence

KINDS = ("golden", "property", "parity", "invariant", "smoke", "real_data")


class Fidelity:
    """What one test measures; rows travel in the test's report, which xdist carries from worker to controller."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def close(self, subject: str, oracle: str, what: str, ours: Any, theirs: Any, tolerance: float) -> None:
        """Asserts max |ours - theirs| <= tolerance and keeps the largest difference.

        Args:
            subject: What is tested: a method (`lora`, `delta_lora closed form`), a metric, a search.
            oracle: What it is held against, with version or commit: `loralib 0.1.2`.
            what: The quantity, in a few words: `forward`, `gradients`, `20 AdamW steps`.
            ours: Tensor, array, number, or a list of numbers.
            theirs: The same shape.
            tolerance: Largest absolute difference allowed; 0 for bit for bit.
        """
        left, right = (torch.as_tensor(one, dtype=torch.float64).detach() for one in (ours, theirs))
        assert left.shape == right.shape, f"{subject} against {oracle}, {what}: {left.shape} and {right.shape}"
        assert left.isfinite().all(), f"{subject} against {oracle}, {what}: not finite"
        difference = float((left - right).abs().max()) if left.numel() else 0.0
        assert difference <= tolerance, f"{subject} against {oracle}, {what}: differs by {difference}, not {tolerance}"
        self._keep({"table": "oracles", "subject": subject, "oracle": oracle, "what": what}, difference, tolerance)

    def published(
        self, metric: str, fixture: str, published: float, ours: float, half_unit: float, register: str | None = None
    ) -> None:
        """Asserts that our score rounds to a published one, or that the register explains why it does not.

        Args:
            metric: As in our tables.
            fixture: Set and system, e.g. `e2e_test/tgen`.
            published: As printed.
            ours: Not rounded, in the printed unit.
            half_unit: Half of the last printed digit's unit (0.00005 for four decimals).
            register: Tag of the divergence that explains a larger difference; None where there is none to explain.
        """
        ours, published = float(ours), float(published)  # numpy's own numbers do not travel between processes
        difference = abs(ours - published)
        if register is None:
            assert difference <= half_unit * (1 + 1e-9), f"{metric} on {fixture}: {published} printed, {ours} ours"
        else:
            assert divergence(register).tag == register
        row = {"table": "published", "metric": metric, "fixture": fixture, "published": published, "ours": ours}
        self._keep({**row, "register_tag": register}, difference, half_unit)

    def _keep(self, key: Mapping[str, Any], difference: float, tolerance: float) -> None:
        self._item.user_properties.append(
            ("fidelity", {**key, "difference": difference, "tolerance": float(tolerance)})
        )


class FidelityPlugin:
    """Gathers the rows of all passed tests, and counts the tests of every kind."""

    def __init__(self, target: Path | None) -> None:
        self.target = target
        self.rows: dict[str, dict[str, Any]] = {}
        self.kinds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed:
            return
        self.kinds.update(kind for kind in KINDS if kind in report.keywords)
        for name, row in report.user_properties:
            if name == "fidelity":
                self._add(row)  # type: ignore[arg-type]

    def _add(self, row: dict[str, Any]) -> None:
        measured = ("difference", "tolerance")
        key = json.dumps({name: value for name, value in row.items() if name not in measured}, sort_keys=True)
        known = self.rows.setdefault(key, dict(row))
        for name in measured:
            known[name] = max(known[name], row[name])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.kinds:
            counted = " · ".join(f"{self.kinds[kind]} {kind}" for kind in KINDS if self.kinds[kind])
            terminalreporter.write_line(f"passed by kind: {counted}")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        worker = hasattr(session.config, "workerinput")
        if self.target is None or worker:
            return
        rows = [self.rows[key] for key in sorted(self.rows)]
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
