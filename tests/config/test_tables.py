"""A table file is ten rows by two seeds, and the sweeps of the command line change just that."""

import pytest

from deltalora.config import RunConfig, compose, expand, table_runs
from deltalora.errors import ConfigError
from deltalora.report import paper_table
from deltalora.results import config_id

ROWS = [
    "full",
    "ft_frozen_embeddings",
    "ft_qv",
    "lora",
    "dylora",
    "adalora",
    "delta_lora",
    "lora_no_dropout",
    "lora_alpha_matched",
    "lora_lr_matched",
]


def configs(table: str, overrides: list[str]) -> list[RunConfig]:
    return [run.config for run in table_runs(table, overrides)]


def test_table1_is_ten_rows_by_two_seeds_and_every_row_is_another_configuration() -> None:
    runs = configs("table1", [])
    assert [(run.row, run.seed) for run in runs] == [(row, seed) for row in ROWS for seed in (1, 2)]
    assert {run.scale for run in runs} == {"embedded"}
    assert len({config_id(run.scientific()) for run in runs}) == len(ROWS)


def test_the_table_holds_every_row_the_paper_has() -> None:
    assert {row.row for row in paper_table("table1").rows if not row.quoted} <= set(ROWS)


PER_METHOD = {"table1": ("e2e", 2), "table2": ("webnlg", 1), "table3": ("xsum", 1)}
GLUE = ["mnli", "sst2", "mrpc", "cola", "qnli", "qqp", "rte", "stsb"]


@pytest.mark.parametrize("table", PER_METHOD)
def test_a_table_of_methods_has_ten_rows_of_one_experiment(table: str) -> None:
    experiment, seeds = PER_METHOD[table]
    runs = configs(table, [])
    assert {run.experiment for run in runs} == {experiment}
    assert [run.row for run in runs] == [row for row in ROWS for _ in range(seeds)]


def test_table4_is_ten_rows_on_eight_tasks_and_three_tasks_start_from_the_rows_own_mnli_run() -> None:
    runs = configs("table4", [])
    assert [(run.experiment, run.row) for run in runs] == [(f"glue/{task}", row) for task in GLUE for row in ROWS]
    started = {run.experiment for run in runs if run.init_from is not None}
    assert started == {"glue/mrpc", "glue/rte", "glue/stsb"}
    mnli = {run.row: run for run in runs if run.experiment == "glue/mnli"}
    assert all(run.init_from == mnli[run.row] for run in runs if run.init_from is not None)


def test_table4_can_do_without_mnli() -> None:
    assert all(run.init_from is None for run in configs("table4", ["init_from=none"]))


def test_the_ablations_change_what_they_say_and_nothing_else() -> None:
    rows = {run.row: run for run in configs("table5", []) + configs("table6", [])}
    lora, delta = rows["lora"], rows["delta_lora"]
    with_dropout = rows["delta_lora_with_dropout"]
    assert with_dropout.method == delta.method.model_copy(update={"dropout": lora.method.dropout})
    triple = rows["lora_lr_triple"]
    assert triple.method == lora.method
    assert triple.train.learning_rate == pytest.approx(3 * lora.train.learning_rate, rel=1e-12)
    assert configs("table6", ["scale=paper"])[1].train.learning_rate == 6e-4
    alpha = rows["lora_alpha_matched"].method.alpha
    assert alpha == (1 + delta.method.update_ratio) * delta.method.alpha == 96


def test_tables_8_and_9_sweep_lambda_and_k_in_the_papers_units() -> None:
    ratios = table_runs("table8", [])
    assert [run.swept["recipe.update_ratio"] for run in ratios] == ["0", "1", "2", "3", "4", "5"]
    assert [run.config.method.update_ratio for run in ratios] == [0, 1, 2, 3, 4, 5]
    paper = [run.config.method.start_step for run in table_runs("table9", ["scale=paper"])]
    assert paper == list(range(0, 1001, 100))
    embedded = [run.config.method.start_step for run in table_runs("table9", [])]
    assert embedded == list(range(0, 201, 20))
    assert all(run.row == "delta_lora" for run in configs("table8", []) + configs("table9", []))


def test_rows_that_tables_share_are_one_run() -> None:
    def ids(table: str) -> dict[str, str]:
        return {run.row: config_id(run.scientific()) for run in configs(table, []) if run.seed == 1}

    whole = ids("table1")
    shared = {**ids("table5"), **ids("table6"), **ids("figure3")}
    assert {row: shared[row] for row in shared if row in whole} == {row: whole[row] for row in shared if row in whole}
    assert config_id(configs("table8", [])[2].scientific()) == whole["delta_lora"]
    assert config_id(configs("table9", [])[5].scientific()) == whole["delta_lora"]


def test_rows_and_seeds_can_be_replaced() -> None:
    runs = configs("table1", ["hydra.sweeper.params.method='lora,delta_lora'", "hydra.sweeper.params.seed='3,4,5'"])
    assert [(run.row, run.seed) for run in runs] == [
        (row, seed) for row in ("lora", "delta_lora") for seed in (3, 4, 5)
    ]


def test_one_row_and_one_seed_are_one_run() -> None:
    (run,) = configs("table1", ["hydra.sweeper.params.method=adalora", "hydra.sweeper.params.seed=9"])
    assert (run.row, run.seed) == ("adalora", 9)


def test_any_other_override_reaches_every_run() -> None:
    runs = configs("table1", ["scale=paper", "train.max_steps=30000", "hydra.sweeper.params.method='lora,full'"])
    assert [(run.scale, run.train.max_steps) for run in runs] == [("paper", 30_000)] * 4


def test_a_table_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        ConfigError, match="table/table99 is no choice of 'table'; the choices are: figure3, table1, table2"
    ):
        table_runs("table99", [])


def test_without_a_sweep_there_is_nothing_to_expand() -> None:
    assert expand(["method=lora", "seed=3"], multirun=False) is None


def test_a_multirun_is_the_product_of_its_sweeps() -> None:
    jobs = expand(["method=lora,full", "seed=1,2", "train.epochs=3"], multirun=True)
    assert jobs is not None
    assert [(job.choices["method"], job.config.seed, job.config.train.epochs) for job in map(compose, jobs)] == [
        ("lora", 1, 3),
        ("lora", 2, 3),
        ("full", 1, 3),
        ("full", 2, 3),
    ]
