import pytest
from pydantic import ValidationError

from deltalora.errors import StoreError
from deltalora.report import PaperTable, hyperparameter_table, paper_table
from deltalora.report.paper import PaperValue

METHODS = ["full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora"]
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


def test_every_number_says_where_it_was_read_and_none_is_guessed():
    table = paper_table("table1")
    for row in table.rows:
        for value in row.scores.values():
            assert value.source in table.sources
            assert value.value is None or value.source.startswith("arXiv 2309.02411, Table 1")
            assert (value.value is None) == (value.source == "not available to the transcriber")


def test_a_number_without_source_or_a_source_without_number_is_refused():
    with pytest.raises(ValidationError):
        PaperValue(value=None, source="arXiv 2309.02411, Table 1")
    with pytest.raises(ValidationError):
        PaperValue(value=1.0, source="not available to the transcriber")


def test_a_table_nobody_transcribed_is_refused_with_those_there_are():
    with pytest.raises(StoreError, match=r"expected one of table1, table10, table11, found 'table99'"):
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
