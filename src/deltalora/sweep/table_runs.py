"""Which runs make up which row of a table or line of a figure, the name to print, and what to print below it."""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeVar

from deltalora import report
from deltalora.config import DeltaLoRAConfig, RunConfig, TableRun
from deltalora.errors import ConfigError
from deltalora.report import Part
from deltalora.report.paper import PaperFigure, PaperTable
from deltalora.results.table_request import TableRequest
from deltalora.training import name_runs

Row = TypeVar("Row", bound=Hashable)


#: Our controls, which the paper's tables have no name for.
CONTROLS = {
    "lora_no_dropout": "LoRA, no dropout",
    "lora_alpha_matched": "LoRA, alpha x (1+lambda)",
    "lora_lr_matched": "LoRA, rate x (1+lambda)",
}

#: Say where something lies on this machine, and do not say which runs are meant.
_FOLDERS = ("runtime.results_dir=", "task.data_dir=", "model.path=", "hydra/launcher=")


def rows_of_table(paper: PaperTable, runs: Sequence[TableRun]) -> list[report.TableRow]:
    """Return the rows of some runs, in the order of their first runs, each with its runs by experiment and seed.

    Raises:
        UserError: A run is of no row or no experiment of the table, or its data or weights are not there.
    """
    return [
        report.TableRow(label, name, paper.row(name) is None and paper.vary is None, parts, remark)
        for (name, label, remark), parts in _parts_by_row(runs, partial(_name_label_remark, paper)).items()
    ]


def rows_of_figure(paper: PaperFigure, runs: Sequence[TableRun]) -> list[report.TableRow]:
    """Return the lines of some runs, in the order of their first runs.

    Raises:
        UserError: A run is of another experiment or of a row that the figure does not show, or its data or weights are
            not there.
    """
    labels = {row.row: row.label for row in paper.rows}

    def row_of(run: TableRun) -> str:
        if run.config.experiment != paper.experiment or run.config.row not in labels:
            raise ConfigError(
                f"{paper.name} shows {', '.join(labels)} of {paper.experiment}, found method={run.config.row} of "
                f"experiment={run.config.experiment}: choose one of these"
            )
        return run.config.row

    return [
        report.TableRow(labels[name], name, control=False, parts=parts)
        for name, parts in _parts_by_row(runs, row_of).items()
    ]


def table_request(name: str, runs: Sequence[TableRun], overrides: Sequence[str]) -> TableRequest:
    """Return what a sweep over a table or figure computes, to be kept beside its records.

    Raises:
        UserError: As the rows'.
    """
    if name.startswith("figure"):
        rows = rows_of_figure(report.paper_figure(name), runs)
    else:
        rows = rows_of_table(report.paper_table(name), runs)
    first = runs[0].config
    kept = [one for one in overrides if not one.startswith(_FOLDERS)]
    return TableRequest.of(name, first.scale, first.task.source, kept, rows)


def _parts_by_row(runs: Sequence[TableRun], row_of: Callable[[TableRun], Row]) -> dict[Row, dict[str, Part]]:
    """Row -> experiment -> its configuration and run ids by seed, in the order of the rows' first runs.

    Args:
        runs: Of one table.
        row_of: What tells a run's row from the others; may refuse the run.

    Raises:
        UserError: Data or weights of a run are not there.
    """
    rows: dict[Row, dict[str, Part]] = {}
    keys = [row_of(run) for run in runs]  # before anything is read: it may refuse
    for key, run, name in zip(keys, runs, name_runs(run.config for run in runs), strict=True):
        parts = rows.setdefault(key, {})
        experiment = run.config.experiment
        before = parts[experiment].run_ids if experiment in parts else {}
        parts[experiment] = Part(name.config_id, {**before, run.config.seed: name.run_id})
    return rows


def _name_label_remark(paper: PaperTable, run: TableRun) -> tuple[str, str, str]:
    """Return the row's key, by which the paper's row is found, the name to print, and what to print below it."""
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
    """Return the start step that was used, where a shorter run scales the paper's."""
    if paper.vary != "recipe.start_step" or not isinstance(config.method, DeltaLoRAConfig):
        return ""
    used = config.method.start_step
    return "" if str(used) == value else f"here K = {used}"
