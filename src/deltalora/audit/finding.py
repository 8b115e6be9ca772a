"""What a claim comes to: a verdict that follows from numbers, and the register of claims.

A claim is one plain function. It reads the paper's tables, computes, and returns a `Finding`; the `claim` decorator
keeps it with what the paper says. No verdict is written down anywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

from deltalora.errors import StoreError
from deltalora.report.paper import hyperparameter_table, paper_table

#: What a computation leaves for machines.
Value = Decimal | int | str | None


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
        sentence: What the numbers give, in a sentence that can be quoted by itself.
        lines: The computation, numbers and all.
        values: Name -> number or word, for machines.
    """

    verdict: Verdict
    sentence: str
    lines: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)


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
    check: Callable[[], Finding]


_CLAIMS: dict[str, Claim] = {}


def claim(
    where: str, says: str, *, quote: str = "", remark: str = ""
) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Register the function as the check of a claim; its name, with hyphens, is the claim's id.

    Raises:
        StoreError: Two functions have one name.
    """

    def register(check: Callable[[], Finding]) -> Callable[[], Finding]:
        name = check.__name__.replace("_", "-")
        if name in _CLAIMS:
            raise StoreError(f"audit: expected each claim once, found two functions {check.__name__}; rename one")
        _CLAIMS[name] = Claim(name, where, says, quote, remark, check)
        return check

    return register


def claims() -> Mapping[str, Claim]:
    """The registered claims by id, in the order of their files."""
    return _CLAIMS


def all_of(parts: Iterable[bool]) -> Verdict:
    """A claim of several parts holds if each is true.

    Raises:
        StoreError: There is no part: a claim on nothing must not hold.
    """
    known = list(parts)
    if not known:
        raise StoreError("audit: expected a claim of at least one part, found none; fix the claim")
    return Verdict.HOLDS if all(known) else Verdict.FAILS


def cell(table: str, row: str, column: str) -> Decimal:
    """A printed score with its digits, e.g. `cell("table1", "delta_lora", "BLEU")`.

    Raises:
        StoreError: The paper has no such cell.
    """
    found = paper_table(table).scores(row)
    if column not in found:
        raise StoreError(f"audit: {table} has no cell of row {row!r} and column {column!r}; fix the claim")
    return found[column]


def label(table: str, row: str) -> str:
    """The row's name to print.

    Raises:
        StoreError: The table has no such row.
    """
    found = paper_table(table).row(row)
    if found is None:
        raise StoreError(f"audit: {table} has no row {row!r}; fix the claim")
    return f"{found.label} (quoted)" if found.quoted else found.label


def count(table: str, row: str, column: str = "trainable") -> Decimal:
    """A printed parameter count in its own M: '0.375M' as 0.375.

    Raises:
        StoreError: The table prints no such count.
    """
    printed = paper_table(table).printed_in(row)
    if column not in printed:
        raise StoreError(f"audit: {table} has no {column} of row {row!r}; fix the claim")
    return Decimal(printed[column].removesuffix("M"))


def setting(table: str, task: str, key: str) -> Decimal:
    """A printed hyper-parameter, e.g. `setting("table14", "mnli", "start_step")`.

    Raises:
        StoreError: The table prints no such number.
    """
    value = hyperparameter_table(table).column(task).get(key)
    if not isinstance(value, int | float):
        raise StoreError(f"audit: {table} has no number {key!r} of {task}, found {value!r}; fix the claim")
    return Decimal(str(value)).normalize() + 0


def decimals(printed: Decimal) -> int:
    """The number of digits after the point."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int), printed
    return max(0, -exponent)


def rounded(value: Fraction | Decimal | int, digits: int) -> Decimal:
    """The value to `digits` places, a half away from zero; exact on fractions."""
    return _quantised(value, digits, ROUND_HALF_UP)


def cut(value: Fraction | Decimal | int, digits: int) -> Decimal:
    """The value to `digits` places, what follows dropped."""
    return _quantised(value, digits, ROUND_DOWN)


def printing(value: Fraction | Decimal | int, printed: Decimal) -> str | None:
    """How `value` comes to be printed as `printed`: 'rounded', 'cut', or None if by neither."""
    digits = decimals(printed)
    if rounded(value, digits) == printed:
        return "rounded"
    return "cut" if cut(value, digits) == printed else None


def _quantised(value: Fraction | Decimal | int, digits: int, rounding: str) -> Decimal:
    exact = Fraction(value)
    scaled = exact * 10**digits
    whole = scaled.numerator // scaled.denominator if scaled >= 0 else -(-scaled.numerator // scaled.denominator)
    rest = abs(scaled - whole)
    if rounding == ROUND_HALF_UP and rest >= Fraction(1, 2):
        whole += 1 if scaled >= 0 else -1
    return Decimal(whole).scaleb(-digits)


def listed(names: Iterable[str]) -> str:
    """'a, b and c'; 'none' for nothing."""
    found = list(names)
    return ", ".join(found[:-1]) + f" and {found[-1]}" if len(found) > 1 else "".join(found) or "none"
