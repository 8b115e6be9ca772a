"""A table whose rows take their cells from several experiments: GLUE."""

import hashlib
import json
import re
from decimal import Decimal

import pytest

from deltalora.errors import StoreError
from deltalora.report import PaperTable, build_table, paper_table, to_json, to_latex, to_markdown
from deltalora.results import Data, Model, Parameters, ScoreEntry, Selection
from deltalora.results.table_request import Row
from table_requests import request_of, row_of_runs

GLUE = paper_table("table4")
SEEDS = (1, 2)
#: Made up: what each task's run scores in its own unit.
SCORES = {
    "glue/mnli": {"Accuracy-matched": 0.60, "Accuracy-mismatched": 0.62, "Accuracy": 0.61},
    "glue/sst2": {"Accuracy": 0.70},
    "glue/mrpc": {"Accuracy": 0.65, "F1": 0.75},
    "glue/cola": {"Matthews": -0.10},
    "glue/qnli": {"Accuracy": 0.66},
    "glue/qqp": {"Accuracy": 0.64, "F1": 0.55},
    "glue/rte": {"Accuracy": 0.52},
    "glue/stsb": {"Pearson": 0.40, "Spearman": 0.42},
}
#: The mean of 61, 70, 65, -10, 66, 64, 52 and 40.
AVERAGE = 51.0


def asked(name: str) -> Row:
    printed = GLUE.row(name)
    run_ids = {part: {seed: f"{name}-{part[5:]}-{seed}" for seed in SEEDS} for part in GLUE.parts}
    return row_of_runs(name, run_ids, printed.label if printed else name, control=printed is None)


ROWS = [asked(name) for name in ("full", "lora", "delta_lora", "lora_no_dropout")]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def make_run(make_record, configure):
    """The record of one row's run of one task; `gain` is added to every score."""

    def make(row, part, seed, gain=0.0, **changes):
        config = configure(max_steps=100, experiment=part) | {"row": row}
        if config["init_from"] is not None:
            config["init_from"]["row"] = row
        labels = {"glue/mnli": 3, "glue/stsb": 1}.get(part, 2)
        values = {
            "run_id": f"{row}-{part[5:]}-{seed}",
            "experiment": part,
            "config": config,
            "data": Data(files={"train": sha(part)}, counts={"train": 9}, tokenised_sha256=sha(part + "tokens")),
            "parameters": Parameters(trainable=6144, extra_updatable=0, head=1000 + labels, total=800000),
            "scores": {
                name: ScoreEntry(value=value + gain, signature=f"{part} {name}", n=100 + len(part))
                for name, value in SCORES[part].items()
            },
            "selection": Selection(rule="last", step=100, split="validation"),
        }
        return make_record(row, seed, **(values | changes))

    return make


@pytest.fixture
def make_row(make_run):
    """All runs of one row."""

    def make(row, gain=0.0, seeds=SEEDS, parts=GLUE.parts):
        return [make_run(row, part, seed, gain) for part in parts for seed in seeds]

    return make


def build(records, rows=ROWS):
    return build_table(GLUE, request_of("table4", rows), records)


def row_of(table, name):
    return {row.row: row for row in table.rows}[name]


def test_each_column_takes_its_score_from_its_own_experiment(make_row):
    cells = row_of(build(make_row("lora")), "lora").cells
    means = {name: cell.ours.mean for name, cell in cells.items()}
    expected = {
        "MNLI": 61, "SST-2": 70, "MRPC": 65, "CoLA": -10, "QNLI": 66, "QQP": 64, "RTE": 52, "STS-B": 40,
        "MNLI-m": 60, "MNLI-mm": 62, "MRPC F1": 75, "QQP F1": 55, "STS-B Spearman": 42, "AVG": AVERAGE,
    }  # fmt: skip
    assert means == pytest.approx(expected)
    assert all(cell.ours.n == 2 for cell in cells.values())


def test_the_average_is_computed_by_seed_and_only_where_all_eight_tasks_are_there(make_row, make_run):
    records = make_row("lora", seeds=(1,)) + make_row("lora", seeds=(2,), parts=GLUE.parts[:-1])
    row = row_of(build(records), "lora")
    assert row.computed == {"AVG": {1: pytest.approx(AVERAGE)}}
    assert row.cells["AVG"].ours.n == 1
    assert row.cells["MNLI"].ours.n == 2
    nothing = row_of(build(make_row("lora", parts=GLUE.parts[1:])), "lora")
    assert nothing.cells["AVG"].ours is None


def test_the_average_is_never_read_from_a_record(make_row, make_run):
    typed = ScoreEntry(value=0.99, signature="typed", n=1)
    records = [record.model_copy(update={"scores": record.scores | {"AVG": typed}}) for record in make_row("lora")]
    assert row_of(build(records), "lora").cells["AVG"].ours.mean == pytest.approx(AVERAGE)


def test_the_papers_average_is_the_one_it_printed_and_not_the_mean_of_its_cells(make_row):
    row = row_of(build([]), "delta_lora")
    assert row.cells["AVG"].paper == Decimal("87.38")  # of 87.3875
    assert row.effect.cells["AVG"].paper == Decimal("0.26")
    assert row.effect.cells["SST-2"].paper == Decimal("0.44")
    assert row.effect.cells["MNLI"].paper == Decimal("0.10")


def test_a_run_of_another_experiment_cannot_stand_in_a_column(make_run):
    stranger = make_run("lora", "glue/qnli", 1, run_id="lora-sst2-1")
    with pytest.raises(
        StoreError, match=r"lora-sst2-1: expected a run of experiment glue/sst2, found one of glue/qnli"
    ):
        build([stranger])


def test_data_and_scores_must_agree_within_a_task_but_not_across_tasks(make_run, make_row):
    build([*make_row("lora"), *make_row("delta_lora")])
    other = Data(files={"train": sha("other")}, counts={}, tokenised_sha256=None)
    with pytest.raises(StoreError, match=r"the same raw data in the columns of glue/rte, found two"):
        build([make_run("lora", "glue/rte", 1), make_run("delta_lora", "glue/rte", 1, data=other)])


def test_the_backbone_must_be_one_across_all_tasks(make_run):
    other = Model(name="roberta", source="hub", revision="main", sha256=sha("another"))
    with pytest.raises(StoreError, match="expected the same pre-trained weights in one table"):
        build([make_run("lora", "glue/rte", 1), make_run("lora", "glue/sst2", 1, model=other)])


@pytest.mark.parametrize(
    ("part", "metric", "value", "text"),
    [
        ("glue/cola", "Matthews", -1.2, "a correlation from -1 to 1"),
        ("glue/stsb", "Pearson", 40.0, "a correlation from -1 to 1"),
        ("glue/sst2", "Accuracy", -0.1, "a fraction from 0 to 1"),
    ],
)
def test_a_score_outside_its_unit_is_refused(make_run, part, metric, value, text):
    scores = {metric: ScoreEntry(value=value, signature="s", n=9)}
    with pytest.raises(StoreError, match=f"expected {metric} as {text}, found {value}"):
        build([make_run("lora", part, 1, scores=scores)])


def test_there_is_no_validation_loss_over_several_tasks(make_row):
    assert "Val. loss" not in {column.name for column in build(make_row("lora")).columns}


def grids(markdown):
    blocks = re.findall(r"(?:^\|.*\n)+", markdown, flags=re.MULTILINE)
    return [[[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()] for block in blocks]


def test_markdown_has_main_and_secondary_columns_parameters_and_tasks_in_grids_that_fit_a_terminal(make_row):
    records = make_row("lora") + make_row("delta_lora", gain=0.01, parts=GLUE.parts[:3])
    text = to_markdown(build(records))
    main, secondary, parameters, tasks, *_ = grids(text)
    assert [title.split()[0] for title in main[0][2:]] == [
        "MNLI", "SST-2", "MRPC", "CoLA", "QNLI", "QQP", "RTE", "STS-B", "AVG"
    ]  # fmt: skip
    assert secondary[0][2:] == ["MNLI-m ↑", "MNLI-mm ↑", "MRPC F1 ↑", "QQP F1 ↑", "STS-B Spearman ↑"]
    assert not any("paper" in line[1] for line in secondary)
    assert ["", "ours, 6 of 16 runs"] in [line[:2] for line in main]
    assert ["", "ours", "6,144", "0", "1,001–1,003"] in parameters
    assert ["LoRA", "paper", "0.28M", "", ""] in parameters
    assert ["glue/rte", "validation", "last", "MNLI run of the same row", "100", "–", "108"] in tasks
    assert ["glue/sst2", "validation", "last", "none", "100", "–", "109"] in tasks
    assert max(map(len, re.findall(r"^\|.*$", text, flags=re.MULTILINE))) <= 180


def test_the_header_says_what_mrpc_rte_and_stsb_start_from(make_row, make_run):
    text = to_markdown(build(make_row("lora")))
    assert "init_from of glue/mrpc, glue/rte and glue/stsb: **MNLI run of the same row**" in text
    alone = make_run("lora", "glue/rte", 1)
    from_mnli = alone.config["init_from"]
    alone = alone.model_copy(update={"config": alone.config | {"init_from": None}})
    assert "init_from of glue/rte: **none**" in to_markdown(build([alone]))
    stranger = alone.model_copy(update={"config": alone.config | {"init_from": {**from_mnli, "row": "full"}}})
    assert "init_from of glue/rte: **MNLI run of full**" in to_markdown(build([stranger]))


def test_missing_and_failed_runs_are_named_with_their_task(make_row, make_failed):
    failed = make_failed("lora", 1, run_id="lora-rte-1", experiment="glue/rte")
    text = to_markdown(build([*make_row("lora", parts=GLUE.parts[:6]), failed]))
    assert "lora, glue/rte, seed 1: failed" in text
    assert "lora, glue/rte, seed 2: not run" in text
    assert "lora, glue/stsb, seeds 1 and 2: not run" in text


def test_latex_and_json_hold_the_same_table(make_row):
    table = build(make_row("lora"))
    content = json.loads(to_json(table))
    lora = {row["row"]: row for row in content["rows"]}["lora"]
    assert lora["parts"]["glue/cola"]["seeds"]["2"] == {"run_id": "lora-cola-2", "values": {"CoLA": pytest.approx(-10)}}
    assert lora["computed"]["AVG"]["1"] == pytest.approx(AVERAGE)
    assert content["provenance"]["parts"]["glue/rte"]["initialised_from"] == ["MNLI run of the same row"]
    latex = to_latex(table)
    assert latex.isascii()
    assert latex.count(r"\begin{tabular}") == 4 + 1  # the differences are of block 1 alone: nothing was read in block 2


def test_a_mean_of_unknown_or_computed_columns_and_a_column_without_part_are_refused():
    content = GLUE.model_dump()
    columns = {column["name"]: column for column in content["metrics"]}
    for name, change, fault in [
        ("AVG", {"mean_of": ("MNLI", "SQuAD")}, "must be a mean of columns that are read"),
        ("AVG", {"mean_of": ("AVG",)}, "must be a mean of columns that are read"),
        ("RTE", {"part": None}, "must name its part"),
        ("RTE", {"part": "glue/wnli"}, "is none of"),
    ]:
        metrics = [columns[name] | change if column is columns[name] else column for column in content["metrics"]]
        with pytest.raises(ValueError, match=fault):
            PaperTable.model_validate(content | {"metrics": metrics})
