"""What a reader of a table must know of the settings of its runs; read off their configurations."""

from collections.abc import Callable, Iterable, Mapping

from deltalora.config import DeltaLoRAConfig, RunConfig
from deltalora.config.methods import LowRankConfig
from deltalora.results import RunRecord

#: The scale whose backbones and data are the paper's.
PAPER_SCALE = "paper"

#: Printed column that is a hyper-parameter -> its value in a run; None where the method has no such value.
SETTINGS: Mapping[str, Callable[[RunConfig], float | None]] = {
    "learning_rate": lambda run: run.train.learning_rate,
    "update_ratio": lambda run: run.method.update_ratio if isinstance(run.method, DeltaLoRAConfig) else None,
}


def departures(records: Iterable[RunRecord]) -> tuple[str, ...]:
    """Return what sets the runs apart from the paper's setting, each once; empty if nothing does.

    The name of the scale does not decide it: at the paper's scale, too, a run can be cut short, start from random
    weights or see a part of the data. Hyper-parameters are not compared with the paper's.

    Raises:
        StoreError: A record's config is not that of a run.
    """
    return tuple(dict.fromkeys(departure for record in records for departure in _departures(record)))


def dropout_note(reference: str, records: Mapping[str, RunRecord]) -> str | None:
    """Return one line if rows differ from the reference row in the dropout of the low-rank branch, else None.

    Args:
        reference: The reference row.
        records: Row -> any finished record of it; rows without a low-rank branch are passed over.

    Raises:
        StoreError: A record's config is not that of a run.
    """
    methods = {row: record.run_config().method for row, record in records.items()}
    dropout = {row: method.dropout for row, method in methods.items() if isinstance(method, LowRankConfig)}
    others: dict[float, list[str]] = {}
    for row, value in dropout.items():
        if reference in dropout and value != dropout[reference]:
            others.setdefault(value, []).append(row)
    if not others:
        return None
    listed = "; ".join(f"{value:g} in {', '.join(rows)}" for value, rows in others.items())
    return (
        f"The dropout of the low-rank branch is {dropout[reference]:g} in {reference}, but {listed}: "
        f"a difference from {reference} includes the effect of the dropout."
    )


def initialised_from(run: RunConfig) -> str:
    """Name what the run started from beside the pre-trained weights, e.g. 'MNLI run of the same row'; else 'none'."""
    first = run.init_from
    if first is None:
        return "none"
    row = "the same row" if first.row == run.row else first.row
    return f"{first.experiment.rpartition('/')[2].upper()} run of {row}"


def setting(record: RunRecord, name: str) -> str | None:
    """Return one of the run's `SETTINGS` as text."""
    value = SETTINGS[name](record.run_config())
    return None if value is None else f"{value:g}"


def _departures(record: RunRecord) -> Iterable[str]:
    run = record.run_config()
    if record.scale != PAPER_SCALE:
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
