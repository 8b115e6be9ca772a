"""The evidence behind a table's differences as lines of text cells: a line for every row and column.

The differences stand in `layout.effects_grids`, one line a row; what is said of each here would not fit below them into
a terminal. A row whose columns all lack the same thing takes one line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deltalora.report.example_tests import NO_SCORE
from deltalora.report.layout import MISSING, Grid, signed
from deltalora.report.paper import MetricColumn
from deltalora.report.seed_tests import NO_SPREAD, NOT_ENOUGH_SEEDS
from deltalora.report.statistics import ALPHA, CONFIDENCE, POWER, Interval
from deltalora.report.table import Effect, ExampleComparison, Family, SeedEvidence, Table

_PERCENT = f"{CONFIDENCE:.0%}"
_SMALLEST_P = 0.001
_ALL = "all columns"
_NO_SPREAD = "no spread"
_SEEDS_HEADER = ("Column", "n", "Diff.", f"{_PERCENT} interval", "p", "p (Holm)", "P(better)", "MDD")
_EXAMPLES_HEADER = ("Column", "Seeds", "Examples", "Diff.", f"{_PERCENT} interval", "p", "p (Holm)")

_Line = tuple[str, ...]
_LinesOf = Callable[[Effect, Sequence[MetricColumn]], list[_Line]]


@dataclass(frozen=True)
class EvidenceBlock:
    """One kind of evidence for one family of differences.

    Attributes:
        key: For labels, e.g. 'seeds' or 'controls-examples'.
        title: E.g. 'Evidence over seeds: differences from LoRA'.
        grid: A group of lines a row.
        note: How to read it.
    """

    key: str
    title: str
    grid: Grid
    note: str


def evidence_blocks(table: Table) -> tuple[EvidenceBlock, ...]:
    """Evidence over seeds and, if it was asked for, over examples: of the rows' differences, then of the controls'."""
    rows_title = "Method" if table.vary is None else table.vary.rpartition(".")[2]
    effects = [(row.effect.left, row.effect) for row in table.rows if row.effect is not None]
    controls = [(effect.right, effect) for effect in table.control_effects]
    of_families = [("", rows_title, f"differences from {table.reference}", effects)]
    if controls:
        of_families.append(("controls-", "Control", "differences from the controls (ours)", controls))
    blocks = []
    families = list(zip(table.families, of_families, strict=True))
    for family, (prefix, title, of, pairs) in families:
        if seeds := _groups(pairs, table.columns, _seed_lines):
            grid = Grid((title, *_SEEDS_HEADER), seeds, 2)
            note = _seeds_note(family, [effect for _, effect in pairs])
            blocks.append(EvidenceBlock(f"{prefix}seeds", f"Evidence over seeds: {of}", grid, note))
    for family, (prefix, title, of, pairs) in families:
        if examples := _groups(pairs, table.columns, _example_lines):
            grid = Grid((title, *_EXAMPLES_HEADER), examples, 2)
            note = _examples_note(family, [effect for _, effect in pairs])
            blocks.append(EvidenceBlock(f"{prefix}examples", f"Evidence over examples: {of}", grid, note))
    return tuple(blocks)


def _groups(
    pairs: Sequence[tuple[str, Effect]], columns: Sequence[MetricColumn], lines_of: _LinesOf
) -> tuple[tuple[_Line, ...], ...]:
    groups = []
    for label, effect in pairs:
        lines = lines_of(effect, columns)
        if lines:
            groups.append(tuple((label if place == 0 else "", *line) for place, line in enumerate(lines)))
    return tuple(groups)


def _seed_lines(effect: Effect, columns: Sequence[MetricColumn]) -> list[_Line]:
    found = [(column, cell.over_seeds) for column in columns if (cell := effect.cells[column.name]).over_seeds]
    tested = [one for _, one in found if one is not None and one.probability_of_improvement is not None]
    if found and not tested:
        seeds = sorted({one.n for _, one in found if one is not None})
        return [(_ALL, _joined(seeds), MISSING, NOT_ENOUGH_SEEDS, *[MISSING] * 4)]
    return [_seed_line(column, effect, one) for column, one in found if one is not None]


def _seed_line(column: MetricColumn, effect: Effect, one: SeedEvidence) -> _Line:
    ours = effect.cells[column.name].ours
    assert ours is not None  # as there is a common seed
    return (
        column.name,
        str(one.n),
        signed(ours.mean, column.our_decimals),
        NOT_ENOUGH_SEEDS if ours.interval is None else _interval(ours.interval, column),
        _NO_SPREAD if one.note == NO_SPREAD else _p(one.p_value),
        _p(one.p_holm),
        MISSING if one.probability_of_improvement is None else f"{one.probability_of_improvement:.2f}",
        MISSING if one.minimum_detectable is None else f"{one.minimum_detectable:.{column.our_decimals}f}",
    )


def _example_lines(effect: Effect, columns: Sequence[MetricColumn]) -> list[_Line]:
    found = [
        (column, cell.over_examples)
        for column in columns
        if (cell := effect.cells[column.name]).over_examples is not None
    ]
    lines: list[_Line] = []
    reasons: list[str] = []
    for column, one in found:
        if isinstance(one, ExampleComparison):
            lines.append(
                (
                    column.name,
                    str(len(one.seeds)),
                    f"{one.examples:,}",
                    signed(one.difference, column.our_decimals),
                    _interval(one.interval, column),
                    _p(one.p_value),
                    _p(one.p_holm),
                )
            )
        elif one is not None and one.reason != NO_SCORE:
            reasons.append(one.reason)
            lines.append((column.name, *[MISSING] * 3, one.reason, MISSING, MISSING))
    if len(reasons) == len(lines) and len(set(reasons)) == 1:
        return [(_ALL, *[MISSING] * 3, reasons[0], MISSING, MISSING)]
    return lines


def _seeds_note(family: Family, effects: Sequence[Effect]) -> str:
    evidence = [one for effect in effects for cell in effect.cells.values() if (one := cell.over_seeds) is not None]
    sentences = [
        f"Of paired seeds: the {_PERCENT} Student-t interval of the difference; p, two-sided paired t test; "
        f"p (Holm), adjusted across {family.name}, {_tests(family.over_seeds)}; P(better), the share of the seeds in "
        f"which the left side is better, ties half; MDD, the true difference that as many seeds would find with power "
        f"{POWER:g} at p < {ALPHA:.2f} before any adjustment, by the deviation seen."
    ]
    if any(one.n == 2 for one in evidence):
        sentences.append(
            "Two seeds leave one degree of freedom: an interval of 12.7 standard errors to either side, and an MDD of "
            "16.3; a large p says nothing against a difference."
        )
    if any(one.note == NOT_ENOUGH_SEEDS for one in evidence):
        sentences.append("Of one seed there is neither interval nor test.")
    if any(one.note == NO_SPREAD for one in evidence):
        sentences.append("Where every seed shows the same difference (no spread) there is no test.")
    return " ".join(sentences)


def _examples_note(family: Family, effects: Sequence[Effect]) -> str:
    compared = [
        one
        for effect in effects
        for cell in effect.cells.values()
        if isinstance(one := cell.over_examples, ExampleComparison)
    ]
    sentences = [
        "Of the test set's examples, with the outputs of exactly these runs: a paired bootstrap of the difference, "
        "averaged over the seeds, on the same resampled examples for all. It says nothing of models trained from other "
        "seeds."
    ]
    if compared:
        resamples = sorted({one.resamples for one in compared})
        sentences.append(
            f"{_joined(resamples)} resamples: no p is below {2 / (resamples[-1] + 1):.1g}. "
            f"p (Holm), adjusted across {family.name}, {_tests(family.over_examples)}."
        )
    return " ".join(sentences)


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"


def _joined(numbers: Sequence[int]) -> str:
    return " and ".join(f"{one:,}" for one in numbers)


def _interval(interval: Interval, column: MetricColumn) -> str:
    return f"{signed(interval.low, column.our_decimals)}…{signed(interval.high, column.our_decimals)}"


def _p(value: float | None) -> str:
    if value is None:
        return MISSING
    return f"<{_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"
