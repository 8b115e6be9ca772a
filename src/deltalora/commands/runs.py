"""`deltalora runs`: list runs and their states, show one in full, and say why any failed. Trains nothing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deltalora.commands.arguments import OneLineParser
from deltalora.errors import ConfigError, StoreError
from deltalora.results import Progress, RunRecord, Store, read_progress
from deltalora.results.store import LOG_FILE, PROGRESS_FILE
from deltalora.sweep.display import clock

DESCRIPTION = """List the runs of a store, or show the one whose id (or the beginning of it) is given. Filters are
KEY=VALUE with the keys experiment, row, method, scale, source, seed and status (finished, failed, interrupted,
running, killed); values may be lists, a,b. `--failed` is status=failed,interrupted,killed with the reasons in full."""

_FILTERS = ("experiment", "row", "method", "scale", "source", "seed", "status")
_FAILED = "failed,interrupted,killed"
_LOG_LINES = 20


def runs(arguments: Sequence[str]) -> int:
    """Print the list, or one run.

    Raises:
        UserError: No such store, run or filter.
    """
    parser = OneLineParser(prog="deltalora runs", description=DESCRIPTION)
    parser.add_argument("--store", type=Path, default=Path("results/runs"), help="store of runs; default: results/runs")
    parser.add_argument("--failed", action="store_true", help="only runs that gave no numbers, with their reasons")
    parser.add_argument("--json", action="store_true", help="one JSON list (or object) on standard output")
    options, rest = parser.with_overrides(arguments)
    store = Store.existing(options.store)
    ids = [one for one in rest if "=" not in one]
    if len(ids) > 1:
        raise ConfigError(f"expected one run id at most, found {len(ids)}: {' '.join(ids)}; drop all but one")
    lines = _lines(store)
    if ids:
        _show(store, _one(lines, ids[0], options.store), options.json)
        return 0
    conditions = [*rest, *([f"status={_FAILED}"] if options.failed else [])]
    chosen = [line for line in lines if all(_fits(line, one) for one in conditions)]
    if options.json:
        print(json.dumps(chosen, indent=2))
    elif options.failed:
        for line in chosen:
            print(f"{line['run_id']}  {line['row']} seed {line['seed']}, {line['experiment']}: {line['said']}")
    else:
        _print(chosen, len(lines))
    return 0


def _lines(store: Store) -> list[dict[str, str]]:
    """Return every run as texts: those with a record, and those under way or killed before they could leave one."""
    records = {record.run_id: record for record in store.records()}
    lines = [_of_record(store, record) for record in records.values()]
    for run_id in store.run_ids():
        if run_id not in records and (store.run_dir(run_id) / PROGRESS_FILE).is_file():
            lines.append(_of_progress(store, run_id))
    return lines


def _of_record(store: Store, record: RunRecord) -> dict[str, str]:
    said = f"loss {record.validation['loss']:.3f}" if "loss" in record.validation else ""
    if record.error is not None:
        said = f"{record.error.type}: {record.error.message}"
    elif record.scores:
        first, score = next(iter(record.scores.items()))
        said = ", ".join(text for text in (said, f"{first} {score.value:.4f}") if text)
    status: str = record.status
    if status != "finished" and store.state(record.run_id) == "running":  # it failed before and is tried again
        status, said = "running", _where(_progress(store, record.run_id))
    return {
        "run_id": record.run_id,
        "experiment": record.experiment,
        "row": record.row,
        "method": record.method,
        "seed": str(record.seed),
        "scale": record.scale,
        "source": record.source,
        "status": status,
        "time": clock(record.cost.wall_s) if record.cost.wall_s is not None else "",
        "said": said,
    }


def _of_progress(store: Store, run_id: str) -> dict[str, str]:
    progress = _progress(store, run_id)
    line = dict.fromkeys(("experiment", "method", "scale", "source", "time"), "")
    line |= {"run_id": run_id, "row": progress.row if progress else "", "seed": str(progress.seed) if progress else ""}
    if store.state(run_id) == "running":
        return line | {"status": "running", "said": _where(progress)}
    said = f"killed at {_where(progress)}; the same command goes on from its last checkpoint"
    return line | {"status": "killed", "said": said}


def _progress(store: Store, run_id: str) -> Progress | None:
    return read_progress(store.run_dir(run_id) / PROGRESS_FILE)


def _where(progress: Progress | None) -> str:
    if progress is None:
        return "its start"
    age = (datetime.now(UTC) - progress.updated_at).total_seconds()
    old = f", last heard of {clock(age)} ago" if age > 60 else ""
    return f"{progress.phase} {progress.step}/{progress.total_steps}{old}"


def _fits(line: dict[str, str], condition: str) -> bool:
    key, _, values = condition.partition("=")
    if key not in _FILTERS:
        raise ConfigError(f"expected a filter of {', '.join(_FILTERS)}, found {key!r}: correct it")
    return line[key] in values.split(",")


def _one(lines: Sequence[dict[str, str]], beginning: str, store: Path) -> str:
    found = [line["run_id"] for line in lines if line["run_id"].startswith(beginning)]
    if len(found) != 1:
        what = "none" if not found else f"{len(found)}: {', '.join(found[:5])}"
        raise StoreError(f"{store}: expected one run whose id begins with {beginning!r}, found {what}; list them all")
    return found[0]


def _print(lines: Sequence[dict[str, str]], of: int) -> None:
    table = Table(title=f"{len(lines)} of {of} runs", title_justify="left", box=None)
    for heading in ("run", "experiment", "row", "seed", "scale", "source", "status", "time"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("seed", "time") else "left")
    table.add_column("result or reason", overflow="ellipsis", no_wrap=True, ratio=1)
    for line in lines:
        cells = ("run_id", "experiment", "row", "seed", "scale", "source", "status", "time", "said")
        table.add_row(*(line[cell].replace("[", r"\[") for cell in cells))
    Console(width=None if Console().is_terminal else 160).print(table, highlight=False)


def _show(store: Store, run_id: str, as_json: bool) -> None:
    """Print a record's own JSON, or its main facts and the end of its log."""
    record, folder = store.read(run_id), store.run_dir(run_id)
    if as_json:
        print(record.to_json() if record else "null", end="" if record else "\n")
        return
    for name, value in (_facts(record) if record else _of_progress(store, run_id)).items():
        if value:
            print(f"{name:<14} {value}")
    log = folder / LOG_FILE
    if log.is_file():
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        print("", f"the last lines of {log}:", *tail, sep="\n")


def _facts(record: RunRecord) -> dict[str, str]:
    cost, counted = record.cost, record.parameters
    return {
        "run": record.run_id,
        "status": record.status,
        "why": f"{record.error.type}: {record.error.message}" if record.error else "",
        "what": f"{record.experiment}, {record.row}, seed {record.seed}",
        "scale, data": f"{record.scale}, {record.source}",
        "backbone": f"{record.model.name}, sha256 {record.model.sha256[:12]}",
        "started, ended": f"{record.started_at:%Y-%m-%d %H:%M:%S}, {record.finished_at:%Y-%m-%d %H:%M:%S} UTC",
        "parameters": f"{counted.trainable:,} trainable, {counted.extra_updatable:,} moved without a gradient"
        if counted
        else "",
        "scores": ", ".join(f"{name} {score.value:.4f}" for name, score in record.scores.items()),
        "validation": ", ".join(f"{name} {value:.4f}" for name, value in record.validation.items()),
        "cost": ", ".join(
            text
            for text in (
                f"{clock(cost.wall_s)} in all" if cost.wall_s is not None else "",
                f"{clock(cost.train_s)} training" if cost.train_s is not None else "",
                f"{cost.peak_memory_bytes / 2**20:,.0f} MiB at most" if cost.peak_memory_bytes is not None else "",
            )
            if text
        ),
        "code": f"commit {(record.code.commit or 'unknown')[:10]}{', dirty' if record.code.dirty else ''}",
        "machine": f"{record.environment.accelerator or record.environment.cpu}, {record.environment.platform}",
    }
