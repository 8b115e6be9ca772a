"""`deltalora table`: the paper's table beside ours, from the records in the store."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from deltalora import report, results
from deltalora.config import table_runs
from deltalora.errors import ConfigError
from deltalora.results import Store

#: Our controls, which the paper's tables have no name for.
CONTROLS = {
    "lora_no_dropout": "LoRA, no dropout",
    "lora_alpha_matched": "LoRA, alpha x (1+lambda)",
    "lora_lr_matched": "LoRA, rate x (1+lambda)",
}

RENDERERS = {"md": report.to_markdown, "latex": report.to_latex, "json": report.to_json}

DESCRIPTION = """Prints the table; runs nothing. Rows, seeds and settings are those of conf/table/NAME.yaml under the
overrides that `deltalora train +table=NAME` was given, so that only records of exactly these settings enter it."""


def table(arguments: Sequence[str]) -> int:
    """Prints the table in one of three formats."""
    parser = argparse.ArgumentParser(prog="deltalora table", description=DESCRIPTION)
    parser.add_argument("name", help="table1")
    parser.add_argument("--format", choices=list(RENDERERS), default="md")
    parser.add_argument("--store", type=Path, help="folder of run records; default: runtime.results_dir")
    options, overrides = parser.parse_known_args(arguments)
    paper = report.paper_table(options.name)
    runs = table_runs(options.name, overrides)
    rows: dict[str, report.TableRow] = {}
    for run in runs:
        printed = paper.row(run.row)
        if printed is None and run.row not in CONTROLS:
            raise ConfigError(f"{options.name} has no row {run.row}: choose methods of the table or controls")
        label = printed.label if printed else CONTROLS[run.row]
        config_id = results.config_id(run.scientific())
        rows[run.row] = report.TableRow(label, run.row, control=printed is None, config_id=config_id)
    seeds = {run.seed for run in runs}
    store = Store(options.store or Path(runs[0].runtime.results_dir))
    records = [record for record in store.records() if record.seed in seeds]
    built = report.build_table(paper, list(rows.values()), records, runs[0].scale, runs[0].task.source)
    print(RENDERERS[options.format](built))
    return 0
