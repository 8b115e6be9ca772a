"""What a reader of a table must know of the settings of its runs; read off their configurations."""

from collections.abc import Callable, Iterable, Mapping

from deltalora.config import DeltaLoRAConfig, RunConfig
from deltalora.config.methods import LowRankConfig
from deltalora.results import RunRecord

#: Printed column that is a hyper-parameter -> its value in a run; None where the method has no such value.
SETTINGS: Mapping[str, Callable[[RunConfig], float | None]] = {
    "learning_rate": lambda run: run.train.learning_rate,
    "update_ratio": lambda run: run.method.update_ratio if isinstance(run.method, DeltaLoRAConfig) else None,
}


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
