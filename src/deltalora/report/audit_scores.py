"""Checks on printed scores: differences, means, orders and shares."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from typing import Literal

from pydantic import Field, TypeAdapter

from deltalora.errors import StoreError
from deltalora.report.audit_facts import AuditModel, Operand, Reference, facts, load, read
from deltalora.report.audit_outcome import Outcome, Verdict, cut, decimals, judge, printing, rounded
from deltalora.report.paper import paper_table


class Difference(AuditModel):
    """Is left - right the difference that the text states?"""

    kind: Literal["difference"]
    left: Reference
    right: Reference
    stated: Reference

    def outcome(self) -> Outcome:
        """Compares at the printed digits, in decimals: 70.84 - 69.60 is 1.24."""
        left, right, stated = read(self.left), read(self.right), read(self.stated)
        missing = tuple(one.name for one in (left, right) if one.number is None)
        if left.number is None or right.number is None:
            line = f"{left.text} - {right.text}; stated {stated.text}"
            return Outcome(Verdict.UNKNOWN, (line,), {"stated": stated.needed}, missing)
        found = left.number - right.number
        line = f"{left.text} - {right.text} = {found}; stated {stated.text}"
        return Outcome(judge([found == stated.needed]), (line,), {"computed": found, "stated": stated.needed})


class Means(AuditModel):
    """Are the printed means the means of a row's numbers, rounded?"""

    kind: Literal["means"]
    table: str
    column: str
    facts: str = Field(description="Group of facts with each row's mean to three decimals.")
    terms: int = Field(ge=1, description="Numbers a mean is of.")

    def outcome(self) -> Outcome:
        """One line a row; the exact mean is recovered from its three decimals."""
        lines, parts, values = [], [], dict[str, Decimal | int | str | None]()
        for row, kept in facts()[self.facts].values.items():
            printed = read(f"{self.table}/{row}/{self.column}")
            mean = exact_mean(Operand(row, kept, "").needed, self.terms, decimals(printed.needed))
            how = printing(mean, printed.needed)
            right = rounded(mean, decimals(printed.needed))
            parts.append(how == "rounded")
            verdict = "as rounded" if how == "rounded" else f"{how or 'one up'}: {right} as rounded"
            lines.append(f"{printed.name}: {_plain(mean)} printed as {printed.text}, {verdict}")
            values |= {f"{row}.mean": _plain(mean), f"{row}.printed": printed.needed, f"{row}.rounded": right}
        return Outcome(judge(parts), tuple(lines), values)


def exact_mean(kept: Decimal, terms: int, digits: int) -> Fraction:
    """The mean of `terms` numbers of `digits` decimals that is `kept` when rounded to the digits `kept` has.

    Such a mean is a multiple of 10^-digits / terms, which for eight numbers of two decimals is 0.00125: no two of them
    share their first three decimals.

    Raises:
        StoreError: No such mean rounds to `kept`: it was not kept rightly.
    """
    unit = Fraction(1, terms * 10**digits)
    mean = round(Fraction(kept) / unit) * unit
    even, up = (_plain(mean).quantize(kept, rounding=how) for how in (ROUND_HALF_EVEN, ROUND_HALF_UP))
    if kept not in (even, up):
        raise StoreError(f"audit: {kept} is no mean of {terms} numbers of {digits} decimals; mend audit/facts.yaml")
    return mean


class Relation(AuditModel):
    """How the subject's number on a task stands to other rows'."""

    task: str
    rows: tuple[str, ...] = Field(min_length=1)
    relation: Literal["above", "at_least", "ties", "below"] | None = None
    margin: Decimal | None = None


class _Relations(AuditModel):
    source: str
    relations: tuple[Relation, ...]


class AboveOnEveryTask(AuditModel):
    """Is the subject above all (or the named) rows on every task?"""

    kind: Literal["above_on_every_task"]
    table: str
    subject: str
    tasks: tuple[str, ...]
    rows: tuple[str, ...] | None = Field(default=None, description="Rows it is compared with; None: all others.")

    def outcome(self) -> Outcome:
        """A tie or a loss on one task refutes it; what is only known to be no loss is unknown."""
        lines, parts, values = [], [], dict[str, Decimal | int | str | None]()
        for task in self.tasks:
            found = list(self._relations(task))
            worst = min((relation for relation, _ in found), key=_ORDER.index, default=None)
            parts.append({"above": True, "ties": False, "below": False}.get(worst or ""))
            lines.append(f"{task}: " + "; ".join(text for _, text in found))
            values[task] = worst
        counts = [f"{sum(one == kind for one in values.values())} {word}" for kind, word in _WORDS.items()]
        return Outcome(judge(parts), (*lines, "tasks by their worst comparison: " + ", ".join(counts)), values)

    def _relations(self, task: str) -> Iterator[tuple[str, str]]:
        for one in _relations().relations:
            rows = [row for row in one.rows if self.rows is None or row in self.rows]
            if one.task == task and rows:
                relation, note = self._computed(task, rows, one)
                listed = " and ".join(_label(self.table, row) for row in rows)
                yield relation, f"{_WORDS[relation]} {listed}{note}"

    def _computed(self, task: str, rows: Sequence[str], one: Relation) -> tuple[str, str]:
        mine = read(f"{self.table}/{self.subject}/{task}")
        theirs = [read(f"{self.table}/{row}/{task}") for row in rows]
        if mine.number is None or any(other.number is None for other in theirs):
            if one.relation is None:
                raise StoreError(f"audit: {task} of {', '.join(rows)}: expected a relation, found none; add it")
            return one.relation, f" (by {one.margin})" if one.margin is not None else ""
        if one.relation is not None:
            raise StoreError(f"audit: {task} of {', '.join(rows)} follows from the cells; drop the stated relation")
        differences = [mine.number - other.needed for other in theirs]
        least = min(differences)
        note = f" ({mine.text} to {theirs[differences.index(least)].text})"
        return ("above" if least > 0 else "ties" if least == 0 else "below"), note


_ORDER = ("below", "ties", "at_least", "above")
_WORDS = {"below": "below", "ties": "level with", "at_least": "not below", "above": "above"}


class BetterEverywhere(AuditModel):
    """Is the left number above the right one in every pair?"""

    kind: Literal["better_everywhere"]
    pairs: tuple[tuple[Reference, Reference], ...] = Field(min_length=1)

    def outcome(self) -> Outcome:
        """One line a pair."""
        lines, parts, missing, values = [], list[bool | None](), [], dict[str, Decimal | int | str | None]()
        for left, right in ((read(one), read(other)) for one, other in self.pairs):
            missing += [one.name for one in (left, right) if one.number is None]
            if left.number is None or right.number is None:
                parts.append(None)
                values[left.name] = None
                lines.append(f"{left.name}: {left.text} to {right.text}")
                continue
            parts.append(left.number > right.number)
            values[left.name] = left.number - right.number
            word = "above" if left.number > right.number else "level" if left.number == right.number else "below"
            lines.append(f"{left.name}: {left.text} to {right.text}, {word} ({left.number - right.number:+})")
        return Outcome(judge(parts), tuple(lines), values, tuple(missing))


class Shares(AuditModel):
    """Is every printed accuracy k/n of a development set, rounded or cut?"""

    kind: Literal["shares"]
    printed: dict[str, tuple[Reference, ...]] = Field(description="Task -> the accuracies that could be read.")
    sizes: str = Field(description="Group of facts with each set's size.")

    def outcome(self) -> Outcome:
        """One line an accuracy, with the k that gives it."""
        lines, parts, values = [], [], dict[str, Decimal | int | str | None]()
        for task, references in self.printed.items():
            n = int(read(f"facts/{self.sizes}/{task}").needed)
            for accuracy in map(read, references):
                digits = decimals(accuracy.needed)
                k = next((k for k in range(n + 1) if cut(Fraction(100 * k, n), digits) == accuracy.needed), None)
                rounded_k = next(
                    (k for k in range(n + 1) if rounded(Fraction(100 * k, n), digits) == accuracy.needed), None
                )
                found = k if rounded_k is None else rounded_k
                values[accuracy.name] = found
                parts.append(found is not None)
                if found is None:
                    near = int(accuracy.needed * n / 100)
                    beside = " and ".join(f"{k}/{n} = {float(Fraction(100 * k, n)):.3f}" for k in (near, near + 1))
                    lines.append(f"{accuracy.name}: {accuracy.text} is no k/{n}; {beside} lie beside it")
                else:
                    how = "rounded" if found == rounded_k else "cut"
                    exact = float(Fraction(100 * found, n))
                    lines.append(f"{accuracy.name}: {accuracy.text} = {found}/{n} = {exact:.3f}, {how}")
        return Outcome(judge(parts), tuple(lines), values)


class NothingGained(AuditModel):
    """Does a range of numbers stay at or below a baseline?"""

    kind: Literal["nothing_gained"]
    lowest: Reference
    highest: Reference
    baseline: Reference

    def outcome(self) -> Outcome:
        """Even the lowest above the baseline refutes it for the whole range."""
        low, high, base = read(self.lowest), read(self.highest), read(self.baseline)
        line = f"{low.text} to {high.text}; {base.name} is {base.text}: {low.needed - base.needed:+} to " + (
            f"{high.needed - base.needed:+}"
        )
        values = {"lowest_gain": low.needed - base.needed, "highest_gain": high.needed - base.needed}
        return Outcome(judge([high.needed <= base.needed]), (line,), values)


class BestOfSweep(AuditModel):
    """Is the chosen value of a sweep its best?"""

    kind: Literal["best_of_sweep"]
    table: str
    chosen: str
    columns: tuple[str, ...]

    def outcome(self) -> Outcome:
        """A better value in any column refutes it; the cells that could not be read cannot save it."""
        lines, parts, missing, values = [], [], [], dict[str, Decimal | int | str | None]()
        for column in self.columns:
            cells = {row.row: read(f"{self.table}/{row.row}/{column}") for row in paper_table(self.table).rows}
            chosen = cells[self.chosen].needed
            known = {row: cell.number for row, cell in cells.items() if cell.number is not None}
            best = max(known, key=lambda row: known[row])
            unread = [cell.name for cell in cells.values() if cell.number is None]
            missing += unread
            values |= {f"{column}.chosen": chosen, f"{column}.best_row": best, f"{column}.best": known[best]}
            parts.append(False if known[best] > chosen else None if unread else True)
            lines.append(
                f"{column}: chosen {_label(self.table, self.chosen)} has {chosen}, {_label(self.table, best)} has "
                f"{known[best]}; {len(unread)} of {len(cells)} cells could not be read"
            )
        return Outcome(judge(parts), tuple(lines), values, tuple(missing))


class SameRun(AuditModel):
    """Do two cells that are one run by construction agree?"""

    kind: Literal["same_run"]
    left: Reference
    right: Reference
    beside: Reference = Field(description="A stated gain that the difference is set against.")

    def outcome(self) -> Outcome:
        """Their difference, and how much of the claimed gain that is."""
        left, right, gain = read(self.left), read(self.right), read(self.beside)
        difference = left.needed - right.needed
        part = rounded(Fraction(abs(difference)) / Fraction(gain.needed) * 100, 0)
        lines = (
            f"{left.name} {left.text}, {right.name} {right.text}: they differ by {difference}",
            f"that is {part} % of the gain of {gain.text} that is claimed for moving W",
        )
        return Outcome(judge([difference == 0]), lines, {"difference": difference, "percent_of_gain": part})


def _plain(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _label(table: str, row: str) -> str:
    found = paper_table(table).row(row)
    return row if found is None else found.label


@cache
def _relations() -> _Relations:
    return load("relations", TypeAdapter(_Relations))
