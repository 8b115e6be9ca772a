"""The paper as data: every printed cell is there, none differs, none is added; and the loaders refuse what is wrong."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from deltalora.errors import StoreError
from deltalora.report import PaperTable, hyperparameter_table, paper_figure, paper_table

RESULTS = ["table1", "table2", "table3", "table4", "table5", "table6", "table8", "table9"]
SETTINGS = ["table10", "table11", "table12", "table13", "table14"]

#: Read from the paper's text by a machine; see tests/golden/paper/README.md.
PRINTED = json.loads((Path(__file__).parents[1] / "golden/paper/tables.json").read_text(encoding="utf-8"))

#: As Tables 10 to 14 print a setting -> as conf/ names it.
NAMES = {
    "Learning Rate η": "learning_rate",
    "Batch Size": "batch_size",
    "Number of Epochs": "epochs",
    "Weight Decay β": "weight_decay",
    "Resid_pdrop": "dropout.residual",
    "Attn_pdrop": "dropout.attention",
    "Embd_pdrop": "dropout.embedding",
    "Activation Dropout": "dropout.activation",
    "Dropout": "dropout.residual",
    "Classifier Dropout": "dropout.classifier",
    "Label Smooth": "label_smoothing",
    "Start Steps K": "start_step",
    "Update Ratio λ": "update_ratio",
    "Rank r": "rank",
    "Alpha α": "alpha",
    "Trainable Matrices": "trainable_matrices",
    "LR Scheduler": "schedule",
    "Warmup Steps": "warmup_steps",
    "Warmup Ratio": "warmup_ratio",
    "Max Sequence Length": "max_length",
    "Beam Size": "num_beams",
    "Penalty": "length_penalty",
    "No Repeat Ngram Size": "no_repeat_ngram_size",
    "No Repeat N-gram Size": "no_repeat_ngram_size",
}

#: The row of Table 14 that the machine's reading leaves out, as the later appendix has it.
EVALUATION_METRICS = {
    "mnli": "Accuracy", "sst2": "Accuracy", "mrpc": "Accuracy", "cola": "Matthews",
    "qnli": "Accuracy", "qqp": "Accuracy", "rte": "Accuracy", "stsb": "Pearson",
}  # fmt: skip


@pytest.mark.golden
@pytest.mark.parametrize("name", RESULTS)
def test_every_printed_cell_of_a_table_of_results_is_there_and_no_other(name: str) -> None:
    table = paper_table(name)
    ours = {
        row.row: dict(zip((*table.printed, *table.score_columns), (*row.printed, *row.scores), strict=True))
        for row in table.rows
    }
    assert ours == PRINTED[name]["rows"]
    assert list(ours) == list(PRINTED[name]["rows"])  # in the paper's order
    assert list(table.score_columns) == PRINTED[name]["columns"]


@pytest.mark.golden
@pytest.mark.parametrize("name", SETTINGS)
def test_every_printed_setting_is_there_and_no_other(name: str) -> None:
    table, printed = hyperparameter_table(name), PRINTED[name]
    assert list(table.columns) == printed["columns"]
    for task in table.columns:
        expected = {NAMES[key]: value(cells[task]) for key, cells in printed["rows"].items()}
        assert len(expected) == len(printed["rows"])
        if name == "table14":
            expected["evaluation_metric"] = EVALUATION_METRICS[task]
        assert table.column(task) == expected


def value(printed: str) -> float | str:
    """A cell as the suite's files have it."""
    words = {"Linear": "linear", "WQ,WV": "W_Q, W_V"}
    return words[printed] if printed in words else float(printed)


def test_the_comparison_sees_a_changed_a_missing_and_an_added_cell() -> None:
    whole = paper_table("table3").model_dump(mode="json")
    for change in (lambda row: row | {"scores": ["45.37", *row["scores"][1:]]}, lambda row: row | {"row": "other"}):
        changed = PaperTable.model_validate(whole | {"rows": [change(whole["rows"][0]), *whole["rows"][1:]]})
        found = {row.row: dict(zip(changed.score_columns, row.scores, strict=True)) for row in changed.rows}
        cells = {
            row: {column: of[column] for column in PRINTED["table3"]["columns"]}
            for row, of in PRINTED["table3"]["rows"].items()
        }
        assert found != cells


def test_only_the_row_quoted_from_loras_paper_has_no_run_of_ours() -> None:
    quoted = {(name, row.row) for name in RESULTS for row in paper_table(name).rows if row.quoted}
    assert quoted == {("table1", "lora_published"), ("table2", "lora_published")}


def test_lora_is_named_as_printed() -> None:
    labels = {name: row.label for name in RESULTS if (row := paper_table(name).row("lora")) is not None}
    assert labels == {
        "table1": "LoRA (repr.)", "table2": "LoRA (repr.)", "table3": "LoRA", "table4": "LoRA", "table5": "LoRA "
        "(repr.)",
        "table6": "LoRA (repr.)",
    }  # fmt: skip


def test_numbers_keep_their_printed_digits() -> None:
    scores = paper_table("table1").scores("lora_published")
    assert scores["BLEU"] == Decimal("70.4")
    assert str(scores["BLEU"]) == "70.4"
    assert paper_table("table1").scores("nobody") == {}


def test_what_stands_left_of_the_scores_is_kept_and_a_dash_is_no_cell() -> None:
    assert paper_table("table6").printed_in("delta_lora") == {"learning_rate": "2e-4", "update_ratio": "2"}
    assert paper_table("table6").printed_in("lora") == {"learning_rate": "2e-4"}
    assert paper_table("table1").printed_in("delta_lora") == {"trainable": "0.375M", "extra_updatable": "48M"}
    assert paper_table("table8").printed_in("0") == {}


@pytest.mark.golden
def test_the_settings_of_llama_are_those_of_section_a_2() -> None:
    assert hyperparameter_table("llama").column("llama_7b") == {
        "trainable_matrices": "W_Q, W_V", "rank": 8, "alpha": 16, "update_ratio": 0.25, "start_step": 100,
        "learning_rate": 1e-4, "batch_size": 128, "epochs": 3, "num_beams": 4, "no_repeat_ngram_size": 10,
        "temperature": 0,
    }  # fmt: skip


def test_figure_3_names_its_rows_and_a_table_is_no_figure() -> None:
    assert [row.row for row in paper_figure("figure3").rows] == ["ft_qv", "lora", "delta_lora"]
    with pytest.raises(StoreError, match=r"table1\.yaml: .*not a PaperFigure"):
        paper_figure("table1")


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ("61.38 45.11", "row full must have a cell for each of"),
        ("61.38 45.11 54.48 0.44 0.38 0.41 0.36 0.53 0.44 0.99", "row full must have a cell for each of"),
        ("61.38 45.11 54.48 0.44 0.38 n/a 0.36 0.53 0.44", "row full must have numbers for scores"),
    ],
)
def test_a_row_with_a_cell_too_few_too_many_or_no_number_is_refused(cells: str, complaint: str) -> None:
    content = paper_table("table2").model_dump()
    with pytest.raises(ValidationError, match=complaint):
        PaperTable.model_validate(content | {"rows": [content["rows"][0] | {"scores": cells}, *content["rows"][1:]]})


def test_a_row_that_lacks_a_count_is_refused() -> None:
    content = paper_table("table2").model_dump()
    with pytest.raises(ValidationError, match="row full must have a cell for each of"):
        PaperTable.model_validate(content | {"rows": [content["rows"][0] | {"printed": "48M"}, *content["rows"][1:]]})


def test_a_table_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(StoreError, match=r"expected one of llama, table1, table2, .*, figure3, .*, found 'table99'"):
        paper_table("table99")


def test_a_table_of_settings_is_no_table_of_results() -> None:
    with pytest.raises(StoreError, match=r"table10\.yaml: .*not a PaperTable"):
        paper_table("table10")


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(StoreError, match="expected one of e2e, webnlg, found 'xsum'"):
        hyperparameter_table("table10").column("xsum")
