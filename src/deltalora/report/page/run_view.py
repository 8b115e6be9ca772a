"""The page of one run: what was asked, what came out, where, at what cost, and how to do it again."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deltalora.errors import StoreError
from deltalora.report.page.again import as_json, command_again, leaves
from deltalora.report.page.environment import duration, render, size
from deltalora.report.page.samples import SAMPLES, Samples, log_tail, samples
from deltalora.report.page.series import own_curves
from deltalora.results import Prediction, RunRecord, Segments, Store, read_segments

#: Experiment, name of a score and some rows of its statistics -> its value of each row alone; None where one row has
#: none (a correlation). The command hands it in: this room does not know the metrics.
ExampleScores = Callable[[str, str, npt.NDArray[np.float64]], Sequence[float] | None]

#: Names and values, to print.
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """A prediction as the page shows it.

    Attributes:
        place: In the file, from 1.
        prediction: With its references.
        scores: Score -> value of this example alone, to print.
    """

    place: int
    prediction: Prediction
    scores: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunPage:
    """What one page is made of.

    Attributes:
        folder: The run's.
        tables: Anchor and title of every table it stands in.
    """

    folder: Path
    tables: tuple[tuple[str, str], ...]


def run_page(page: RunPage, example_scores: ExampleScores | None) -> str:
    """The page as HTML.

    Raises:
        StoreError: The record, predictions or segments are there and cannot be read.
    """
    folder = page.folder
    record = Store(folder.parent).read(folder.name)
    if record is None:
        raise StoreError(f"{folder}: expected the record that was there a moment ago, found none; write the page again")
    shown = samples(record, folder)
    scored, scoring_note = _sample_rows(record, folder, shown, example_scores)
    values: dict[str, object] = {
        "record": record,
        "root": "../",
        "title": f"Run {record.run_id}",
        "tables": page.tables,
        "facts": _facts(record),
        "config": "\n".join(f"{key}: {as_json(value)}" for key, value in leaves(record.config)),
        "command": command_again(record),
        "starts_from_run": record.config.get("init_from") is not None,
        "environment": _environment(record),
        "data": _data(record),
        "cost": _cost(record),
        "plot_data": own_curves(record.curve),
        "samples": scored,
        "samples_total": shown.total,
        "samples_wanted": SAMPLES,
        "samples_note": shown.note,
        "scoring_note": scoring_note,
        "diagnostics": json.dumps(record.diagnostics, ensure_ascii=False, indent=1) if record.diagnostics else "",
        "log": log_tail(folder),
    }
    return render("run.html", values)


def _sample_rows(
    record: RunRecord, folder: Path, shown: Samples, example_scores: ExampleScores | None
) -> tuple[list[Sample], str]:
    """The samples with each one's own scores, and why there are none where there are none."""
    by_id: Mapping[str, tuple[tuple[str, str], ...]] = {}
    note = ""
    if not shown.rows:
        pass
    elif record.segments is None:
        note = "This record has no statistics of single examples, so the samples have no scores of their own."
    elif not (folder / record.segments.file).is_file():
        note = "The statistics of single examples are not kept with this record."
    elif example_scores is not None:
        segments = read_segments(folder, record.segments)
        by_id = _scores_by_id(record.experiment, segments, [row.id for _, row in shown.rows], example_scores)
        note = (
            "The numbers at a sample are its score alone, in the metric's own unit; corpus scores are no mean of them."
        )
    return [Sample(place + 1, row, by_id.get(row.id, ())) for place, row in shown.rows], note


def _scores_by_id(
    experiment: str, segments: Segments, ids: Sequence[str], example_scores: ExampleScores
) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {one: [] for one in ids}
    for score, rows in segments.statistics.items():
        place_of = {one: place for place, one in enumerate(segments.ids_of(score))}
        here = [one for one in ids if one in place_of]
        values = example_scores(experiment, score, rows[[place_of[one] for one in here]]) if here else None
        for one, value in zip(here, values or (), strict=values is not None):
            found[one].append((score, f"{value:.3g}"))
    return {one: tuple(scores) for one, scores in found.items()}


def _facts(record: RunRecord) -> Pairs:
    facts = [
        ("Status", record.status),
        ("Experiment", record.experiment),
        ("Row", record.row),
        ("Method", record.method),
        ("Scale", record.scale),
        ("Data", record.source),
        ("Seed", str(record.seed)),
        ("Backbone", record.model.name),
    ]
    if record.parameters is not None:
        counts = record.parameters
        facts.append(("Trainable parameters", f"{counts.trainable:,}"))
        if counts.extra_updatable:
            facts.append(("Moved without a gradient", f"{counts.extra_updatable:,}"))
        if counts.head:
            facts.append(("Head, counted apart", f"{counts.head:,}"))
        facts.append(("Of the backbone", f"{counts.total:,}"))
    if record.selection is not None:
        facts.append(
            ("Scored", f"{record.selection.split}, {record.selection.rule} checkpoint, step {record.selection.step:,}")
        )
    facts += [(f"Validation {name}", f"{value:.4f}") for name, value in record.validation.items()]
    facts.append(("Started", f"{record.started_at:%Y-%m-%d %H:%M} UTC"))
    facts.append(("Ended", f"{record.finished_at:%Y-%m-%d %H:%M} UTC"))
    return tuple(facts)


def _environment(record: RunRecord) -> Pairs:
    code, machine = record.code, record.environment
    commit = code.commit or "unknown"
    return (
        ("Commit", commit + (" (work tree differed)" if code.dirty else "")),
        ("Results version", str(code.results_version)),
        ("Configuration id", record.config_id),
        ("Python", machine.python),
        ("Platform", machine.platform),
        ("Processor", f"{machine.cpu}, {machine.cores} cores"),
        ("Accelerator", machine.accelerator or "none"),
        ("Memory", size(machine.memory_bytes)),
        *machine.libraries.items(),
    )


def _data(record: RunRecord) -> Pairs:
    lines = [(f"{name}, sha256", digest) for name, digest in record.data.files.items()]
    lines += [(f"{name}, count", f"{count:,}") for name, count in record.data.counts.items()]
    if record.data.tokenised_sha256 is not None:
        lines.append(("token ids, sha256", record.data.tokenised_sha256))
    lines.append((f"weights of {record.model.name}, sha256", record.model.sha256))
    if record.model.revision is not None:
        lines.append(("revision at the hub", record.model.revision))
    return tuple(lines)


def _cost(record: RunRecord) -> Pairs:
    cost = record.cost
    lines = [
        ("Training", duration(cost.train_s)),
        ("Validation", duration(cost.evaluation_s)),
        ("Decoding", duration(cost.decoding_s)),
        ("Scoring", duration(cost.scoring_s)),
        ("All phases", duration(cost.wall_s)),
        ("Peak memory of training", size(cost.peak_memory_bytes)),
    ]
    if cost.train_tokens is not None:
        lines.append(("Training tokens", f"{cost.train_tokens:,}"))
    if cost.tokens_per_s is not None:
        lines.append(("Tokens a second", f"{cost.tokens_per_s:,.0f}"))
    return tuple(lines)


def write_run_pages(folder: Path, pages: Sequence[RunPage], example_scores: ExampleScores | None) -> int:
    """Write pages into a folder that is there, and return how many.

    Raises:
        StoreError: A file of a run cannot be read, or a page cannot be written.
    """
    for page in pages:
        path = folder / f"{page.folder.name}.html"
        text = run_page(page, example_scores)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{path}: expected to write a page, found: {error}; free or mend it") from error
    return len(pages)
