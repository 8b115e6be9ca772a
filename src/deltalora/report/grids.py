"""The grids of a table: lines of text cells, the same in every format.

What belongs together, the paper's line and ours, is one above the other. Many columns take several grids, each narrow
enough for a terminal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deltalora.report.example_tests import NO_SCORE
from deltalora.report.paper import MetricColumn
from deltalora.report.statistics import CONFIDENCE, NO_SPREAD, NOT_ENOUGH_SEEDS, Interval, SeedEvidence, Summary
from deltalora.report.table import Effect, ExampleComparison, PartResult, RowResult, Table

#: Printed column that is a hyper-parameter -> its heading.
SETTING_TITLES = {"learning_rate": "Learning rate", "update_ratio": "λ"}
#: A number that does not exist: not run, failed, or without a common seed.
MISSING = "–"

INTERVAL = f"{CONFIDENCE:.0%} interval"
_SEEDS_HEADER = ("Column", "n", "Diff.", INTERVAL, "p", "p (Holm)", "P(better)", "MDD")
_EXAMPLES_HEADER = ("Column", "Seeds", "Examples", "Diff.", INTERVAL, "p", "p (Holm)")
_ALL = "all columns"
_SMALLEST_P = 0.001

Line = tuple[str, ...]
#: A row of the table, its label, and its difference from another.
Difference = tuple[str, str, Effect]


@dataclass(frozen=True)
class Grid:
    """Cells of text."""

    header: Line
    groups: tuple[tuple[Line, ...], ...]  #: lines that belong together; a rule may separate groups
    text_columns: int  #: number of leading columns of words, aligned left; the others are numbers
    rows: Line = ()  #: the table's row that each group is about; empty where groups are of something else
    metrics: Line = ()  #: the metric that each column shows, or ''; empty where columns show something else


def results_grids(table: Table) -> tuple[Grid, ...]:
    """Return one grid per block of columns: per row the paper's line, ours and, in the paper's setting, their gap.

    With one experiment the first grid shows the parameters as well; with several `parameters_grid` does.
    """
    grids = []
    for block, columns in _blocks(table.columns):
        counted = block == 1 and len(table.parts) == 1
        left = ("Parameters",) * counted + tuple(SETTING_TITLES[name] for name in table.settings)
        groups = [(row.row, _result_lines(row, table, columns, counted)) for row in table.rows]
        grids.append(_metric_grid((table.rows_title, "From", *left), columns, groups))
    return tuple(grids)


def effects_grids(title: str, effects: Sequence[Difference], columns: Sequence[MetricColumn]) -> tuple[Grid, ...]:
    """Return one grid per block of columns: per row, labelled under a title, the paper's difference, ours, interval."""
    grids = [
        _metric_grid((title, "From"), block, [(row, _effect_lines(label, one, block)) for row, label, one in effects])
        for _, block in _blocks(columns)
    ]
    return tuple(grid for grid in grids if grid.groups)


def parameters_grid(table: Table) -> Grid:
    """Return the exact numbers of parameters, as ranges over the experiments."""
    header = ("Method", "From", "Trainable", "Moved without a gradient", "Head, counted apart")
    groups = []
    for row in table.rows:
        paper = [(row.label, "paper", row.paper_parameters or "", "", "")] if row.in_paper else []
        parts = [(part.trainable, part.extra_updatable, part.head) for part in row.parts.values()]
        counts = map(_range, zip(*parts, strict=True)) if parts else [MISSING] * 3
        groups.append((*paper, ("" if row.in_paper else row.label, _owner(row), *counts)))
    return Grid(header, tuple(groups), 2, tuple(row.row for row in table.rows))


def parts_grid(table: Table) -> Grid:
    """Return what differs between the experiments, one line per experiment."""
    header = ("Experiment", "Split", "Checkpoint", "Starts from", "Steps", "Epochs", "Scored inputs")
    lines = []
    for name, part in table.provenance.parts.items():
        numbers = (part.optimizer_steps, part.epochs, sorted(set(part.inputs.values())))
        texts = (part.initialised_from, *([f"{n:,}" for n in of] for of in numbers))
        lines.append(tuple(cell or MISSING for cell in (name, part.split, part.selection_rule, *map(listed, texts))))
    return Grid(header, (tuple(lines),), 4)


def seeds_grid(title: str, effects: Sequence[Difference], columns: Sequence[MetricColumn]) -> Grid:
    """Return what paired seeds say of each difference, one line per row and column."""
    groups = [(row, _labelled(label, _seed_lines(effect, columns))) for row, label, effect in effects]
    return _grid((title, *_SEEDS_HEADER), groups)


def examples_grid(title: str, effects: Sequence[Difference], columns: Sequence[MetricColumn]) -> Grid:
    """Return what the test set's examples say of each difference, one line per row and column."""
    groups = [(row, _labelled(label, _example_lines(effect, columns))) for row, label, effect in effects]
    return _grid((title, *_EXAMPLES_HEADER), groups)


def _grid(header: Line, groups: Iterable[tuple[str, Sequence[Line]]], metrics: Line = ()) -> Grid:
    filled = [(row, tuple(lines)) for row, lines in groups if lines]
    return Grid(header, tuple(lines for _, lines in filled), 2, tuple(row for row, _ in filled), metrics)


def _metric_grid(left: Line, columns: Sequence[MetricColumn], groups: Iterable[tuple[str, Sequence[Line]]]) -> Grid:
    metrics = (*("" for _ in left), *(column.name for column in columns))
    return _grid((*left, *(column.title for column in columns)), groups, metrics)


def _blocks(columns: Sequence[MetricColumn]) -> list[tuple[int, list[MetricColumn]]]:
    numbers = sorted({column.block for column in columns})
    return [(number, [column for column in columns if column.block == number]) for number in numbers]


def _labelled(label: str, lines: Sequence[Line]) -> list[Line]:
    return [("" if place else label, *line) for place, line in enumerate(lines)]


def _result_lines(row: RowResult, table: Table, columns: Sequence[MetricColumn], counted: bool) -> list[Line]:
    lines: list[Line] = []
    cells = [(row.cells[column.name], column) for column in columns]
    settings = [row.settings[name] for name in table.settings]
    if row.in_paper and any(column.in_paper for column in columns):
        left = ([row.paper_parameters or ""] if counted else []) + [one.paper or MISSING for one in settings]
        who = "paper" if row.quoted is None else "paper, quoted"
        lines.append((row.label, who, *left, *("" if cell.paper is None else str(cell.paper) for cell, _ in cells)))
    if row.quoted is not None:
        return lines
    left = ([row_parameters(row)] if counted else []) + [one.ours or MISSING for one in settings]
    label = row.remark if lines else " ".join(text for text in (row.label, row.remark) if text)
    ours = [_mean(cell.ours, column, len(row.seeds)) for cell, column in cells]
    lines.append((label, _who(row), *left, *ours))
    if any(cell.difference is not None for cell, _ in cells):
        blank = [""] * len(left)
        gaps = ["" if cell.difference is None else signed(cell.difference, column) for cell, column in cells]
        lines.append(("", "ours - paper", *blank, *gaps))
        words = {True: "yes", False: "no", None: "1 seed"}
        inside = ["" if cell.difference is None else words[cell.paper_in_interval] for cell, _ in cells]
        lines.append(("", f"paper in {INTERVAL}", *blank, *inside))
    return lines


def _effect_lines(label: str, effect: Effect, columns: Sequence[MetricColumn]) -> list[Line]:
    cells = [(effect.cells[column.name], column) for column in columns]
    lines: list[Line] = []
    if any(cell.paper is not None for cell, _ in cells):
        paper = (
            "" if cell.paper is None else f"{cell.paper:+}" if cell.paper else str(cell.paper) for cell, _ in cells
        )
        lines.append((label, "paper", *paper))
    most = max((cell.ours.n for cell, _ in cells if cell.ours is not None), default=0)
    if most:
        ours = [
            MISSING if cell.ours is None else signed(cell.ours.mean, column) + _other_n(cell.ours.n, most)
            for cell, column in cells
        ]
        lines.append(("" if lines else label, f"ours, {numbered(most, 'seed')}", *ours))
    if most > 1:
        intervals = (_interval(cell.ours.interval if cell.ours else None, column) for cell, column in cells)
        lines.append(("", INTERVAL, *intervals))
    return lines


def _seed_lines(effect: Effect, columns: Sequence[MetricColumn]) -> list[Line]:
    found = [(column, one) for column in columns if (one := effect.cells[column.name].over_seeds) is not None]
    if found and all(one.probability_of_improvement is None for _, one in found):
        return [(_ALL, "1", MISSING, NOT_ENOUGH_SEEDS, *[MISSING] * 4)]
    return [_seed_line(column, effect.cells[column.name].ours, one) for column, one in found]


def _seed_line(column: MetricColumn, ours: Summary | None, one: SeedEvidence) -> Line:
    assert ours is not None  # as there is a common seed
    interval = NOT_ENOUGH_SEEDS if ours.interval is None else _interval(ours.interval, column)
    p_value = "no spread" if one.note == NO_SPREAD else _p(one.p_value)
    better = MISSING if one.probability_of_improvement is None else f"{one.probability_of_improvement:.2f}"
    least = MISSING if one.minimum_detectable is None else f"{one.minimum_detectable:.{column.our_decimals}f}"
    return (column.name, str(one.n), signed(ours.mean, column), interval, p_value, _p(one.p_holm), better, least)


def _example_lines(effect: Effect, columns: Sequence[MetricColumn]) -> list[Line]:
    lines: list[Line] = []
    reasons: list[str] = []
    for column in columns:
        one = effect.cells[column.name].over_examples
        if isinstance(one, ExampleComparison):
            counts = (str(len(one.seeds)), f"{one.examples:,}", signed(one.difference, column))
            lines.append((column.name, *counts, _interval(one.interval, column), _p(one.p_value), _p(one.p_holm)))
        elif one is not None and one.reason != NO_SCORE:
            reasons.append(one.reason)
            lines.append((column.name, *[MISSING] * 3, one.reason, MISSING, MISSING))
    if len(reasons) == len(lines) and len(set(reasons)) == 1:
        return [(_ALL, *[MISSING] * 3, reasons[0], MISSING, MISSING)]
    return lines


def _owner(row: RowResult) -> str:
    return "control (ours)" if row.control else "ours"


def _who(row: RowResult) -> str:
    requested = sum(len(part.seeds_asked) for part in row.parts.values())
    done = sum(len(part.seeds) for part in row.parts.values())
    if not done and not any(part.unfinished for part in row.parts.values()):
        return f"{_owner(row)}, not run"
    if done == requested:
        return f"{_owner(row)}, {numbered(len(row.seeds), 'seed')}"
    if len(row.parts) > 1:
        return f"{_owner(row)}, {done} of {requested} runs"
    return f"{_owner(row)}, {done} of {numbered(requested, 'seed')}"


def row_parameters(row: RowResult) -> str:
    """Return our exact counts of a row of one experiment: trainable + moved without a gradient."""
    part: PartResult = next(iter(row.parts.values()))
    moved = f" + {part.extra_updatable:,}" if part.extra_updatable else ""
    return MISSING if part.trainable is None else f"{part.trainable:,}{moved}"


def _range(counts: Iterable[int | None]) -> str:
    known = sorted({count for count in counts if count is not None})
    return "–".join(f"{count:,}" for count in dict.fromkeys([*known[:1], *known[-1:]])) or MISSING


def _mean(ours: Summary | None, column: MetricColumn, row_seeds: int) -> str:
    return MISSING if ours is None else spread(ours, column.our_decimals) + _other_n(ours.n, row_seeds)


def spread(ours: Summary, decimals: int) -> str:
    """Return '44.67±4.04', or the mean alone of one seed."""
    return f"{ours.mean:.{decimals}f}" + (f"±{ours.sd:.{decimals}f}" if ours.sd is not None else "")


def _other_n(n: int, of_line: int) -> str:
    """Return the number of seeds of a cell if it is 1 or not that of its line."""
    return f" (n={n})" if n == 1 or n != of_line else ""


def _interval(interval: Interval | None, column: MetricColumn) -> str:
    return MISSING if interval is None else f"{signed(interval.low, column)}…{signed(interval.high, column)}"


def _p(value: float | None) -> str:
    return MISSING if value is None else f"<{_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"


def signed(value: float, column: MetricColumn) -> str:
    """Return a difference with its sign and the column's decimals; no sign where it prints as 0."""
    text = f"{value:+.{column.our_decimals}f}"
    return text[1:] if float(text) == 0 else text


def numbered(n: int, noun: str) -> str:
    """Return '1 seed' or '2 seeds'."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Return 'a, b and c'."""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
