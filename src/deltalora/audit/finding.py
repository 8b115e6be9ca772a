"""A claim of the paper, the finding of its check, and what checks are made of.

A claim is one plain function: its name is the claim's id, its docstring what the paper states. It reads the paper's
tables, computes, and returns a `Finding`. No verdict is written down anywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from deltalora.errors import StoreError
from deltalora.report.paper import hyperparameter_table, paper_table

#: What a computation leaves for machines.
Value = Decimal | int | str | None
Exact = Fraction | Decimal | int


class Verdict(StrEnum):
    """What is left of a claim once its numbers are computed."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "cannot be told"


@dataclass(frozen=True)
class Finding:
    """The result of one claim's function.

    Attributes:
        verdict: Follows from the numbers.
        sentence: What the numbers give, in a sentence that can be quoted alone.
        lines: The computation, numbers and all.
        values: Name -> number or word, for machines.
    """

    verdict: Verdict
    sentence: str
    lines: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)


Check = Callable[[], Finding]


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, and the function that checks it.

    Attributes:
        id: The function's name with hyphens.
        where: Where the paper states it, or what it follows from.
        says: The statement, in our words.
        quote: In the paper's own words; empty where a table states it.
        remark: What a reader must know to judge the verdict; may be empty.
        check: Computes the finding.
    """

    id: str
    where: str
    says: str
    quote: str
    remark: str
    check: Check


_CLAIMS: dict[str, Claim] = {}


def claim(where: str, quote: str = "", remark: str = "") -> Callable[[Check], Check]:
    """Register the function as the check of a claim.

    Raises:
        StoreError: Two functions have one name.
    """

    def register(check: Check) -> Check:
        name = check.__name__.replace("_", "-")
        if name in _CLAIMS:
            raise StoreError(f"audit: expected each claim once, found two functions {check.__name__}; rename one")
        _CLAIMS[name] = Claim(name, where, check.__doc__ or "", quote, remark, check)
        return check

    return register


def claims() -> Mapping[str, Claim]:
    """Return the registered claims by id, in the order of their files."""
    return _CLAIMS


def all_of(parts: Iterable[bool]) -> Verdict:
    """Return the verdict on a claim of several parts, which holds if each is true.

    Raises:
        StoreError: There is no part: a claim on nothing must not hold.
    """
    known = list(parts)
    if not known:
        raise StoreError("audit: expected a claim of at least one part, found none; fix the claim")
    return Verdict.HOLDS if all(known) else Verdict.FAILS


def cell(table: str, row: str, column: str) -> Decimal:
    """Return a printed score with its digits, e.g. `cell("table1", "delta_lora", "BLEU")`.

    Raises:
        StoreError: The paper has no such cell.
    """
    found = paper_table(table).scores(row)
    if column not in found:
        raise StoreError(f"audit: {table} has no cell of row {row!r} and column {column!r}; fix the claim")
    return found[column]


def lead(table: str, left: str, right: str, column: str) -> Decimal:
    """Return how much better `left` is, in printed digits: left - right, or right - left where lower is better."""
    better = next(one for one in paper_table(table).metrics if one.name == column).higher_is_better
    difference = cell(table, left, column) - cell(table, right, column)
    return difference if better else -difference


def label(table: str, row: str) -> str:
    """Return the row's name to print.

    Raises:
        StoreError: The table has no such row.
    """
    found = paper_table(table).row(row)
    if found is None:
        raise StoreError(f"audit: {table} has no row {row!r}; fix the claim")
    return f"{found.label} (quoted)" if found.quoted else found.label


def count(table: str, row: str, column: str = "trainable") -> Decimal:
    """Return a printed parameter count in its own M: '0.375M' as 0.375.

    Raises:
        StoreError: The table prints no such count.
    """
    printed = paper_table(table).printed_in(row)
    if column not in printed:
        raise StoreError(f"audit: {table} has no {column} of row {row!r}; fix the claim")
    return Decimal(printed[column].removesuffix("M"))


def setting(table: str, task: str, key: str) -> Decimal:
    """Return a printed hyper-parameter, e.g. `setting("table14", "mnli", "start_step")`.

    Raises:
        StoreError: The table prints no such number.
    """
    value = hyperparameter_table(table).column(task).get(key)
    if not isinstance(value, int | float):
        raise StoreError(f"audit: {table} has no number {key!r} of {task}, found {value!r}; fix the claim")
    return Decimal(str(value)).normalize() + 0


def decimals(printed: Decimal) -> int:
    """Return the number of digits after the point."""
    return max(0, -int(printed.as_tuple().exponent))


def rounded(value: Exact, digits: int) -> Decimal:
    """Round to `digits` places, a half away from zero; exact on fractions."""
    half = Fraction(1, 2) if value >= 0 else Fraction(-1, 2)
    return Decimal(int(Fraction(value) * 10**digits + half)).scaleb(-digits)


def cut(value: Exact, digits: int) -> Decimal:
    """Drop what follows `digits` places."""
    return Decimal(int(Fraction(value) * 10**digits)).scaleb(-digits)


def printing(value: Exact, printed: Decimal) -> str | None:
    """Return how `value` comes to be printed as `printed`: 'rounded', 'cut', or None if by neither."""
    digits = decimals(printed)
    if rounded(value, digits) == printed:
        return "rounded"
    return "cut" if cut(value, digits) == printed else None


def listed(names: Iterable[str]) -> str:
    """Return 'a, b and c'; 'none' for nothing."""
    found = list(names)
    return ", ".join(found[:-1]) + f" and {found[-1]}" if len(found) > 1 else "".join(found) or "none"
