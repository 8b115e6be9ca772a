"""The page of one run: its configuration, results, cost, and the command that makes it again."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup
from pydantic import JsonValue

from deltalora.page.samples import log_tail, samples, spread_places
from deltalora.page.templating import duration, render, size, text_html
from deltalora.results import CurvePoint, RunRecord

#: Points drawn of a line at most; a longer one is thinned evenly.
MOST_POINTS = 300

#: Parts of the configuration that decide numbers; how and where a run is done does not enter its id.
_SECTIONS = ("task.", "model.", "method.", "train.", "decoding.")
#: A value that Hydra's grammar reads as it stands.
_PLAIN = re.compile(r"[A-Za-z0-9_./@+-]+")
#: A word that Hydra would not read as text.
_READ_AS_OTHER = re.compile(r"(?i)null|true|false|nan|inf|[+-]?[0-9._]+(e[+-]?[0-9]+)?")
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode

#: Names and values, to print.
Pairs = list[tuple[str, str]]


def run_page(record: RunRecord, folder: Path, tables: Sequence[tuple[str, str]]) -> str:
    """Return the page as HTML.

    Args:
        record: The run's.
        folder: The run's.
        tables: Anchor and title of every table the run is in.

    Raises:
        StoreError: Predictions or segment statistics are there and cannot be read.
    """
    config = leaves(record.config)
    values = {
        "record": record,
        "root": "../",
        "title": f"Run {record.run_id}",
        "tables": tables,
        "facts": _facts(record),
        "scores": _scores(record),
        "config": "\n".join([leaf.line for leaf in config.values()]),
        "command": command_again(record, config),
        "starts_from_run": record.config.get("init_from") is not None,
        "environment": _environment(record),
        "data": _data(record),
        "cost": _cost(record),
        "plot_data": _curves(record.curve),
        "samples": samples(record, folder),
        "diagnostics": json.dumps(record.diagnostics, ensure_ascii=False, indent=1) if record.diagnostics else "",
        "log": log_tail(folder),
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
        chosen = record.selection
        facts.append(("Scored", f"{chosen.split}, {chosen.rule} checkpoint, step {chosen.step:,}"))
    facts += [(f"Validation {name}", f"{value:.4f}") for name, value in record.validation.items()]
    facts.append(("Started", f"{record.started_at:%Y-%m-%d %H:%M} UTC"))
    facts.append(("Ended", f"{record.finished_at:%Y-%m-%d %H:%M} UTC"))
    return facts


def _scores(record: RunRecord) -> Markup:
    rows = "".join(
        f'<tr><th scope="row">{text_html(name)}</th>'
        f'<td class="number">{score.value:.6g}</td><td class="number">{score.n:,}</td>'
        f'<td class="signature"><code>{text_html(score.signature)}</code></td></tr>\n'
        for name, score in record.scores.items()
    )
    return Markup(rows)  # every text in it was escaped


def _environment(record: RunRecord) -> Pairs:
    code, machine = record.code, record.environment
    return [
        ("Commit", (code.commit or "unknown") + (" (work tree differed)" if code.dirty else "")),
        ("Results version", str(code.results_version)),
        ("Configuration id", record.config_id),
        ("Python", machine.python),
        ("Platform", machine.platform),
        ("Processor", f"{machine.cpu}, {machine.cores} cores"),
        ("Accelerator", machine.accelerator or "none"),
        ("Memory", size(machine.memory_bytes)),
        *machine.libraries.items(),
    ]


def _data(record: RunRecord) -> Pairs:
    lines = [(f"{name}, sha256", digest) for name, digest in record.data.files.items()]
    lines += [(f"{name}, count", f"{count:,}") for name, count in record.data.counts.items()]
    if record.data.tokenised_sha256 is not None:
        lines.append(("token ids, sha256", record.data.tokenised_sha256))
    lines.append((f"weights of {record.model.name}, sha256", record.model.sha256))
    if record.model.revision is not None:
        lines.append(("revision at the hub", record.model.revision))
    return lines


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
        lines.append(("Tokens per second", f"{cost.tokens_per_s:,.0f}"))
    return lines


def _curves(points: Sequence[CurvePoint]) -> dict[str, Any] | None:
    """Return the plot of a run's losses and learning rate; None without a point."""
    panels: list[dict[str, Any]] = []
    for key, title, unit in (
        ("train_loss", "Training loss", "nats per token"),
        ("validation_loss", "Validation loss", "nats per token"),
        ("learning_rate", "Learning rate", "of the step"),
    ):
        curve = curve_of(points, key)
        steps = sorted(curve)
        kept = [steps[place] for place in spread_places(len(steps), MOST_POINTS)]
        if kept:
            line = {"name": title.lower(), "row": "", "x": kept, "y": [curve[step] for step in kept]}
            panels.append({"title": title, "x": "optimizer step", "y": unit, "lines": [line]})
    return {"views": [{"label": "", "panels": panels}]} if panels else None


def curve_of(points: Sequence[CurvePoint], key: str) -> dict[int, float]:
    """Return one quantity of a run by step, where it has one.

    Args:
        points: Of the run.
        key: 'train_loss', 'validation_loss' or 'learning_rate'.
    """
    return {point.step: value for point in points if (value := getattr(point, key)) is not None}


class Leaf(NamedTuple):
    """One value of a configuration: a line to read, and the word of a command line that states it."""

    line: str
    word: str


def leaves(config: Mapping[str, JsonValue]) -> dict[str, Leaf]:
    """Return a configuration by dotted key, in its order; lists and empty objects are values."""
    found: dict[str, Leaf] = {}
    _add_leaves(config, "", found)
    return found


def _add_leaves(config: Mapping[str, JsonValue], prefix: str, found: dict[str, Leaf]) -> None:
    for name, value in config.items():
        key = prefix + name
        if isinstance(value, dict) and value:
            _add_leaves(value, f"{key}.", found)
        elif isinstance(value, (list, dict)):
            found[key] = _leaf(key, value)
        else:
            found[key] = _kept_leaf(key, value)


def _leaf(key: str, value: JsonValue) -> Leaf:
    return Leaf(f"{key}: {_ENCODE(value)}", shlex.quote(f"++{key}={_hydra(value)}"))


#: Thousands of runs share most values; typed, as 1, 1.0 and true are three values.
_kept_leaf = lru_cache(maxsize=4096, typed=True)(_leaf)


def command_again(record: RunRecord, config: Mapping[str, Leaf]) -> str:
    """Return the run as a shell command that states every key of its configuration, so that no later default counts.

    A run that starts from another run's weights (`init_from`) is the exception: Hydra hands its overrides to that run
    too, so the command names the choices alone, and what was overridden must be read off the configuration.
    Where data or weights are read from a folder, DATA_DIR and MODEL_DIR stand for it: a record has no folders.

    Args:
        record: The run's.
        config: The `leaves` of its configuration.
    """
    chosen = [
        f"experiment={record.experiment}",
        f"method={record.row}",
        f"scale={record.scale}",
        f"seed={record.seed}",
    ]
    folders = ["task.data_dir=DATA_DIR"] if record.source == "local" else []
    folders += ["model.path=MODEL_DIR"] if record.model.source == "local" else []
    if record.config.get("init_from") is not None:
        source = f"task.source={record.source}"
        return shlex.join(["deltalora", "train", *chosen, "init_from=mnli", source, *folders])
    stated = [leaf.word for key, leaf in config.items() if key.startswith(_SECTIONS)]
    return " ".join([shlex.join(["deltalora", "train", *chosen, "init_from=none"]), *stated, *folders])


def _hydra(value: JsonValue) -> str:
    """Return a value in Hydra's override grammar, which is JSON's for numbers, true, false and null."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _READ_AS_OTHER.fullmatch(value):
            return value
        # In Hydra's quotes a backslash is one unless a quote follows it, and a line break stands for itself.
        return "'" + re.sub(r"(\\*)'", lambda found: found[1] * 2 + "\\'", value) + "'"
    if isinstance(value, list):
        return "[" + ",".join(_hydra(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(one)}" for key, one in value.items()) + "}"
    return _ENCODE(value)
