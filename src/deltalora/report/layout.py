"""A table as lines of plain text cells, the same for Markdown and LaTeX.

A row takes a line for the paper and a line for us, so that what belongs together stands one above the other, and many
columns take several grids: the whole stays narrow enough for a terminal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltalora.report.paper import MetricColumn
from deltalora.report.provenance import PartProvenance
from deltalora.report.statistics import CONFIDENCE, Summary
from deltalora.report.table import VALIDATION_LOSS, Cell, Effect, RowResult, Table

#: Printed column that is a hyper-parameter -> its heading.
SETTING_TITLES = {"learning_rate": "Learning rate", "update_ratio": "λ"}

#: A number nobody has: not run, failed, or without a common seed.
MISSING = "–"

#: The counts of `PartResult`, in the order of the columns of `parameters_grid`.
_COUNTS = ("trainable", "extra_updatable", "head")

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


def results_grids(table: Table) -> tuple[Grid, ...]:
    """The paper's line, ours, and in the paper's setting their difference, for every row; a grid for every block.

    Of one experiment, the first grid shows the parameters as well; of several, `parameters_grid` does.
    """
    grids = []
    for block, columns in _blocks(table.columns):
        counted = block == 1 and len(table.parts) == 1
        left = ["Parameters"] if counted else []
        left += [SETTING_TITLES[name] for name in table.settings]
        header = (_rows_title(table), "From", *left, *map(_column_title, columns))
        groups = tuple(group for row in table.rows if (group := _result_lines(row, table, columns, counted)))
        grids.append(Grid(header=header, groups=groups, text_columns=2))
    return tuple(grids)


def parameters_grid(table: Table) -> Grid:
    """The exact numbers of parameters, as ranges over the experiments of the table; empty for a table of one."""
    header = ("Method", "From", "Trainable", "Moved without a gradient", "Head, counted apart")
    groups = []
    for row in table.rows if len(table.parts) > 1 else ():
        lines: list[tuple[str, ...]] = []
        if row.in_paper:
            lines.append((row.label, "paper", row.paper_parameters or "", "", ""))
        counts = (_range(getattr(part, key) for part in row.parts.values()) for key in _COUNTS)
        lines.append(("" if row.in_paper else row.label, "control (ours)" if row.control else "ours", *counts))
        groups.append(tuple(lines))
    return Grid(header=header, groups=tuple(groups), text_columns=2)


def parts_grid(table: Table) -> Grid:
    """What differs between the experiments of the table, a line for each; empty for a table of one."""
    header = ("Experiment", "Split", "Checkpoint", "Starts from", "Steps", "Epochs", "Scored inputs")
    lines = [
        (
            name,
            part.split or MISSING,
            part.selection_rule or MISSING,
            _listed(part.initialised_from) or MISSING,
            _listed([f"{steps:,}" for steps in part.optimizer_steps]) or MISSING,
            _listed([str(epochs) for epochs in part.epochs]) or MISSING,
            _listed([f"{n:,}" for n in sorted(set(part.inputs.values()))]) or MISSING,
        )
        for name, part in table.provenance.parts.items()
    ]
    return Grid(header=header, groups=(tuple(lines),) if len(table.parts) > 1 else (), text_columns=4)


def effects_grids(table: Table) -> tuple[Grid, ...]:
    """Every row minus the reference: the paper's effect, ours, and its interval; only where there is a number."""
    effects = [(row.effect.left, row.effect) for row in table.rows if row.effect is not None]
    return _effects_grids(_rows_title(table), effects, table.columns)


def controls_grids(table: Table) -> tuple[Grid, ...]:
    """The method under test minus every control, laid out as `effects_grids`."""
    return _effects_grids("Control", [(effect.right, effect) for effect in table.control_effects], table.columns)


def _effects_grids(
    title: str, effects: Sequence[tuple[str, Effect]], columns: Sequence[MetricColumn]
) -> tuple[Grid, ...]:
    grids = []
    for _, block in _blocks(columns):
        header = (title, "From", *map(_column_title, block))
        lines = [_effect_lines(label, effect, block) for label, effect in effects]
        grids.append(Grid(header=header, groups=tuple(group for group in lines if group), text_columns=2))
    return tuple(grid for grid in grids if grid.groups)


def _blocks(columns: Sequence[MetricColumn]) -> list[tuple[int, list[MetricColumn]]]:
    numbers = sorted({column.block for column in columns})
    return [(number, [column for column in columns if column.block == number]) for number in numbers]


def _rows_title(table: Table) -> str:
    return "Method" if table.vary is None else table.vary.rpartition(".")[2]


def facts(table: Table) -> tuple[tuple[str, str], ...]:
    """What a reader must know before the first number: name and value."""
    source = table.provenance
    named = [("scale", source.scale), ("backbone", source.model or MISSING), ("data", source.source)]
    named += _facts_of_parts(source.parts) if len(table.parts) > 1 else _facts_of_one(source.parts[table.parts[0]])
    named.append(("seeds", _finished_seeds(source.seeds, source.seeds_asked)))
    if table.departures:
        named.append(("not the paper's setting", ", ".join(table.departures)))
    return tuple(named)


def _facts_of_one(part: PartProvenance) -> list[tuple[str, str]]:
    inputs = sorted(set(part.inputs.values()))
    return [
        *((name, ", ".join(values)) for name, values in part.text.items()),
        ("training", _training(part)),
        ("split", part.split or MISSING),
        ("scored inputs", ", ".join(f"{n:,}" for n in inputs) or MISSING),
        ("checkpoint", part.selection_rule or MISSING),
    ]


def _facts_of_parts(parts: Mapping[str, PartProvenance]) -> list[tuple[str, str]]:
    """What all experiments share, and which start from what; the rest is in `parts_grid`."""
    starts: dict[str, list[str]] = {}
    for name, part in parts.items():
        if part.initialised_from:
            starts.setdefault(_listed(part.initialised_from), []).append(name)
    return [
        ("checkpoint", ", ".join(sorted({part.selection_rule or MISSING for part in parts.values()}))),
        *((f"init_from of {_listed(names)}", start) for start, names in starts.items()),
    ]


def reading_notes(table: Table) -> tuple[str, ...]:
    """How to read the numbers, in sentences."""
    loss = "the validation loss is in nats a token" if VALIDATION_LOSS in table.columns else ""
    units = "; ".join(text for text in (_scaled(table.columns), loss) if text)
    return (
        f"The paper's lines: {table.setting}.",
        "Ours is the mean ± standard deviation over seeds; arrows point to the better direction. " + f"{units}.",
        "Our parameter counts are exact integers; "
        + ("after the plus, those that move without a gradient. " if len(table.parts) == 1 else "")
        + "M is 2^20 = 1,048,576; where the paper's M is another, it is said below.",
        *_comparison_notes(table),
        *_code_notes(table),
        *table.notes,
    )


def _scaled(columns: Sequence[MetricColumn]) -> str:
    read = [column for column in columns if column != VALIDATION_LOSS and not column.mean_of]
    scaled = [column.name for column in read if column.factor == 100]
    return "All scores are times 100" if len(scaled) == len(read) else f"{_listed(scaled)} are times 100"


def effects_note(table: Table) -> str:
    """How to read the differences."""
    each = "A method" if table.vary is None else "Each value"
    return (
        f"{each} minus {table.reference}, paired by seed, with the {CONFIDENCE:.0%} Student-t interval over seeds. "
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
    several = len(source.parts) > 1
    lines: list[tuple[str, str]] = []
    for name, part in source.parts.items():
        of = f", {name}" if several else ""
        lines += [(f"signature of {metric}{of}", signature) for metric, signature in part.signatures.items()]
        digests = [(f"data, {file}", f"sha256 {digest[:12]}") for file, digest in part.data_sha256.items()]
        if several and digests:
            listed = "; ".join(f"{file.removeprefix('data, ')} {digest}" for file, digest in digests)
            digests = [(f"data, {name}", listed)]
        lines += digests
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
    """One line for every run that gave no numbers, and one for every row's runs that were never made."""
    several = len(table.parts) > 1
    stopped = [
        f"{run.row}{f', {run.part}' if several else ''}, seed {run.seed}: {run.status}, {run.reason} (run {run.run_id})"
        for run in table.unfinished
    ]
    missing = []
    for row in table.rows:
        by_seeds: dict[tuple[int, ...], list[str]] = {}
        for name, part in row.parts.items():
            if part.not_run:
                by_seeds.setdefault(part.not_run, []).append(name)
        for seeds, names in by_seeds.items():
            where = f", {_listed(names)}" if several else ""
            listed = f"seed{'s' if len(seeds) > 1 else ''} {_listed([str(seed) for seed in seeds])}"
            missing.append(f"{row.label if table.vary else row.row}{where}, {listed}: not run")
    return (*stopped, *missing)


def _finished_seeds(finished: tuple[int, ...], asked: tuple[int, ...]) -> str:
    listed = f"{', '.join(map(str, finished))} (n = {len(finished)})" if finished else "none yet"
    return listed if finished == asked else f"{listed}, asked {', '.join(map(str, asked))}"


def _training(part: PartProvenance) -> str:
    if not part.optimizer_steps:
        return MISSING
    steps = f"{_listed([f'{steps:,}' for steps in part.optimizer_steps])} steps"
    return steps + (f" ({_listed([str(epochs) for epochs in part.epochs])} epochs)" if part.epochs else "")


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


def _result_lines(
    row: RowResult, table: Table, columns: Sequence[MetricColumn], counted: bool
) -> tuple[tuple[str, ...], ...]:
    lines: list[tuple[str, ...]] = []
    blank = ("",) * (counted + len(table.settings))
    if row.in_paper and any(column.in_paper for column in columns):
        left = [row.paper_parameters or ""] if counted else []
        left += [row.settings[name].paper or MISSING for name in table.settings]
        paper = [_paper_cell(row.cells[column.name]) for column in columns]
        lines.append((row.label, "paper" if row.quoted is None else "paper, quoted", *left, *paper))
    if row.quoted is not None:
        return tuple(lines)
    left = [_parameters(row)] if counted else []
    left += [row.settings[name].ours or MISSING for name in table.settings]
    ours = [_our_cell(row.cells[column.name].ours, column, len(row.seeds)) for column in columns]
    label = row.remark if lines else " ".join(text for text in (row.label, row.remark) if text)
    lines.append((label, _who(row), *left, *ours))
    if any(row.cells[column.name].difference is not None for column in columns):
        gaps = [_gap_cell(row.cells[column.name].difference, column) for column in columns]
        lines.append(("", "ours - paper", *blank, *gaps))
        inside = [_inside_cell(row.cells[column.name]) for column in columns]
        lines.append(("", f"paper in {_INTERVAL}", *blank, *inside))
    return tuple(lines)


def _effect_lines(label: str, effect: Effect, columns: Sequence[MetricColumn]) -> tuple[tuple[str, ...], ...]:
    cells = [effect.cells[column.name] for column in columns]
    lines: list[tuple[str, ...]] = []
    if any(cell.paper is not None for cell in cells):
        paper = ["" if cell.paper is None else f"{cell.paper:+}" if cell.paper else str(cell.paper) for cell in cells]
        lines.append((label, "paper", *paper))
    counts = [cell.ours.n for cell in cells if cell.ours is not None]
    if counts:
        most = max(counts)
        ours = [
            signed(cell.ours.mean, column.our_decimals) + _seed_remark(cell.ours.n, most)
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
    if not row.runs_finished and not any(part.unfinished for part in row.parts.values()):
        return f"{who}, not run"
    if row.runs_finished == row.runs_asked:
        return f"{who}, {_seeds(len(row.seeds))}"
    if len(row.parts) > 1:
        return f"{who}, {row.runs_finished} of {row.runs_asked} runs"
    return f"{who}, {len(row.seeds)} of {_seeds(row.runs_asked)}"


def _parameters(row: RowResult) -> str:
    part = next(iter(row.parts.values()))
    if part.trainable is None:
        return MISSING
    return f"{part.trainable:,}" + (f" + {part.extra_updatable:,}" if part.extra_updatable else "")


def _range(counts: Iterable[int | None]) -> str:
    known = sorted({count for count in counts if count is not None})
    if not known:
        return MISSING
    return f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,}–{known[-1]:,}"


def _paper_cell(cell: Cell) -> str:
    return "" if cell.paper is None else str(cell.paper)


def _gap_cell(gap: float | None, column: MetricColumn) -> str:
    return "" if gap is None else signed(gap, column.our_decimals)


def _our_cell(ours: Summary | None, column: MetricColumn, row_seeds: int) -> str:
    if ours is None:
        return MISSING
    mean = f"{ours.mean:.{column.our_decimals}f}"
    spread = f"±{ours.sd:.{column.our_decimals}f}" if ours.sd is not None else ""
    return mean + spread + _seed_remark(ours.n, row_seeds)


def _inside_cell(cell: Cell) -> str:
    return {True: "yes", False: "no", None: "" if cell.difference is None else "1 seed"}[cell.paper_in_interval]


def _seed_remark(n: int, of_line: int) -> str:
    """What a cell says of its seeds: always if it is only one, else if they are not those of its line."""
    return f" (n={n})" if n == 1 or n != of_line else ""


def _interval(ours: Summary | None, column: MetricColumn) -> str:
    if ours is None or ours.interval is None:
        return MISSING
    low, high = ours.interval.low, ours.interval.high
    return f"{signed(low, column.our_decimals)}…{signed(high, column.our_decimals)}"


def signed(value: float, decimals: int) -> str:
    """The number with its sign; none where it is printed as 0."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
