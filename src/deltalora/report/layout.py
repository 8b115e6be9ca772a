"""A table as lines of plain text cells, the same for Markdown and LaTeX.

A method takes a line for the paper and a line for us, so that what belongs together stands one above the other and the
whole stays narrow enough for a terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deltalora.report.paper import MetricColumn
from deltalora.report.statistics import CONFIDENCE, Summary
from deltalora.report.table import VALIDATION_LOSS, Cell, Effect, RowResult, Table

#: A number the paper has and we could not read.
NOT_AVAILABLE = "n/a"
#: A number nobody has: not run, failed, or without a common seed.
MISSING = "–"

_INTERVAL = f"{CONFIDENCE:.0%} interval"


@dataclass(frozen=True)
class Grid:
    """Cells of text; the first `text_columns` are words, the others numbers.

    Attributes:
        header: Column names.
        groups: Lines that belong together; a rule may part the groups.
        text_columns: Number of leading columns to align left.
    """

    header: tuple[str, ...]
    groups: tuple[tuple[tuple[str, ...], ...], ...]
    text_columns: int


def results_grid(table: Table) -> Grid:
    """The paper's line, ours, and in the paper's setting their difference, for every method."""
    header = ("Method", "From", "Parameters", *(_column_title(column) for column in table.columns))
    return Grid(
        header=header,
        groups=tuple(_result_lines(row, table.columns) for row in table.rows),
        text_columns=2,
    )


def effects_grid(table: Table) -> Grid:
    """Every method minus the reference: the paper's effect, ours, and its interval; only where there is a number."""
    effects = [(row.effect.left, row.effect) for row in table.rows if row.effect is not None]
    return _effects_grid("Method", effects, table.columns)


def controls_grid(table: Table) -> Grid:
    """The method under test minus every control, laid out as `effects_grid`."""
    return _effects_grid("Control", [(effect.right, effect) for effect in table.control_effects], table.columns)


def _effects_grid(title: str, effects: Sequence[tuple[str, Effect]], columns: Sequence[MetricColumn]) -> Grid:
    header = (title, "From", *(_column_title(column) for column in columns))
    lines = [_effect_lines(label, effect, columns) for label, effect in effects]
    return Grid(header=header, groups=tuple(group for group in lines if group), text_columns=2)


def facts(table: Table) -> tuple[tuple[str, str], ...]:
    """What a reader must know before the first number: name and value."""
    source = table.provenance
    inputs = sorted(set(source.inputs.values()))
    named = [
        ("scale", source.scale),
        ("backbone", source.model or MISSING),
        ("data", source.source),
        ("text form", ", ".join(source.text_forms) or MISSING),
        ("training", _training(table)),
        ("split", source.split or MISSING),
        ("scored inputs", ", ".join(f"{n:,}" for n in inputs) or MISSING),
        ("checkpoint", source.selection_rule or MISSING),
        ("seeds", _finished_seeds(source.seeds, source.seeds_asked)),
    ]
    if table.departures:
        named.append(("not the paper's setting", ", ".join(table.departures)))
    return tuple(named)


def reading_notes(table: Table) -> tuple[str, ...]:
    """How to read the numbers, in sentences."""
    scaled = [column.name for column in table.columns if column.factor == 100]
    unread = any(
        row.cells[column.name].paper is None for row in table.rows if row.in_paper for column in table.columns[1:]
    )
    return (
        f"The paper's lines: {table.setting}."
        + (f" {NOT_AVAILABLE}: printed there, not available to the transcriber." if unread else ""),
        "Ours is the mean ± standard deviation over seeds; arrows point to the better direction. "
        f"{_listed(scaled)} are times 100; the validation loss is in nats a token.",
        "Our parameter counts are exact integers; after the plus, those that move without a gradient. "
        "M is 2^20 = 1,048,576; where the paper's M is another, it is said below.",
        *_comparison_notes(table),
        *_code_notes(table),
        *table.notes,
    )


def effects_note(table: Table) -> str:
    """How to read the differences."""
    return (
        f"A method minus {table.reference}, paired by seed, with the {CONFIDENCE:.0%} Student-t interval over seeds. "
        "The paper states neither seeds nor deviations, so its differences have no interval."
    )


def controls_note(table: Table) -> str:
    """How to read the differences from the controls."""
    subject = next(iter(table.control_effects)).left
    return (
        f"{subject} minus each control, paired by seed. Every control is LoRA without dropout in its branch, as "
        f"{subject} is; one marked (1+lambda) has that many times LoRA's scaling (alpha) or learning rate as well. "
        "The paper's table has no such rows."
    )


def provenance(table: Table) -> tuple[tuple[str, str], ...]:
    """Where our numbers come from: name and value."""
    source = table.provenance
    lines = [(f"signature of {metric}", signature) for metric, signature in source.signatures.items()]
    lines += [(f"data, {name}", f"sha256 {digest[:12]}") for name, digest in source.data_sha256.items()]
    if source.model is not None and source.model_sha256 is not None:
        lines.append(("pre-trained weights", f"{source.model}, sha256 {source.model_sha256[:12]}"))
    if source.results_version is not None:
        lines.append(("results version", str(source.results_version)))
    lines += [
        (name, "; ".join(values))
        for name, values in (
            ("commit", source.commits),
            ("torch", source.torch_versions),
            ("device", source.devices),
        )
        if values
    ]
    lines.append(("unfinished runs", str(len(table.unfinished))))
    if source.superseded:
        lines.append(("runs of other results versions, not used", str(source.superseded)))
    return tuple(lines)


def unfinished_lines(table: Table) -> tuple[str, ...]:
    """One line for every run that gave no numbers, and one for every row with seeds that were never run."""
    stopped = [f"{run.row}, seed {run.seed}: {run.status}, {run.reason} (run {run.run_id})" for run in table.unfinished]
    missing = [
        f"{row.row}, seed{'s' if len(row.not_run) > 1 else ''} {_listed([str(seed) for seed in row.not_run])}: not run"
        for row in table.rows
        if row.not_run
    ]
    return (*stopped, *missing)


def _finished_seeds(finished: tuple[int, ...], asked: tuple[int, ...]) -> str:
    listed = f"{', '.join(map(str, finished))} (n = {len(finished)})" if finished else "none yet"
    return listed if finished == asked else f"{listed}, asked {', '.join(map(str, asked))}"


def _training(table: Table) -> str:
    source = table.provenance
    if not source.optimizer_steps:
        return MISSING
    steps = f"{_listed([f'{steps:,}' for steps in source.optimizer_steps])} steps"
    return steps + (f" ({_listed([str(epochs) for epochs in source.epochs])} epochs)" if source.epochs else "")


def _comparison_notes(table: Table) -> tuple[str, ...]:
    if table.departures:
        return (
            "For the reasons given, these runs are not of the paper's setting: its numbers and ours must not be "
            "subtracted; compare the differences between methods below.",
        )
    return ("The runs are of the paper's setting: ours - paper is the gap.",) if table.comparable else ()


def _code_notes(table: Table) -> tuple[str, ...]:
    source = table.provenance
    notes = []
    if len(source.commits) > 1:
        notes.append(f"The runs are of {len(source.commits)} commits: {_listed(source.commits)}.")
    if source.dirty_runs:
        count = "1 run was" if source.dirty_runs == 1 else f"{source.dirty_runs} runs were"
        notes.append(f"{count} of a work tree that differed from its commit (dirty).")
    return tuple(notes)


def _result_lines(row: RowResult, columns: Sequence[MetricColumn]) -> tuple[tuple[str, ...], ...]:
    lines: list[tuple[str, ...]] = []
    if row.in_paper:
        paper = [_paper_cell(row.cells[column.name].paper, column) for column in columns]
        lines.append((row.label, "paper", row.paper_parameters or NOT_AVAILABLE, *paper))
    ours = [_our_cell(row.cells[column.name].ours, column, len(row.seeds)) for column in columns]
    lines.append(("" if row.in_paper else row.label, _who(row), _parameters(row), *ours))
    if any(row.cells[column.name].difference is not None for column in columns):
        gaps = [_gap_cell(row.cells[column.name], column) for column in columns]
        lines.append(("", "ours - paper", "", *gaps))
    return tuple(lines)


def _effect_lines(label: str, effect: Effect, columns: Sequence[MetricColumn]) -> tuple[tuple[str, ...], ...]:
    cells = [effect.cells[column.name] for column in columns]
    lines: list[tuple[str, ...]] = []
    if any(cell.paper is not None for cell in cells):
        paper = [
            _signed(cell.paper, column.paper_decimals) if cell.paper is not None else _absent(column)
            for cell, column in zip(cells, columns, strict=True)
        ]
        lines.append((label, "paper", *paper))
    counts = [cell.ours.n for cell in cells if cell.ours is not None]
    if counts:
        most = max(counts)
        ours = [
            _signed(cell.ours.mean, column.our_decimals) + _seed_remark(cell.ours.n, most)
            if cell.ours is not None
            else MISSING
            for cell, column in zip(cells, columns, strict=True)
        ]
        lines.append(("" if lines else label, f"ours, {_seeds(most)}", *ours))
        if most > 1:
            intervals = [_interval(cell.ours, column) for cell, column in zip(cells, columns, strict=True)]
            lines.append(("", _INTERVAL, *intervals))
    return tuple(lines)


def _column_title(column: MetricColumn) -> str:
    return f"{column.name} {'↑' if column.higher_is_better else '↓'}"


def _who(row: RowResult) -> str:
    who = "control (ours)" if row.control else "ours"
    finished, asked = len(row.seeds), len(row.seeds_asked)
    if not row.seeds and not row.unfinished:
        return f"{who}, not run"
    return f"{who}, {_seeds(finished)}" if finished == asked else f"{who}, {finished} of {_seeds(asked)}"


def _parameters(row: RowResult) -> str:
    if row.trainable is None:
        return MISSING
    return f"{row.trainable:,}" + (f" + {row.extra_updatable:,}" if row.extra_updatable else "")


def _paper_cell(value: float | None, column: MetricColumn) -> str:
    return f"{value:.{column.paper_decimals}f}" if value is not None else _absent(column)


def _absent(column: MetricColumn) -> str:
    # The paper has no validation loss at all, which is not the same as one we could not read.
    return "" if column == VALIDATION_LOSS else NOT_AVAILABLE


def _our_cell(ours: Summary | None, column: MetricColumn, row_seeds: int) -> str:
    if ours is None:
        return MISSING
    mean = f"{ours.mean:.{column.our_decimals}f}"
    spread = f"±{ours.sd:.{column.our_decimals}f}" if ours.sd is not None else ""
    return mean + spread + _seed_remark(ours.n, row_seeds)


def _gap_cell(cell: Cell, column: MetricColumn) -> str:
    if cell.difference is not None:
        return _signed(cell.difference, column.our_decimals)
    return _absent(column)


def _seed_remark(n: int, of_line: int) -> str:
    """What a cell says of its seeds: always if it is only one, else if they are not those of its line."""
    return f" (n={n})" if n == 1 or n != of_line else ""


def _interval(ours: Summary | None, column: MetricColumn) -> str:
    if ours is None or ours.interval is None:
        return MISSING
    low, high = ours.interval.low, ours.interval.high
    return f"{_signed(low, column.our_decimals)}…{_signed(high, column.our_decimals)}"


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
