"""Checks on recipes: settings said to be another's, lengths, rates, and the steps of a run."""

import math
from decimal import Decimal
from itertools import combinations
from typing import Literal

from pydantic import Field

from deltalora.report.audit_facts import AuditModel, Reference, read
from deltalora.report.audit_outcome import Outcome, judge, rounded
from deltalora.report.paper import hyperparameter_table


class SameSettings(AuditModel):
    """Are the paper's settings those of the recipe it says it follows?"""

    kind: Literal["same_settings"]
    settings: dict[str, tuple[Reference, Reference]] = Field(description="What -> the paper's, the other's.")

    def outcome(self) -> Outcome:
        """One line a setting that differs, one for those that agree."""
        lines, parts, values, same = [], [], dict[str, Decimal | int | str | None](), []
        for name, (reference, other_reference) in self.settings.items():
            mine, other = read(reference), read(other_reference)
            unread = mine.value is None or other.value is None
            parts.append(None if unread else mine.value == other.value)
            values |= {f"{name}.paper": mine.value, f"{name}.other": other.value}
            if mine.value == other.value:
                same.append(f"{name} ({mine.text})")
            else:
                lines.append(f"{name}: paper {mine.text}, the recipe {other.text}")
        lines.append(f"the same, {len(same)} of {len(parts)}: {', '.join(same) or 'none'}")
        return Outcome(judge(parts), tuple(lines), values)


class OneValue(AuditModel):
    """Has a key of a table of settings the stated value in every column?"""

    kind: Literal["one_value"]
    table: str
    key: str
    stated: Reference

    def outcome(self) -> Outcome:
        """The columns that have another value, by name."""
        stated = read(self.stated)
        columns = hyperparameter_table(self.table).columns
        found = {column: read(f"{self.table}/{column}/{self.key}").number for column in columns}
        others = [f"{column} {value}" for column, value in found.items() if value not in (None, stated.needed)]
        agree = sum(value == stated.needed for value in found.values())
        line = f"stated {stated.text}; {agree} of {len(found)} columns have it; others: {', '.join(others) or 'none'}"
        parts = [None if value is None else value == stated.needed for value in found.values()]
        return Outcome(judge(parts), (line,), dict(found))


class Times(AuditModel):
    """Is one number the stated multiple, 1 + lambda, of another?"""

    kind: Literal["times"]
    of: Reference
    base: Reference
    update_ratio: Reference

    def outcome(self) -> Outcome:
        """Their quotient beside 1 + lambda."""
        high, low, ratio = read(self.of), read(self.base), read(self.update_ratio)
        quotient = high.needed / low.needed
        line = f"{high.text} / {low.text} = {quotient}; 1 + lambda = {1 + ratio.needed}"
        return Outcome(judge([quotient == 1 + ratio.needed]), (line,), {"quotient": quotient})


class Run(AuditModel):
    """What the length of a run follows from."""

    examples: Reference
    batch_size: Reference
    epochs: Reference
    start_step: Reference
    warmup_steps: Reference | None = None
    warmup_ratio: Reference | None = None
    upstream_steps: Reference | None = None

    def steps(self) -> int:
        """Optimizer steps: epochs · ceil(examples / batch)."""
        batches = math.ceil(read(self.examples).needed / read(self.batch_size).needed)
        return int(read(self.epochs).needed) * batches

    def warmup(self) -> int:
        """The stated steps, or the stated part of all steps, rounded up."""
        if self.warmup_steps is not None:
            return int(read(self.warmup_steps).needed)
        assert self.warmup_ratio is not None, "a run has warm-up steps or a ratio"
        return math.ceil(read(self.warmup_ratio).needed * self.steps())


class RunLengths(AuditModel):
    """Do start step and warm-up lie within every run, and is it as long as upstream's own where that is known?"""

    kind: Literal["run_lengths"]
    runs: dict[str, Run]

    def outcome(self) -> Outcome:
        """One line a run."""
        lines, parts, values, missing = [], [], dict[str, Decimal | int | str | None](), []
        for name, run in self.runs.items():
            steps, warmup, start = run.steps(), run.warmup(), read(run.start_step)
            epochs, batch = read(run.epochs), read(run.batch_size)
            text = (
                f"{name}: {epochs.text} x ceil({read(run.examples).text} / {batch.text}) = {steps:,} steps, "
                f"warm-up {warmup:,}, K {start.text}"
            )
            parts += [warmup <= steps, None if start.number is None else start.number < steps]
            if start.number is None:
                missing.append(start.name)
            if run.upstream_steps is not None:
                upstream = read(run.upstream_steps)
                parts.append(upstream.needed == steps)
                text += f"; upstream's run {upstream.text}"
            lines.append(text)
            values |= {f"{name}.steps": steps, f"{name}.warmup": warmup, f"{name}.start": start.number}
        return Outcome(judge(parts), tuple(lines), values, tuple(missing))


class StartByWarmup(AuditModel):
    """Do start steps follow the warm-up by any rule: one ratio, or at least the same order?"""

    kind: Literal["start_by_warmup"]
    runs: dict[str, Run]
    slack: Decimal = Field(description="Largest over smallest ratio that still passes for one ratio.")

    def outcome(self) -> Outcome:
        """K over warm-up for every run, and the pairs of runs in the wrong order."""
        found = {name: (int(read(run.start_step).needed), run.warmup()) for name, run in self.runs.items()}
        ratios = {name: Decimal(start) / warmup for name, (start, warmup) in found.items()}
        ordered = sorted(found, key=lambda name: ratios[name])
        lines = [
            f"{name}: K {found[name][0]:,} / warm-up {found[name][1]:,} = {rounded(ratios[name], 2)}"
            for name in ordered
        ]
        pairs = list(combinations(found.values(), 2))
        crossed = [(first, second) for first, second in pairs if (first[0] - second[0]) * (first[1] - second[1]) < 0]
        low, high = rounded(min(ratios.values()), 2), rounded(max(ratios.values()), 2)
        one_ratio = max(ratios.values()) <= self.slack * min(ratios.values())
        lines.append(
            f"ratios from {low} to {high}; a longer warm-up has the smaller K in {len(crossed)} of {len(pairs)} pairs"
        )
        return Outcome(
            judge([one_ratio or not crossed]),
            tuple(lines),
            {name: rounded(ratio, 4) for name, ratio in ratios.items()} | {"crossed_pairs": len(crossed)},
        )
