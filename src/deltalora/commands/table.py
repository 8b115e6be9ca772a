"""`deltalora table`: the paper's table beside ours, from the records in the store."""

from collections.abc import Sequence
from pathlib import Path

from deltalora import report
from deltalora.commands.arguments import OneLineParser
from deltalora.config import table_runs
from deltalora.errors import ConfigError, StoreError
from deltalora.results import Store
from deltalora.training import identify_run

#: Our controls, which the paper's tables have no name for.
CONTROLS = {
    "lora_no_dropout": "LoRA, no dropout",
    "lora_alpha_matched": "LoRA, alpha x (1+lambda)",
    "lora_lr_matched": "LoRA, rate x (1+lambda)",
}

RENDERERS = {"md": report.to_markdown, "latex": report.to_latex, "json": report.to_json}

DESCRIPTION = """Prints the table; runs nothing. Rows, seeds and settings are those of conf/table/NAME.yaml under the
overrides that `deltalora train +table=NAME` was given, on the data and weights that are there now: only the records of
exactly these runs enter it."""


def table(arguments: Sequence[str]) -> int:
    """Prints the table in one of three formats."""
    parser = OneLineParser(prog="deltalora table", description=DESCRIPTION)
    parser.add_argument("name", help="table1")
    parser.add_argument("--format", choices=list(RENDERERS), default="md")
    parser.add_argument("--store", type=Path, help="folder of run records; default: runtime.results_dir")
    options, overrides = parser.with_overrides(arguments)
    if options.store is not None and not options.store.is_dir():
        raise StoreError(f"{options.store}: expected a folder of run records, found none; mend --store")
    paper = report.paper_table(options.name)
    runs = table_runs(options.name, overrides)
    rows: dict[str, report.TableRow] = {}
    for run in runs:
        printed = paper.row(run.row)
        if printed is None and run.row not in CONTROLS:
            raise ConfigError(f"{options.name} has no row {run.row}: choose methods of the table or controls")
        identity = identify_run(run)
        before = rows[run.row].run_ids if run.row in rows else {}
        rows[run.row] = report.TableRow(
            label=printed.label if printed else CONTROLS[run.row],
            row=run.row,
            control=printed is None,
            config_id=identity.config_id,
            run_ids={**before, run.seed: identity.run_id},
        )
    store = Store(options.store or Path(runs[0].runtime.results_dir))
    seeds = sorted({run.seed for run in runs})
    built = report.build_table(paper, list(rows.values()), store.records(), runs[0].scale, runs[0].task.source, seeds)
    print(RENDERERS[options.format](built))
    return 0
