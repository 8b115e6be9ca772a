"""`deltalora table`: the paper's table beside ours, from the records in the store."""

from collections.abc import Sequence
from functools import partial

from deltalora import report
from deltalora.commands.arguments import OneLineParser
from deltalora.commands.rows import add_store_option, open_store, parts_by_row
from deltalora.config import RunConfig, TableRun, table_runs
from deltalora.errors import ConfigError
from deltalora.methods import DeltaLoRAConfig
from deltalora.report.paper import PaperTable

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
    parser.add_argument("name", help="table1, table2, table3, table4, table5, table6, table8 or table9")
    parser.add_argument("--format", choices=list(RENDERERS), default="md")
    add_store_option(parser)
    options, overrides = parser.with_overrides(arguments)
    paper = report.paper_table(options.name)
    runs = table_runs(options.name, overrides)
    first = runs[0].config
    records = open_store(options, runs).records()
    seeds = sorted({run.config.seed for run in runs})
    built = report.build_table(paper, _rows(paper, runs), records, first.scale, first.task.source, seeds)
    print(RENDERERS[options.format](built))
    return 0


def _rows(paper: PaperTable, runs: Sequence[TableRun]) -> list[report.TableRow]:
    """The rows asked for, in the order of their first runs, each with its runs by experiment and seed."""
    return [
        report.TableRow(label, name, paper.row(name) is None and paper.vary is None, parts, remark)
        for (name, label, remark), parts in parts_by_row(runs, partial(_name_label_remark, paper)).items()
    ]


def _name_label_remark(paper: PaperTable, run: TableRun) -> tuple[str, str, str]:
    """The row's key, by which the paper's row is found, the name to print, and what to print below it.

    Raises:
        ConfigError: A run is of no row or no experiment of the table.
    """
    if run.config.experiment not in paper.parts:
        raise ConfigError(
            f"{paper.name} is of {', '.join(paper.parts)}, found experiment={run.config.experiment}: "
            "choose one of these, or the table of that experiment"
        )
    if paper.vary is not None:
        if paper.vary not in run.swept:
            raise ConfigError(
                f"{paper.name} has a row for every value of {paper.vary}, which is not swept: "
                f"state it among hydra.sweeper.params in conf/table/{paper.name}.yaml"
            )
        value = run.swept[paper.vary]
        printed = paper.row(value)
        label = printed.label if printed else f"{paper.vary.rpartition('.')[2]} = {value}"
        return value, label, _remark(paper, value, run.config)
    printed = paper.row(run.config.row)
    if printed is None and run.config.row not in CONTROLS:
        raise ConfigError(f"{paper.name} has no row {run.config.row}: choose methods of the table or controls")
    return run.config.row, printed.label if printed else CONTROLS[run.config.row], ""


def _remark(paper: PaperTable, value: str, config: RunConfig) -> str:
    """The start step that was used, where a shorter run scales the paper's."""
    if paper.vary != "recipe.start_step" or not isinstance(config.method, DeltaLoRAConfig):
        return ""
    used = config.method.start_step
    return "" if str(used) == value else f"here K = {used}"
