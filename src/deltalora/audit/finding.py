"""A claim of the paper, the finding of its check, and what checks are made of.

A claim is one plain function: its name is the claim's id, its docstring what the paper states. It reads the paper's
tables, where a number that is not printed is a `StoreError`, and returns a `Finding`. No verdict is written down.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from deltalora.errors import StoreError
from deltalora.report.divergences import read_yaml
from deltalora.report.paper import hyperparameter_table, paper_table

Exact = Fraction | Decimal | int
#: What a computation leaves for machines.
Value = Exact | str | None
Check = Callable[[], "Finding"]


class Facts(BaseModel):
    """What claims are checked against beside the paper's tables; the sources stand in `facts.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    e2e: dict[str, int]
    webnlg: dict[str, int]
    xsum: dict[str, int]
    glue_train: dict[str, int]
    glue_validation: dict[str, int]
    lora_e2e: dict[str, dict[str, Decimal]]
    lora_webnlg_steps: int
    lora_glue: dict[str, dict[str, Decimal]]
    adalora_xsum: dict[str, dict[str, Decimal]]
    adalora_xsum_matrices: str


FACTS = Facts.model_validate(read_yaml((files(__package__) / "facts.yaml").read_text(encoding="utf-8")))


class Verdict(StrEnum):
    """What is left of a claim once its numbers are computed."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "cannot be told"


@dataclass(frozen=True)
class Finding:
    """The result of one claim's function."""

    verdict: Verdict  #: follows from the numbers
    sentence: str  #: what the numbers give, in a sentence that can be quoted alone
    lines: tuple[str, ...] = ()  #: the computation, numbers and all
    values: Mapping[str, Value] = field(default_factory=dict)  #: name -> number or word, for machines


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, and the function that checks it."""

    id: str  #: the function's name with hyphens
    where: str  #: where the paper states it, or what it follows from
    says: str  #: the statement, in our words
    quote: str  #: in the paper's own words; empty where a table states it
    remark: str  #: what a reader must know to judge the verdict; may be empty
    check: Check


#: Every registered claim by id, in the order of its file.
CLAIMS: dict[str, Claim] = {}


def claim(where: str, quote: str = "", remark: str = "") -> Callable[[Check], Check]:
    """Register the function as the check of a claim; a `StoreError` if two functions have one name."""

    def register(check: Check) -> Check:
        name = check.__name__.replace("_", "-")
        if name in CLAIMS:
            raise StoreError(f"audit: expected each claim once, found two functions {check.__name__}; rename one")
        CLAIMS[name] = Claim(name, where, check.__doc__ or "", quote, remark, check)
        return check

    return register


def all_of(parts: Iterable[bool]) -> Verdict:
    """Return the verdict on a claim of several parts, which holds if each is true; a claim on nothing is refused."""
    known = list(parts)
    if not known:
        raise StoreError("audit: expected a claim of at least one part, found none; fix the claim")
    return Verdict.HOLDS if all(known) else Verdict.FAILS


def cell(table: str, row: str, column: str) -> Decimal:
    """Return a printed score with its digits, e.g. `cell("table1", "delta_lora", "BLEU")`."""
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
    """Return the row's name to print."""
    found = next(one for one in paper_table(table).rows if one.row == row)
    return f"{found.label} (quoted)" if found.quoted else found.label


def count(table: str, row: str, column: str = "trainable") -> Decimal:
    """Return a printed parameter count in its own M: '0.375M' as 0.375."""
    printed = paper_table(table).printed_in(row)
    if column not in printed:
        raise StoreError(f"audit: {table} has no {column} of row {row!r}; fix the claim")
    return Decimal(printed[column].removesuffix("M"))


def setting(table: str, task: str, key: str) -> Decimal:
    """Return a printed hyper-parameter, e.g. `setting("table14", "mnli", "start_step")`."""
    value = hyperparameter_table(table).column(task).get(key)
    if not isinstance(value, int | float):
        raise StoreError(f"audit: {table} has no number {key!r} of {task}, found {value!r}; fix the claim")
    return Decimal(str(value)).normalize() + 0


def rounded(value: Exact, digits: int) -> Decimal:
    """Round to `digits` places, a half away from zero; exact on fractions."""
    half = Fraction(1, 2) if value >= 0 else Fraction(-1, 2)
    return Decimal(int(Fraction(value) * 10**digits + half)).scaleb(-digits)


def cut(value: Exact, digits: int) -> Decimal:
    """Drop what follows `digits` places."""
    return Decimal(int(Fraction(value) * 10**digits)).scaleb(-digits)


def printing(value: Exact, printed: Decimal) -> str | None:
    """Return how `value` comes to be printed as `printed`: 'rounded', 'cut', or None if by neither."""
    digits = max(0, -int(printed.as_tuple().exponent))
    if rounded(value, digits) == printed:
        return "rounded"
    return "cut" if cut(value, digits) == printed else None


def listed(names: Iterable[str]) -> str:
    """Return 'a, b and c'; 'none' for nothing."""
    *before, last = [*names] or ["none"]
    return f"{', '.join(before)} and {last}" if before else last
