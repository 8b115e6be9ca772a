"""The page of one run: what was asked, what came out, where, at what cost, and how to do it again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from deltalora.errors import StoreError
from deltalora.page.command_line import command_again, leaves
from deltalora.page.plots import own_curves
from deltalora.page.run_list import RunLine, run_line
from deltalora.page.samples import log_tail, sample_list, samples
from deltalora.page.stores import no_garbage_collection
from deltalora.page.templating import duration, render, size, text_html
from deltalora.results import RunRecord, read_run

#: Names and values, to print.
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunPage:
    """What one page is made of.

    Attributes:
        folder: The run's.
        tables: Anchor and title of every table it stands in.
    """

    folder: Path
    tables: tuple[tuple[str, str], ...]


def run_page(record: RunRecord, page: RunPage) -> str:
    """The page as HTML.

    Raises:
        StoreError: Predictions or segments are there and cannot be read.
    """
    shown = samples(record, page.folder)
    config = leaves(record.config)
    values: dict[str, object] = {
        "record": record,
        "root": "../",
        "title": f"Run {record.run_id}",
        "tables": page.tables,
        "facts": _facts(record),
        "scores": _scores(record),
        "config": "\n".join([leaf.line for leaf in config.values()]),
        "command": command_again(record, config),
        "starts_from_run": record.config.get("init_from") is not None,
        "environment": _environment(record),
        "data": _data(record),
        "cost": _cost(record),
        "plot_data": own_curves(record.curve),
        "samples": sample_list(record, page.folder, shown),
        "samples_note": shown.note,
        "diagnostics": json.dumps(record.diagnostics, ensure_ascii=False, indent=1) if record.diagnostics else "",
        "log": log_tail(page.folder),
    }
    return render("run.html", values)


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


def _scores(record: RunRecord) -> Markup:
    """The rows of the table of scores."""
    rows = "".join(
        f'<tr><th scope="row">{text_html(name)}</th>'
        f'<td class="number">{score.value:.6g}</td><td class="number">{score.n:,}</td>'
        f'<td class="signature"><code>{text_html(score.signature)}</code></td></tr>\n'
        for name, score in record.scores.items()
    )
    return Markup(rows)  # every text in it was escaped


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


def write_run_pages(folder: Path, pages: Sequence[RunPage]) -> list[RunLine]:
    """Write pages into a folder that is there, and return a line of each; a run without a record has neither.

    Raises:
        StoreError: A file of a run cannot be read, or a page cannot be written.
    """
    with no_garbage_collection():
        return [line for page in pages if (line := _write_run_page(folder, page)) is not None]


def _write_run_page(folder: Path, page: RunPage) -> RunLine | None:
    record = read_run(page.folder)
    if record is None:
        return None
    path = folder / f"{record.run_id}.html"
    text = run_page(record, page)
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise StoreError(f"{path}: expected to write a page, found: {error}; free or mend it") from error
    return run_line(record)
