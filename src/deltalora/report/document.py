"""A table as a document: what is printed, in which order. Markdown, LaTeX, JSON and the page print it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deltalora.report import grids
from deltalora.report.divergences import divergence_note
from deltalora.report.grids import MISSING, Difference, Grid, listed, numbered
from deltalora.report.provenance import PartProvenance
from deltalora.report.statistics import ALPHA, CONFIDENCE, NO_SPREAD, NOT_ENOUGH_SEEDS, POWER
from deltalora.report.table import VALIDATION_LOSS, ExampleComparison, Family, Table
from deltalora.results.table_request import heading

#: Names and values to print.
Pairs = Sequence[tuple[str, str]]

_CONTROLS = "the controls (ours)"
_PERCENT = f"{CONFIDENCE:.0%}"


@dataclass(frozen=True)
class Section:
    """Differences, or the evidence for them."""

    key: str  #: for labels: 'effects', 'controls', 'seeds', 'controls-seeds', 'examples' or 'controls-examples'
    title: str  #: e.g. 'Evidence over seeds: differences from LoRA'
    grids: tuple[Grid, ...]  #: one or more, none of them empty
    note: str  #: how to read them


@dataclass(frozen=True)
class Document:
    """Everything that is printed of a table, in order."""

    heading: str  #: e.g. 'Table 1'
    title: str  #: of the paper's table
    facts: Pairs  #: what a reader must know before the first number
    results: tuple[Grid, ...]  #: the paper's lines and ours
    counts: tuple[Grid, ...]  #: parameters, and what differs between experiments; empty with one experiment
    notes: Sequence[str]  #: how to read the numbers, in sentences
    divergences: str  #: the line that names the register's entries; empty without any
    sections: Sequence[Section]  #: differences and their evidence
    unfinished: Sequence[str]  #: one line per run without numbers, and one per row and seeds that were never run
    provenance: Pairs  #: where our numbers come from


def document(table: Table) -> Document:
    """Lay a table out."""
    return Document(
        heading=heading(table.name),
        title=table.title,
        facts=_facts(table),
        results=grids.results_grids(table),
        counts=(grids.parameters_grid(table), grids.parts_grid(table)) if len(table.parts) > 1 else (),
        notes=_notes(table),
        divergences=divergence_note(table.divergences),
        sections=_sections(table),
        unfinished=_unfinished(table),
        provenance=_provenance(table),
    )


def _facts(table: Table) -> Pairs:
    source = table.provenance
    named = [("scale", source.scale), ("backbone", source.model or MISSING), ("data", source.source)]
    named += _facts_of_parts(source.parts) if len(table.parts) > 1 else _facts_of_one(source.parts[table.parts[0]])
    seeds = f"{', '.join(map(str, source.seeds))} (n = {len(source.seeds)})" if source.seeds else "none yet"
    if source.seeds != source.seeds_asked:
        seeds += f", requested {', '.join(map(str, source.seeds_asked))}"
    named.append(("seeds", seeds))
    if table.departures:
        named.append(("not the paper's setting", ", ".join(table.departures)))
    return named


def _facts_of_one(part: PartProvenance) -> Pairs:
    training = MISSING
    if part.optimizer_steps:
        training = f"{listed([f'{steps:,}' for steps in part.optimizer_steps])} steps"
        training += f" ({listed([str(epochs) for epochs in part.epochs])} epochs)" if part.epochs else ""
    return [
        *((name, ", ".join(values)) for name, values in part.text.items()),
        ("training", training),
        ("split", part.split or MISSING),
        ("scored inputs", ", ".join(f"{n:,}" for n in sorted(set(part.inputs.values()))) or MISSING),
        ("checkpoint", part.selection_rule or MISSING),
    ]


def _facts_of_parts(parts: Mapping[str, PartProvenance]) -> Pairs:
    """Return what all experiments share, and which start from what; the rest is in `parts_grid`."""
    starts: dict[str, list[str]] = {}
    for name, part in parts.items():
        if part.initialised_from:
            starts.setdefault(listed(part.initialised_from), []).append(name)
    return [
        ("checkpoint", ", ".join(sorted({part.selection_rule or MISSING for part in parts.values()}))),
        *((f"init_from of {listed(names)}", start) for start, names in starts.items()),
    ]


def _notes(table: Table) -> Sequence[str]:
    read = [column for column in table.columns if column != VALIDATION_LOSS and not column.mean_of]
    scaled = [column.name for column in read if column.factor == 100]
    units = f"{'All scores' if len(scaled) == len(read) else listed(scaled)} are times 100"
    if VALIDATION_LOSS in table.columns:
        units += "; the validation loss is in nats per token"
    moved = "after the plus, those that move without a gradient. " if len(table.parts) == 1 else ""
    notes = [
        f"The paper's lines: {table.setting}.",
        f"Ours is the mean ± standard deviation over seeds; arrows point to the better direction. {units}.",
        f"Our parameter counts are exact integers; {moved}M is 2^20 = 1,048,576; deviations in the paper's unit are "
        "noted below.",
    ]
    if table.departures:
        notes.append(
            "For the reasons above, these runs are not in the paper's setting: its numbers and ours must not be "
            "subtracted; compare the differences between methods below."
        )
    elif table.comparable:
        notes.append("The runs are in the paper's setting: ours - paper is the gap.")
    source = table.provenance
    if len(source.commits) > 1:
        notes.append(f"The runs are of {len(source.commits)} commits: {listed(source.commits)}.")
    if source.dirty_runs:
        notes.append(f"{numbered(source.dirty_runs, 'run')} had a work tree that differed from its commit (dirty).")
    return (*notes, *table.notes)


def _sections(table: Table) -> Sequence[Section]:
    row_of = {row.label: row.row for row in table.rows}
    effects = [(row.row, row.effect.left, row.effect) for row in table.rows if row.effect is not None]
    controls = [(row_of.get(one.right, ""), one.right, one) for one in table.control_effects]
    groups = [("", table.rows_title, table.reference, effects), ("controls-", "Control", _CONTROLS, controls)]
    groups = groups[: len(table.families)]  # without controls there is one family
    found = []
    for prefix, title, other, pairs in groups:
        note = _controls_note(table) if prefix else _effects_note(table)
        shown = grids.effects_grids(title, pairs, table.columns)
        found.append(Section(prefix.rstrip("-") or "effects", f"Differences from {other}", shown, note))
    evidence = (("seeds", grids.seeds_grid, _seeds_note), ("examples", grids.examples_grid, _examples_note))
    for what, grid_of, note_of in evidence:
        for family, (prefix, title, other, pairs) in zip(table.families, groups, strict=True):
            of, grid = f"Evidence over {what}: differences from {other}", grid_of(title, pairs, table.columns)
            found.append(Section(f"{prefix}{what}", of, (grid,), note_of(family, pairs)))
    return [section for section in found if any(grid.groups for grid in section.grids)]


def _effects_note(table: Table) -> str:
    return (
        f"{'A method' if table.vary is None else 'Each value'} minus {table.reference}, paired by seed, with the "
        f"{_PERCENT} Student-t interval over seeds. The paper states neither seeds nor deviations, so its differences "
        "have no interval."
    )


def _controls_note(table: Table) -> str:
    subject = table.control_effects[0].left
    return (
        f"{subject} minus each control, paired by seed. Every control is LoRA without dropout in its branch, as "
        f"{subject} is; one marked (1+lambda) has that many times LoRA's scaling (alpha) or learning rate as well. "
        "The paper's table has no such rows."
    )


def _seeds_note(family: Family, effects: Sequence[Difference]) -> str:
    evidence = [cell.over_seeds for *_, effect in effects for cell in effect.cells.values() if cell.over_seeds]
    sentences = [
        f"Over paired seeds: the {_PERCENT} Student-t interval of the difference; p, two-sided paired t test; p "
        f"(Holm), adjusted across {family.name}, {numbered(family.over_seeds, 'test')}; P(better), the share of seeds "
        "in which the left side is better, ties half; MDD, the true difference that as many seeds would detect with "
        f"power {POWER:g} at p < {ALPHA:.2f} before any adjustment, given the observed deviation."
    ]
    if any(one.n == 2 for one in evidence):
        sentences.append(
            "Two seeds leave one degree of freedom: an interval of 12.7 standard errors to either side, and an MDD of "
            "16.3; a large p is no evidence against a difference."
        )
    if any(one.note == NOT_ENOUGH_SEEDS for one in evidence):
        sentences.append("One seed gives neither interval nor test.")
    if any(one.note == NO_SPREAD for one in evidence):
        sentences.append("Where every seed shows the same difference (no spread) there is no test.")
    return " ".join(sentences)


def _examples_note(family: Family, effects: Sequence[Difference]) -> str:
    cells = [cell.over_examples for *_, effect in effects for cell in effect.cells.values()]
    resamples = sorted({cell.resamples for cell in cells if isinstance(cell, ExampleComparison)})
    note = (
        "Over the test set's examples, with the outputs of exactly these runs: a paired bootstrap of the difference, "
        "averaged over the seeds, on the same resampled examples for all. It says nothing about models trained with "
        "other seeds."
    )
    if not resamples:
        return note
    return (
        f"{note} {' and '.join(f'{one:,}' for one in resamples)} resamples: no p is below "
        f"{2 / (resamples[-1] + 1):.1g}. p (Holm), adjusted across {family.name}, "
        f"{numbered(family.over_examples, 'test')}."
    )


def _unfinished(table: Table) -> Sequence[str]:
    several = len(table.parts) > 1
    lines = [
        f"{run.row}{f', {run.part}' if several else ''}, seed {run.seed}: {run.status}, {run.reason} (run {run.run_id})"
        for run in table.unfinished
    ]
    for row in table.rows:
        by_seeds: dict[tuple[int, ...], list[str]] = {}
        for name, part in row.parts.items():
            if part.not_run:
                by_seeds.setdefault(part.not_run, []).append(name)
        for seeds, names in by_seeds.items():
            where = f", {listed(names)}" if several else ""
            numbers = f"seed{'s' if len(seeds) > 1 else ''} {listed([str(seed) for seed in seeds])}"
            lines.append(f"{row.label if table.vary else row.row}{where}, {numbers}: not run")
    return lines


def _provenance(table: Table) -> Pairs:
    source = table.provenance
    several = len(source.parts) > 1
    lines: list[tuple[str, str]] = []
    for name, part in source.parts.items():
        of = f", {name}" if several else ""
        lines += [(f"signature of {metric}{of}", signature) for metric, signature in part.signatures.items()]
        digests = [(file, f"sha256 {digest[:12]}") for file, digest in part.data_sha256.items()]
        if several and digests:
            lines.append((f"data, {name}", "; ".join(f"{file} {digest}" for file, digest in digests)))
        else:
            lines += [(f"data, {file}", digest) for file, digest in digests]
    if source.model is not None and source.model_sha256 is not None:
        lines.append(("pre-trained weights", f"{source.model}, sha256 {source.model_sha256[:12]}"))
    if source.results_version is not None:
        lines.append(("results version", str(source.results_version)))
    versions = (("commit", source.commits), ("torch", source.torch_versions), ("device", source.devices))
    lines += [(name, "; ".join(values)) for name, values in versions if values]
    lines.append(("unfinished runs", str(len(table.unfinished))))
    if source.superseded:
        lines.append(("runs of other results versions, not used", str(source.superseded)))
    return lines
