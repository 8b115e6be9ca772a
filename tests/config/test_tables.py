"""A table file is ten rows by two seeds, and the sweeps of the command line change just that."""

import pytest

from deltalora.config import compose, expand, table_runs
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


def test_table1_is_ten_rows_by_two_seeds_and_every_row_is_another_configuration() -> None:
    runs = table_runs("table1", [])
    assert [(run.row, run.seed) for run in runs] == [(row, seed) for row in ROWS for seed in (1, 2)]
    assert {run.scale for run in runs} == {"embedded"}
    assert len({config_id(run.scientific()) for run in runs}) == len(ROWS)


def test_the_table_holds_every_row_the_paper_has() -> None:
    assert {row.row for row in paper_table("table1").rows} <= set(ROWS)


def test_rows_and_seeds_can_be_replaced() -> None:
    runs = table_runs("table1", ["hydra.sweeper.params.method='lora,delta_lora'", "hydra.sweeper.params.seed='3,4,5'"])
    assert [(run.row, run.seed) for run in runs] == [
        (row, seed) for row in ("lora", "delta_lora") for seed in (3, 4, 5)
    ]


def test_one_row_and_one_seed_are_one_run() -> None:
    (run,) = table_runs("table1", ["hydra.sweeper.params.method=adalora", "hydra.sweeper.params.seed=9"])
    assert (run.row, run.seed) == ("adalora", 9)


def test_any_other_override_reaches_every_run() -> None:
    runs = table_runs("table1", ["scale=paper", "train.max_steps=30000", "hydra.sweeper.params.method='lora,full'"])
    assert [(run.scale, run.train.max_steps) for run in runs] == [("paper", 30_000)] * 4


def test_a_table_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="table/table99 is no choice of 'table'; the choices are: table1"):
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
