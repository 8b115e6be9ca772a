"""Where the numbers of a table come from: data, weights, code and settings, as its finished records name them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltalora.config import DeltaLoRAConfig, E2EConfig, RunConfig, WebNLGConfig
from deltalora.config.methods import LowRankConfig
from deltalora.report.selection import Selected
from deltalora.results import RunRecord
from deltalora.results.table_request import TableRequest

#: Digits of a commit id; enough for `git show` in any repository of this size.
COMMIT_LENGTH = 10
#: Printed for a commit or a version the record does not have.
UNKNOWN = "unknown"

#: Printed column that is a hyper-parameter -> its value in a run; None where the method has no such value.
SETTINGS: Mapping[str, Callable[[RunConfig], float | None]] = {
    "learning_rate": lambda run: run.train.learning_rate,
    "update_ratio": lambda run: run.method.update_ratio if isinstance(run.method, DeltaLoRAConfig) else None,
}


@dataclass(frozen=True)
class PartProvenance:
    """What the runs of one experiment share, each value once. Everything is empty or None before the first run."""

    selection_rule: str | None  #: which checkpoint was scored
    split: str | None  #: on what
    optimizer_steps: tuple[int, ...]  #: trained
    epochs: tuple[int, ...]  #: trained; empty where a number of steps was given instead
    text: dict[str, tuple[str, ...]]  #: how the data is written where that is open, e.g. 'text form' -> ('tokenized',)
    initialised_from: tuple[str, ...]  #: what runs start from beside the pre-trained weights; 'none' where nothing
    data_sha256: dict[str, str]  #: file -> digest
    inputs: dict[str, int]  #: metric -> number of inputs scored
    signatures: dict[str, str]  #: metric -> signature


@dataclass(frozen=True)
class Provenance:
    """Where our numbers come from. But for the request, everything is empty or None before the first run."""

    scale: str  #: requested
    source: str  #: requested source of the data
    seeds_asked: tuple[int, ...]
    seeds: tuple[int, ...]  #: with a finished run in any row
    parts: dict[str, PartProvenance]  #: experiment -> what its runs share
    results_version: int | None
    commits: tuple[str, ...]  #: their first digits; 'unknown' for a run outside a repository
    dirty_runs: int  #: finished runs whose work tree differed from its commit
    torch_versions: tuple[str, ...]
    devices: tuple[str, ...]  #: accelerators, or the processor where there was none
    model: str | None  #: name of the backbone
    model_sha256: str | None  #: of its weights
    superseded: int  #: records passed over because of their results version


def trace(selected: Selected, parts: Sequence[str], request: TableRequest) -> Provenance:
    """Collect the provenance of the records behind a table."""
    finished = selected.all_finished
    # What is read off the first alone is equal by the run ids, or checked by `select_records`.
    first = finished[0] if finished else None
    return Provenance(
        scale=request.scale,
        source=request.source,
        seeds_asked=request.seeds,
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
        initialised_from=_distinct(_initialised_from(run) for run in runs),
        data_sha256=dict(first.data.files) if first else {},
        inputs={name: score.n for record in finished for name, score in record.scores.items()},
        signatures={name: score.signature for record in finished for name, score in record.scores.items()},
    )


def _text(run: RunConfig) -> dict[str, str]:
    """Return what a task leaves open of how its texts are written."""
    if isinstance(run.task, E2EConfig):
        return {"text form": run.task.text_form}
    return {"references": run.task.references} if isinstance(run.task, WebNLGConfig) else {}


def _initialised_from(run: RunConfig) -> str:
    """Return e.g. 'MNLI run of the same row'."""
    first = run.init_from
    if first is None:
        return "none"
    row = "the same row" if first.row == run.row else first.row
    return f"{first.experiment.rpartition('/')[2].upper()} run of {row}"


def _steps(record: RunRecord) -> int:
    """Return the optimizer steps trained: the curve ends there; the step selected may be an earlier one."""
    selected = [record.selection.step] if record.selection else []
    return max([point.step for point in record.curve] + selected)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def setting(record: RunRecord, name: str) -> str | None:
    """Return one of the run's `SETTINGS` as text."""
    value = SETTINGS[name](record.run_config())
    return None if value is None else f"{value:g}"


def departures(records: Iterable[RunRecord]) -> tuple[str, ...]:
    """Return what sets the runs apart from the paper's setting, each once; empty if nothing does.

    The name of the scale does not decide it: at the paper's scale, too, a run can be cut short, start from random
    weights or see a part of the data. Hyper-parameters are not compared with the paper's.
    """
    return tuple(dict.fromkeys(departure for record in records for departure in _departures(record)))


def _departures(record: RunRecord) -> Iterable[str]:
    run = record.run_config()
    if record.scale != "paper":
        yield f"scale {record.scale}"
    if record.source == "embedded":
        yield "embedded data"
    if record.model.source == "embedded":
        yield "embedded backbone"
    if run.model.weights != "pretrained":
        yield f"{run.model.weights} weights"
    for split, limit in run.task.limits:
        if limit is not None:
            yield f"{split} data cut to {limit}"
    if run.train.max_steps is not None:
        yield f"{run.train.max_steps} steps instead of epochs"


def dropout_note(reference: str, records: Mapping[str, RunRecord]) -> str | None:
    """Return a sentence if rows (name -> any finished record) differ from the reference row in their branch's dropout.

    Rows without a low-rank branch are passed over.
    """
    methods = {row: record.run_config().method for row, record in records.items()}
    dropout = {row: method.dropout for row, method in methods.items() if isinstance(method, LowRankConfig)}
    others: dict[float, list[str]] = {}
    for row, value in dropout.items():
        if value != dropout.get(reference, value):
            others.setdefault(value, []).append(row)
    if not others:
        return None
    listed = "; ".join(f"{value:g} in {', '.join(rows)}" for value, rows in others.items())
    return (
        f"The dropout of the low-rank branch is {dropout[reference]:g} in {reference}, but {listed}: "
        f"a difference from {reference} includes the effect of the dropout."
    )
