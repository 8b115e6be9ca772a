"""What a check comes to: numbers, and a verdict that follows from them and is never typed in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction


class Verdict(StrEnum):
    """What is left of a claim once its numbers are computed."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNKNOWN = "cannot be checked"


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Attributes:
        verdict: From `judge`.
        lines: The computation in sentences, numbers and all.
        values: Name -> number or word, for machines; None where it could not be read.
        missing: Names of the numbers that could not be read.
    """

    verdict: Verdict
    lines: tuple[str, ...]
    values: Mapping[str, Decimal | int | str | None] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def judge(parts: Iterable[bool | None]) -> Verdict:
    """The verdict on a claim with several parts, each true, false, or unknown.

    One false part is enough to refute it; a claim of no part at all cannot be checked.
    """
    known = list(parts)
    if False in known:
        return Verdict.FAILS
    return Verdict.UNKNOWN if None in known or not known else Verdict.HOLDS


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
