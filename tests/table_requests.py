"""Rows and requests of tables for tests, in few words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deltalora.results.table_request import Row, Runs, TableRequest


def row_of_runs(
    name: str, run_ids: Mapping[str, Mapping[int, str]], label: str = "", config_id: str = "c", **more: Any
) -> Row:
    """A row with these runs: experiment -> seed -> run id."""
    parts = {part: Runs(config_id=config_id, run_ids=dict(ids)) for part, ids in run_ids.items()}
    return Row(row=name, label=label or name, parts=parts, **more)


def request_of(name: str, rows: Iterable[Row], scale: str = "embedded", source: str = "embedded") -> TableRequest:
    """A request made now, without overrides."""
    return TableRequest.now(name, scale, source, [], rows)


def runs_of(name: str, seeds: Sequence[int], part: str = "e2e") -> dict[str, dict[int, str]]:
    """The runs NAME-SEED of one experiment."""
    return {part: {seed: f"{name}-{seed}" for seed in seeds}}
