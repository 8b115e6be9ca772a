"""Under which setting a run was done, as far as a reader of the table must know it; read off the recorded config."""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from deltalora.errors import StoreError
from deltalora.results import RunRecord

#: The scale whose backbones and data are the paper's.
PAPER_SCALE = "paper"


def departures(records: Iterable[RunRecord]) -> tuple[str, ...]:
    """What sets the runs apart from the paper's setting, each once; empty if nothing does.

    The name of the scale does not decide it: at the paper's scale, too, a run can be cut short, start from random
    weights or see a part of the data. Hyper-parameters are not compared with the paper's.

    Raises:
        StoreError: A record's config lacks a key that decides it.
    """
    return tuple(dict.fromkeys(departure for record in records for departure in _departures(record)))


def dropout_note(reference: str, records: Mapping[str, RunRecord]) -> str | None:
    """One line if rows differ from the reference row in the dropout of the low-rank branch, else None.

    Args:
        reference: The reference row.
        records: Row -> any finished record of it; rows without a low-rank branch are passed over.

    Raises:
        StoreError: A record's config lacks its method.
    """
    dropout = {row: found for row, record in records.items() if (found := _branch_dropout(record)) is not None}
    others: dict[float, list[str]] = {}
    for row, value in dropout.items():
        if reference in dropout and value != dropout[reference]:
            others.setdefault(value, []).append(row)
    if not others:
        return None
    listed = "; ".join(f"{value:g} in {', '.join(rows)}" for value, rows in others.items())
    return (
        f"The dropout of the low-rank branch is {dropout[reference]:g} in {reference}, but {listed}: "
        f"a difference from {reference} holds the effect of the dropout, too."
    )


def initialised_from(record: RunRecord) -> str:
    """What the run started from beside the pre-trained weights, e.g. 'MNLI run of the same row'; 'none' for nothing."""
    parent = record.config.get("init_from")  # records of before this key started from nothing else
    if not isinstance(parent, dict):
        return "none"
    task = str(parent.get("experiment", "")).rpartition("/")[2].upper()
    same = parent.get("row") == record.row
    return f"{task} run of {'the same row' if same else parent.get('row')}"


def config_value(record: RunRecord, key: str) -> JsonValue:
    """The value of a dotted key of the record's config, e.g. 'train.max_steps'.

    Raises:
        StoreError: The config has no such key.
    """
    value: JsonValue = record.config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise StoreError(
                f"run {record.run_id}: expected {key} in the record's config, found none; restore the record"
            )
        value = value[part]
    return value


def method_setting(record: RunRecord, key: str) -> str | None:
    """A number of the record's config as text; None if its method has no such key, as LoRA has no update_ratio."""
    section, _, name = key.partition(".")
    found = config_value(record, section)
    value = found.get(name) if isinstance(found, dict) else None
    return None if value is None else f"{value:g}"


def _departures(record: RunRecord) -> Iterable[str]:
    if record.scale != PAPER_SCALE:
        yield f"scale {record.scale}"
    if record.source == "embedded":
        yield "embedded data"
    if record.model.source == "embedded":
        yield "embedded backbone"
    if (weights := config_value(record, "model.weights")) != "pretrained":
        yield f"{weights} weights"
    for split in ("train", "validation", "test"):
        if (limit := config_value(record, f"task.limits.{split}")) is not None:
            yield f"{split} data cut to {limit}"
    if (steps := config_value(record, "train.max_steps")) is not None:
        yield f"{steps} steps instead of epochs"


def _branch_dropout(record: RunRecord) -> float | None:
    method = config_value(record, "method")
    dropout = method.get("dropout") if isinstance(method, dict) else None
    return float(dropout) if isinstance(dropout, (int, float)) else None
