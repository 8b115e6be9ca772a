"""Compose a table or figure: the runs of each row, the name to print, and what to print below it."""

from collections.abc import Callable, Sequence

from deltalora.config import DeltaLoRAConfig, RunConfig, TableRun
from deltalora.errors import ConfigError
from deltalora.report import PaperFigure, PaperTable, paper_figure, paper_table
from deltalora.results.table_request import Row, Runs, TableRequest
from deltalora.training import name_runs

#: Our controls, which the paper's tables have no name for; any other row of ours goes by its name in conf/method.
CONTROLS = {
    "lora_no_dropout": "LoRA, no dropout",
    "lora_alpha_matched": "LoRA, alpha x (1+lambda)",
    "lora_lr_matched": "LoRA, rate x (1+lambda)",
}


def table_request(name: str, runs: Sequence[TableRun], overrides: Sequence[str]) -> TableRequest:
    """Return the request for a table or figure: its rows in the order of their first runs.

    Args:
        name: E.g. 'table1' or 'figure3'.
        runs: Of that table.
        overrides: Those the runs were composed with.

    Raises:
        UserError: A run belongs to no row or no experiment of the table, or its data or weights are not there.
    """
    empty_row = _figure_row(paper_figure(name)) if name.startswith("figure") else _table_row(paper_table(name))
    rows: dict[str, Row] = {}
    keys = []
    for run in runs:  # before anything is read: a run may be refused
        row = empty_row(run)
        rows.setdefault(row.row, row)
        keys.append(row.row)
    for key, run, named in zip(keys, runs, name_runs(run.config for run in runs), strict=True):
        part = rows[key].parts.setdefault(run.config.experiment, Runs(config_id=named.config_id, run_ids={}))
        part.run_ids[run.config.seed] = named.run_id
    first = runs[0].config
    return TableRequest.now(name, first.scale, first.task.source, overrides, rows.values())


def _figure_row(paper: PaperFigure) -> Callable[[TableRun], Row]:
    labels = {row.row: row.label for row in paper.rows}

    def row_of(run: TableRun) -> Row:
        if run.config.experiment != paper.experiment or run.config.row not in labels:
            raise ConfigError(
                f"{paper.name} shows {', '.join(labels)} of {paper.experiment}, found method={run.config.row} of "
                f"experiment={run.config.experiment}: choose one of these"
            )
        return Row(row=run.config.row, label=labels[run.config.row], parts={})

    return row_of


def _table_row(paper: PaperTable) -> Callable[[TableRun], Row]:
    def row_of(run: TableRun) -> Row:
        config = run.config
        if config.experiment not in paper.of(config.experiment).parts:
            raise ConfigError(
                f"{paper.name} is of {', '.join(paper.parts)}, found experiment={config.experiment}: "
                "choose one of these, or the table of that experiment"
            )
        if paper.vary is not None:
            if paper.vary not in run.swept:
                raise ConfigError(
                    f"{paper.name} has one row per value of {paper.vary}, which is not swept: "
                    f"state it among hydra.sweeper.params in conf/table/{paper.name}.yaml"
                )
            value = run.swept[paper.vary]
            printed = paper.row(value)
            label = printed.label if printed else f"{paper.vary.rpartition('.')[2]} = {value}"
            return Row(row=value, label=label, remark=_remark(paper, value, config), parts={})
        printed = paper.row(config.row)
        label = printed.label if printed else CONTROLS.get(config.row, config.row)
        return Row(row=config.row, label=label, control=printed is None, parts={})

    return row_of


def _remark(paper: PaperTable, value: str, config: RunConfig) -> str:
    """Return the start step that was used, where a shorter run scales the paper's."""
    if paper.vary != "recipe.start_step" or not isinstance(config.method, DeltaLoRAConfig):
        return ""
    used = config.method.start_step
    return "" if str(used) == value else f"here K = {used}"
