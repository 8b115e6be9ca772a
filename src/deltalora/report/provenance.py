"""Trace the numbers of a table to their data, weights and code, as its finished records name them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deltalora.config import E2EConfig, RunConfig, WebNLGConfig
from deltalora.report.departures import initialised_from
from deltalora.report.selection import Selected
from deltalora.results import RunRecord

#: Digits of a commit id; enough for `git show` in any repository of this size.
COMMIT_LENGTH = 10

#: Printed for a commit or a version the record does not have.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class PartProvenance:
    """What the runs of one experiment share. Everything is empty or None before the first run.

    Attributes:
        selection_rule: Which checkpoint was scored.
        split: On what.
        optimizer_steps: Steps trained, each number once.
        epochs: Epochs trained, each number once; empty where a number of steps was given instead.
        text: How the data is written, e.g. 'text form' -> ('tokenized',); only what this experiment leaves open.
        initialised_from: What the runs start from beside the pre-trained weights, each once; 'none' where nothing.
        data_sha256: File -> digest.
        inputs: Metric -> number of inputs scored.
        signatures: Metric -> signature.
    """

    selection_rule: str | None
    split: str | None
    optimizer_steps: tuple[int, ...]
    epochs: tuple[int, ...]
    text: dict[str, tuple[str, ...]]
    initialised_from: tuple[str, ...]
    data_sha256: dict[str, str]
    inputs: dict[str, int]
    signatures: dict[str, str]


@dataclass(frozen=True)
class Provenance:
    """Where our numbers come from. But for the request, everything is empty or None before the first run.

    Attributes:
        scale: Requested.
        source: Requested source of the data.
        seeds_asked: Requested.
        seeds: With a finished run in any row.
        parts: Experiment -> what its runs share.
        results_version: deltalora.RESULTS_VERSION.
        commits: First digits of the commits, each once; 'unknown' for a run outside a repository.
        dirty_runs: Number of finished runs whose work tree differed from its commit.
        torch_versions: Each once.
        devices: Accelerators, or the processor where there was none; each once.
        model: Name of the backbone.
        model_sha256: Of its weights.
        superseded: Number of records passed over because of their results version.
    """

    scale: str
    source: str
    seeds_asked: tuple[int, ...]
    seeds: tuple[int, ...]
    parts: dict[str, PartProvenance]
    results_version: int | None
    commits: tuple[str, ...]
    dirty_runs: int
    torch_versions: tuple[str, ...]
    devices: tuple[str, ...]
    model: str | None
    model_sha256: str | None
    superseded: int


def trace(selected: Selected, parts: Sequence[str], scale: str, source: str, seeds: Sequence[int]) -> Provenance:
    """Collect the provenance of the records behind a table.

    Raises:
        StoreError: A record's config is not that of a run.
    """
    finished = selected.all_finished
    # What is read off the first alone is equal by the run ids, or checked by `select_records`.
    first = finished[0] if finished else None
    return Provenance(
        scale=scale,
        source=source,
        seeds_asked=tuple(sorted(set(seeds))),
        seeds=tuple(sorted({record.seed for record in finished})),
        parts={part: _trace_part(selected.finished_of(part)) for part in parts},
        results_version=first.code.results_version if first else None,
        commits=_distinct((record.code.commit or UNKNOWN)[:COMMIT_LENGTH] for record in finished),
        dirty_runs=len({record.run_id for record in finished if record.code.dirty}),
        torch_versions=_distinct(record.environment.libraries.get("torch", UNKNOWN) for record in finished),
        devices=_distinct(record.environment.accelerator or f"CPU, {record.environment.cpu}" for record in finished),
        model=first.model.name if first else None,
        model_sha256=first.model.sha256 if first else None,
        superseded=selected.superseded,
    )


def _trace_part(finished: Sequence[RunRecord]) -> PartProvenance:
    runs = [record.run_config() for record in finished]
    first = finished[0] if finished else None
    selection = first.selection if first else None
    written = [_text(run) for run in runs]
    return PartProvenance(
        selection_rule=selection.rule if selection else None,
        split=selection.split if selection else None,
        optimizer_steps=tuple(sorted({_steps(record) for record in finished})),
        epochs=tuple(sorted({run.train.epochs for run in runs if run.train.max_steps is None})),
        text={name: _distinct(one[name] for one in written) for name in (written[0] if written else ())},
        initialised_from=_distinct(initialised_from(run) for run in runs),
        data_sha256=dict(first.data.files) if first else {},
        inputs={name: score.n for record in finished for name, score in record.scores.items()},
        signatures={name: score.signature for record in finished for name, score in record.scores.items()},
    )


def _text(run: RunConfig) -> dict[str, str]:
    """Return what a task leaves open of how its texts are written."""
    if isinstance(run.task, E2EConfig):
        return {"text form": run.task.text_form}
    if isinstance(run.task, WebNLGConfig):
        return {"references": run.task.references}
    return {}


def _steps(record: RunRecord) -> int:
    """Return the optimizer steps trained: the curve ends there; the step selected may be an earlier one."""
    selected = [record.selection.step] if record.selection else []
    return max([point.step for point in record.curve] + selected)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))
