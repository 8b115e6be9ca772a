"""Checks on sizes: parameter counts and their units, data sets, and the rank of an update."""

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Literal

from pydantic import Field

from deltalora.report.audit_facts import AuditModel, Operand, Reference, facts, millions, read
from deltalora.report.audit_outcome import Outcome, judge, printing, rounded
from deltalora.report.audit_parameters import Shape, shape

#: What an M may stand for.
UNITS = {"2^20": 2**20, "10^6": 10**6}


class Count(AuditModel):
    """A printed count and what it should be of."""

    printed: Reference
    counts: Literal["full", "frozen_embedding", "query_value", "low_rank", "singular_values"]
    rank: Reference | None = None

    def exact(self, of: Shape) -> int:
        """The exact integer."""
        if self.counts in ("low_rank", "singular_values"):
            assert self.rank is not None, self.printed
            rank = int(read(self.rank).needed)
            return of.low_rank(rank) if self.counts == "low_rank" else of.singular_values(rank)
        return {"full": of.full, "frozen_embedding": of.frozen_embedding, "query_value": of.query_value}[self.counts]()


class ParameterColumn(AuditModel):
    """Does one unit of M give every printed count of a column, rounded or cut?"""

    kind: Literal["parameter_column"]
    backbone: str
    rows: tuple[Count, ...] = Field(min_length=1)

    def outcome(self) -> Outcome:
        """One line a count: the integer, both units, and which of them the print follows."""
        of = shape(self.backbone)
        lines, values = [], dict[str, Decimal | int | str | None]()
        shared = set(UNITS)
        for row in self.rows:
            printed, exact = read(row.printed), row.exact(of)
            found = units(exact, printed.needed)
            shared &= found.keys()
            said = " and ".join(f"M = {unit}, {how}" for unit, how in found.items()) or self._mixed(of, row, printed)
            both = ", ".join(f"{rounded(Fraction(exact, size), 3)} in {unit}" for unit, size in UNITS.items())
            lines.append(f"{printed.name}: {printed.text}M; exact {exact:,} ({both}): {said}")
            values |= {f"{row.printed}": printed.needed, f"{row.printed}.exact": exact}
        lines.append(f"units that give the whole column: {', '.join(sorted(shared)) or 'none'}")
        return Outcome(judge([bool(shared)]), tuple(lines), values)

    def _mixed(self, of: Shape, row: Count, printed: Operand) -> str:
        """The two-unit sum behind a count of which no unit is right, if it is one."""
        full = next((read(one.printed) for one in self.rows if one.counts == "full"), None)
        if row.counts == "frozen_embedding" and full is not None:
            embedding = Fraction(of.token_embedding, UNITS["2^20"])
            if printing(Fraction(full.needed) - embedding, printed.needed):
                return f"neither; it is the printed {full.text} less the embedding's {rounded(embedding, 2)} in 2^20"
        return "neither"


def units(exact: int, printed: Decimal) -> dict[str, str]:
    """The units of M in which `exact` prints as `printed`, with 'rounded' or 'cut'."""
    found = {unit: printing(Fraction(exact, size), printed) for unit, size in UNITS.items()}
    return {unit: how for unit, how in found.items() if how is not None}


class OneUnit(AuditModel):
    """Do two counts in the text follow one unit?"""

    kind: Literal["one_unit"]
    counts: dict[str, Reference] = Field(description="Backbone -> its full count in words, e.g. '118M'.")

    def outcome(self) -> Outcome:
        """The units of each, and what they share."""
        lines, shared, values = [], set(UNITS), dict[str, Decimal | int | str | None]()
        for backbone, reference in self.counts.items():
            operand, exact = read(reference), shape(backbone).full()
            assert isinstance(operand.value, str), reference
            found = units(exact, millions(operand.value))
            shared &= found.keys()
            said = " and ".join(f"M = {unit}, {how}" for unit, how in found.items()) or "neither unit"
            lines.append(f"{backbone}: {operand.value} of {exact:,}: {said}")
            values |= {f"{backbone}.stated": operand.value, f"{backbone}.exact": exact}
        return Outcome(judge([bool(shared)]), tuple(lines), values)


class Derivable(AuditModel):
    """Does some choice of adapted matrices give a printed low-rank count?"""

    kind: Literal["derivable"]
    backbone: str
    printed: Reference
    rank: Reference = Field(description="The rank that the paper states.")
    highest_rank: int = Field(ge=1, description="Ranks tried where W_Q and W_V alone are adapted.")

    def outcome(self) -> Outcome:
        """Two searches: all sets of kinds of matrices at the stated rank, and all ranks on W_Q and W_V."""
        of, printed, rank = shape(self.backbone), read(self.printed), int(read(self.rank).needed)
        sets = of.any_modules(rank)
        by_set = [f"{name} ({count:,})" for name, count in sets.items() if units(count, printed.needed)]
        ranks = {r: of.low_rank(r) for r in range(1, self.highest_rank + 1)}
        by_rank = [f"rank {r} ({count:,})" for r, count in ranks.items() if units(count, printed.needed)]
        stated = Fraction(of.low_rank(rank), UNITS["2^20"])
        lines = (
            f"rank {rank} on W_Q and W_V is {of.low_rank(rank):,}, {rounded(stated, 4)}M; printed {printed.text}M, "
            f"{rounded(Fraction(printed.needed) / stated, 2)} times as much",
            f"rank {rank} on any of {len(sets)} sets of kinds of matrices, in either unit: {_found(by_set)}",
            f"W_Q and W_V at any rank from 1 to {self.highest_rank}, in either unit: {_found(by_rank)}",
        )
        return Outcome(judge([bool(by_set or by_rank)]), lines, {"printed": printed.needed, "exact": of.low_rank(rank)})


class Sizes(AuditModel):
    """Are stated sizes those of the data?"""

    kind: Literal["sizes"]
    pairs: tuple[tuple[Reference, Reference], ...] = Field(min_length=1, description="Stated, found.")
    about: int | None = Field(default=None, ge=1, description="The statement is rounded to a multiple of this.")

    def outcome(self) -> Outcome:
        """One line a pair."""
        lines, parts, values = [], [], dict[str, Decimal | int | str | None]()
        for stated, found in ((read(one), read(other)) for one, other in self.pairs):
            number = found.needed if self.about is None else rounded(found.needed / self.about, 0) * self.about
            parts.append(stated.needed == number)
            about = f", to the nearest {self.about:,} {number:,}" if self.about else ""
            lines.append(f"{stated.name}: stated {stated.text}; {found.name}: {found.text}{about}")
            values |= {f"{stated.name}.stated": stated.number, f"{stated.name}.found": found.number}
        return Outcome(judge(parts), tuple(lines), values)


class SumOfSplits(AuditModel):
    """Is a stated size that of the training set, or any sum of counts of the splits?"""

    kind: Literal["sum_of_splits"]
    stated: Reference
    train: Reference
    counts: tuple[Reference, ...]

    def outcome(self) -> Outcome:
        """The training set decides; the sums say what else the number could have been."""
        stated, train = read(self.stated), read(self.train)
        counts = [read(one) for one in self.counts]
        named = [f"{one.text} {one.name.partition(' (')[0]}" for one in counts]
        sums = [
            " + ".join(one.text for one in chosen)
            for chosen in _subsets(counts)
            if sum(one.needed for one in chosen) == stated.needed
        ]
        lines = (
            f"stated {stated.text}; {train.name}: {train.text}, {stated.needed - train.needed:+,}",
            f"counts of the splits: {', '.join(named)}",
            f"sums of these that give {stated.text}: {'; '.join(sums) or 'none'}",
        )
        values = {"stated": stated.number, "train": train.number, "sums": len(sums)}
        return Outcome(judge([stated.needed == train.needed]), lines, values)


class Small(AuditModel):
    """Is a training set one of the smaller half?"""

    kind: Literal["small"]
    group: str
    which: str

    def outcome(self) -> Outcome:
        """Small is what lies below the median of the group."""
        sizes = {name: int(Operand(name, value, "").needed) for name, value in facts()[self.group].values.items()}
        size, middle = sizes[self.which], median(sizes.values())
        smaller = sorted((name for name in sizes if sizes[name] < size), key=lambda name: sizes[name])
        times = ", ".join(f"{name} {sizes[name]:,} ({size / sizes[name]:.0f} times)" for name in smaller)
        lines = (
            f"{self.which} has {size:,} examples; the median of the {len(sizes)} sets is {middle:,.0f}",
            f"smaller than it are {times}",
        )
        return Outcome(judge([size < middle]), lines, {"size": size, "median": Decimal(str(middle))})


class HighRank(AuditModel):
    """Can the update of a matrix have more than 2r independent rows?"""

    kind: Literal["high_rank"]
    ranks: dict[str, Reference] = Field(description="Backbone -> r.")
    trial_steps: int = Field(ge=1)

    def outcome(self) -> Outcome:
        """The bound in exact terms, and one trial in exact integers: the summed updates and their rank."""
        lines, parts = [], []
        for backbone, reference in self.ranks.items():
            rank, width = int(read(reference).needed), shape(backbone).width
            part = rounded(Fraction(200 * rank, width), 1)
            parts.append(2 * rank >= width)
            lines.append(f"{backbone}, r = {rank}: rank of W_T - W_0 at most 2r = {2 * rank} of {width:,} ({part} %)")
        r = int(read(next(iter(self.ranks.values()))).needed)
        found = rank_of_summed_updates(r, 6 * r, self.trial_steps)
        lines.append(
            "the updates telescope: sum of (A_{t+1}B_{t+1} - A_tB_t) = A_TB_T - A_kB_k, two products of rank r each"
        )
        lines.append(f"trial in integers, r = {r}, {self.trial_steps} updates of a {6 * r} x {6 * r} W: rank {found}")
        return Outcome(judge(parts), tuple(lines), {"trial_rank": found, "trial_bound": 2 * r})


def rank_of_summed_updates(rank: int, width: int, steps: int) -> int:
    """Rank of the sum of (A' B' - A B) over `steps` steps in which A and B move at random, in exact integers."""
    draw = random.Random(0)

    def matrix(rows: int, columns: int) -> list[list[int]]:
        return [[draw.randint(-9, 9) for _ in range(columns)] for _ in range(rows)]

    A, B = matrix(width, rank), matrix(rank, width)
    total = [[0] * width for _ in range(width)]
    for _ in range(steps):
        before = _product(A, B)
        A, B = _sum(A, matrix(width, rank)), _sum(B, matrix(rank, width))
        total = [
            [t + q - p for t, q, p in zip(*rows, strict=True)]
            for rows in zip(total, _product(A, B), before, strict=True)
        ]
    return _rank([[Fraction(value) for value in row] for row in total])


def _product(A: list[list[int]], B: list[list[int]]) -> list[list[int]]:
    columns = list(zip(*B, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in A]


def _sum(A: list[list[int]], B: list[list[int]]) -> list[list[int]]:
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(A, B, strict=True)]


def _rank(rows: list[list[Fraction]]) -> int:
    """By elimination, without rounding."""
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def _subsets(counts: Sequence[Operand]) -> list[list[Operand]]:
    chosen = range(1, 2 ** len(counts))
    return [[one for i, one in enumerate(counts) if mask >> i & 1] for mask in chosen]


def _found(names: list[str]) -> str:
    return "; ".join(names) or "none"
