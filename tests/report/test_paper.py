import pytest
from pydantic import ValidationError

from deltalora.errors import StoreError
from deltalora.report import PaperTable, hyperparameter_table, paper_figure, paper_table
from deltalora.report.paper import PaperValue

METHODS = ["full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora"]
TABLES = ["table1", "table2", "table3", "table4", "table5", "table6", "table8", "table9"]
METRICS = ["BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr"]


@pytest.mark.golden
@pytest.mark.parametrize(
    ("row", "scores"),
    [("lora", [69.60, 8.78, 45.61, 71.12, 2.45]), ("delta_lora", [70.84, 8.91, 46.47, 72.24, 2.53])],
)
def test_table_1_holds_the_printed_numbers(row, scores):
    # arXiv 2309.02411, Table 1.
    found = paper_table("table1").row(row)
    assert found is not None
    assert [found.scores[metric].value for metric in METRICS] == scores


def test_table_1_has_the_seven_methods_and_five_metrics_in_the_papers_order():
    table = paper_table("table1")
    assert [row.row for row in table.rows] == METHODS
    assert [metric.name for metric in table.metrics] == METRICS
    assert all(metric.higher_is_better for metric in table.metrics)


@pytest.mark.golden
def test_table_1_holds_the_printed_parameter_counts():
    printed = {row.row: row.trainable.text for row in paper_table("table1").rows}
    assert printed["full"] == "354.92M"
    assert printed["ft_frozen_embeddings"] == "305.84M"
    assert printed["ft_qv"] == "48M"
    assert {printed[name] for name in ("lora", "dylora", "adalora", "delta_lora")} == {"0.375M"}


@pytest.mark.parametrize("name", TABLES)
def test_every_number_says_where_it_was_read_and_none_is_guessed(name):
    table = paper_table(name)
    for row in table.rows:
        assert row.trainable.source.startswith("arXiv 2309.02411")
        for value in [*row.scores.values(), *row.gains.values()]:
            assert value.source in table.sources
            assert value.value is None or value.source.startswith("arXiv 2309.02411")
            assert (value.value is None) == (value.source == "not available to the transcriber")


def test_every_source_a_table_lists_is_used():
    for table in map(paper_table, TABLES):
        counts = [count for row in table.rows for count in (row.trainable, row.extra_updatable) if count]
        values = [value for row in table.rows for value in [*row.scores.values(), *row.gains.values()]]
        assert set(table.sources) == {one.source for one in [*counts, *values]}


@pytest.mark.golden
@pytest.mark.parametrize(
    ("table", "row", "numbers"),
    [
        ("table2", "lora", {"BLEU-U": 46.61}),
        ("table2", "delta_lora", {"BLEU-U": 47.68}),
        ("table3", "delta_lora", {}),
        ("table4", "full", {"AVG": 86.74}),
        ("table4", "ft_frozen_embeddings", {"SST-2": 94.02, "AVG": 87.01}),
        ("table4", "ft_qv", {"SST-2": 95.06, "AVG": 86.43}),
        ("table4", "lora", {"SST-2": 94.62, "MRPC": 89.97, "AVG": 87.12}),
        ("table4", "dylora", {"AVG": 86.14}),
        ("table4", "adalora", {"MRPC": 90.19, "AVG": 86.65}),
        ("table4", "delta_lora", {"SST-2": 95.06, "MRPC": 90.19, "AVG": 87.38}),
        ("table5", "delta_lora_with_dropout", {}),
        ("table6", "lora_lr_triple", {}),
        ("table8", "0", {"BLEU": 68.94}),
        ("table8", "5", {}),
        ("table9", "0", {"BLEU": 69.10}),
        ("table9", "900", {"BLEU": 71.00, "NIST": 8.92}),
    ],
)
def test_the_other_tables_hold_what_could_be_read_and_nothing_else(table, row, numbers):
    scores = paper_table(table).row(row).scores
    assert {name: value.value for name, value in scores.items() if value.value is not None} == numbers


@pytest.mark.parametrize(("table", "row"), [("table5", "lora"), ("table6", "lora"), ("table6", "delta_lora")])
def test_the_same_method_in_the_same_setting_has_the_numbers_of_table_1(table, row):
    first = {name: value.value for name, value in paper_table("table1").row(row).scores.items()}
    assert {name: value.value for name, value in paper_table(table).row(row).scores.items()} == first


@pytest.mark.golden
@pytest.mark.parametrize(
    ("table", "counts"),
    [
        ("table2", ["354.92M", "305.84M", "48M", "0.375M", "0.375M", "0.375M", "0.375M + 48M"]),
        ("table3", ["387.5M", "338.4M", "72M", "0.45M", "0.56M", "0.56M", "0.56M + 72M"]),
        ("table4", ["118.87M", "82.05M", "13.5M", "0.28M", "0.28M", "0.28M", "0.28M + 13.5M"]),
    ],
)
def test_the_printed_parameter_counts_of_the_other_backbones(table, counts):
    rows = paper_table(table).rows
    assert [row.row for row in rows] == METHODS
    both = [[count.text for count in (row.trainable, row.extra_updatable) if count] for row in rows]
    assert [" + ".join(texts) for texts in both] == counts


@pytest.mark.parametrize(
    ("table", "rows"),
    [("table8", [str(ratio) for ratio in range(6)]), ("table9", [str(step) for step in range(0, 1001, 100)])],
)
def test_sweeps_have_a_row_for_every_value(table, rows):
    assert [row.row for row in paper_table(table).rows] == rows


@pytest.mark.golden
def test_tables_12_and_13_hold_the_settings_of_xsum():
    training = hyperparameter_table("table12").column("xsum")
    assert (training["rank"], training["alpha"], training["learning_rate"]) == (4, 32, 2e-4)
    assert (training["batch_size"], training["epochs"], training["warmup_steps"]) == (64, 25, 3000)
    assert {training[f"dropout.{place}"] for place in ("residual", "activation", "classifier")} == {0}
    assert "dropout.attention" not in training
    assert hyperparameter_table("table12").unavailable("xsum") == ("update_ratio", "start_step")
    assert hyperparameter_table("table13").column("xsum") == {
        "num_beams": 8,
        "length_penalty": 1.0,
        "no_repeat_ngram_size": 4,
    }


@pytest.mark.golden
@pytest.mark.parametrize(
    ("task", "batch_size", "learning_rate", "epochs", "start_step", "max_length"),
    [
        ("mnli", 128, 5e-4, 30, 2000, 256),
        ("sst2", 128, 5e-4, 60, 400, 256),
        ("mrpc", 128, 4e-4, 30, 10, 256),
        ("cola", 64, 4e-4, 80, 100, 256),
        ("qnli", 128, 4e-4, 25, 800, 256),
        ("qqp", 128, 4e-4, 25, 400, 256),
        ("rte", 128, 4e-4, 80, 200, 512),
        ("stsb", 128, 4e-4, 40, 200, 256),
    ],
)
def test_table_14_holds_the_settings_of_glue(task, batch_size, learning_rate, epochs, start_step, max_length):
    assert hyperparameter_table("table14").column(task) == {
        "start_step": start_step,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "epochs": epochs,
        "max_length": max_length,
    }
    unread = ("rank", "alpha", "update_ratio", "warmup_ratio", "weight_decay")
    assert hyperparameter_table("table14").unavailable(task) == unread


def test_figure_3_names_its_rows_and_a_table_is_no_figure():
    assert [row.row for row in paper_figure("figure3").rows] == ["ft_qv", "lora", "delta_lora"]
    with pytest.raises(StoreError, match=r"table1\.yaml: .*not a PaperFigure"):
        paper_figure("table1")


def test_a_row_with_a_number_too_few_or_too_many_is_refused():
    content = paper_table("table2").model_dump()
    for change in ({"TER-A": None}, {"TER-tercom-A": {"value": 0.4, "source": content["sources"][0]}}):
        scores = {name: value for name, value in (content["rows"][0]["scores"] | change).items() if value is not None}
        rows = [content["rows"][0] | {"scores": scores}, *content["rows"][1:]]
        with pytest.raises(ValidationError, match="row full must have a value"):
            PaperTable.model_validate(content | {"rows": rows})


def test_a_number_without_source_or_a_source_without_number_is_refused():
    with pytest.raises(ValidationError):
        PaperValue(value=None, source="arXiv 2309.02411, Table 1")
    with pytest.raises(ValidationError):
        PaperValue(value=1.0, source="not available to the transcriber")


def test_a_table_nobody_transcribed_is_refused_with_those_there_are():
    with pytest.raises(StoreError, match=r"expected one of table1, table2, .*, figure3, table10, .*, found 'table99'"):
        paper_table("table99")


def test_a_table_of_settings_is_no_table_of_results():
    with pytest.raises(StoreError, match=r"table10\.yaml: .*not a PaperTable"):
        paper_table("table10")


@pytest.mark.golden
def test_tables_10_and_11_hold_the_settings_of_e2e_and_webnlg():
    e2e = hyperparameter_table("table10").column("e2e")
    assert (e2e["rank"], e2e["alpha"], e2e["update_ratio"], e2e["start_step"]) == (4, 32, 2, 500)
    assert (e2e["learning_rate"], e2e["batch_size"], e2e["epochs"], e2e["warmup_steps"]) == (2e-4, 8, 5, 500)
    assert (e2e["weight_decay"], e2e["label_smoothing"]) == (0.01, 0)
    webnlg = hyperparameter_table("table10").column("webnlg")
    assert {key for key in e2e if e2e[key] != webnlg[key]} == {"update_ratio", "dropout.residual", "dropout.attention"}
    decoding = hyperparameter_table("table11")
    assert decoding.column("e2e") == {"num_beams": 10, "length_penalty": 0.8, "no_repeat_ngram_size": 4}
    assert decoding.column("webnlg") == {"num_beams": 5, "length_penalty": 1.0, "no_repeat_ngram_size": 4}


def test_an_unknown_column_is_refused():
    with pytest.raises(StoreError, match="expected one of e2e, webnlg, found 'xsum'"):
        hyperparameter_table("table10").column("xsum")


@pytest.mark.parametrize("place", ["trainable", "BLEU"])
def test_a_value_from_a_source_the_table_does_not_list_is_refused(place):
    content = paper_table("table1").model_dump()
    row = content["rows"][-1]
    (row["trainable"] if place == "trainable" else row["scores"]["BLEU"])["source"] = "hearsay"
    with pytest.raises(ValidationError, match="row delta_lora has a value from 'hearsay'"):
        PaperTable.model_validate(content)
