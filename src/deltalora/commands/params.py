"""`deltalora params`: exact parameter counts of every method, from the configuration alone."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from deltalora.commands.arguments import OneLineParser
from deltalora.config import METHODS, GlueConfig, run_config
from deltalora.report import paper_table

DESCRIPTION = """Count on the meta device; read no weights. The scale is the paper's unless scale=... is given.
"trainable" receives a gradient; "extra_updatable" is moved without one (Delta-LoRA's W_Q, W_V); "head" is a newly
initialised classification head, trained by every method and not counted in the paper's columns."""


def params(arguments: Sequence[str]) -> int:
    """Print the counts as a table or, with --json, as one object: method -> counts and the paper's figure."""
    parser = OneLineParser(prog="deltalora params", description=DESCRIPTION)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options, overrides = parser.with_overrides(arguments)
    if not any(override.startswith("scale=") for override in overrides):
        overrides = ["scale=paper", *overrides]
    configs = {name: run_config([*overrides, f"method={name}"]) for name in METHODS}
    from deltalora import methods, models, tasks  # torch, once the configuration is known to be right

    counted: dict[str, dict[str, Any]] = {}
    for name, config in configs.items():
        labels = config.task.num_labels if isinstance(config.task, GlueConfig) else None
        counts = methods.count_parameters(models.meta_backbone(config.model, labels), config.method)
        counted[name] = {
            "trainable": counts.trainable,
            "extra_updatable": counts.extra_updatable,
            "head": counts.head,
            "paper": _paper(tasks.task_class(config.task).table, name) if config.scale == "paper" else {},
        }
    if options.json:
        print(json.dumps(counted, indent=2))
    else:
        _show(counted)
    return 0


def _paper(table_name: str, method: str) -> dict[str, str]:
    """Return the paper's figure as printed, and the convention that explains it where it is not ours."""
    table = paper_table(table_name)
    row = table.row(method)
    if row is None:
        return {}
    source = f"arXiv 2309.02411, {table.name.replace('table', 'Table ')}"
    convention = {} if row.parameter_note is None else {"convention": row.parameter_note}
    return {**table.printed_in(method), "source": source, **convention}


def _show(counted: dict[str, dict[str, Any]]) -> None:
    table = Table(title="Parameters (M = 2^20)", title_justify="left")
    for heading in ("method", "trainable", "in M", "extra updatable", "head", "paper"):
        table.add_column(heading, justify="left" if heading == "method" else "right", no_wrap=True)
    for name, row in counted.items():
        paper = " + ".join(row["paper"][key] for key in ("trainable", "extra_updatable") if key in row["paper"])
        counts = (f"{row[key]:,}" for key in ("extra_updatable", "head"))
        table.add_row(name, f"{row['trainable']:,}", f"{row['trainable'] / 2**20:.3f}", *counts, paper)
    console = Console(width=max(100, Console().width))
    console.print(table)
    for row in counted.values():
        if "convention" in row["paper"]:
            console.print(f"- {row['paper']['convention']}", highlight=False, soft_wrap=True)
