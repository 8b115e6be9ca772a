import pytest

from deltalora.errors import StoreError
from deltalora.report import Table, TableRow, build_table, paper_table
from deltalora.results import Code, Data, Model, Parameters, RunError, ScoreEntry, Selection

LORA = TableRow("LoRA (repr.)", "lora", False, "config-lora")
DELTA = TableRow("Delta-LoRA", "delta_lora", False, "config-delta_lora")
CONTROL = TableRow("LoRA, alpha x 3", "lora_alpha_matched", True, "config-lora_alpha_matched")
ROWS = [LORA, DELTA, CONTROL]


def build(records, rows=ROWS, scale="embedded", source="embedded") -> Table:
    return build_table(paper_table("table1"), rows, records, scale, source)


def cell(table, row, column):
    return {result.row: result for result in table.rows}[row].cells[column]


def test_fractions_become_hundredths_and_raw_metrics_stay_raw(make_record):
    table = build([make_record("lora", 1, bleu=0.5)])
    assert cell(table, "lora", "BLEU").ours.mean == pytest.approx(50)
    assert cell(table, "lora", "METEOR").ours.mean == pytest.approx(25)
    assert cell(table, "lora", "ROUGE-L").ours.mean == pytest.approx(60)
    assert cell(table, "lora", "NIST").ours.mean == pytest.approx(5)
    assert cell(table, "lora", "CIDEr").ours.mean == pytest.approx(2)
    assert cell(table, "lora", "Val. loss").ours.mean == pytest.approx(1.5)


def test_means_and_deviations_are_over_the_seeds_of_the_row(make_record):
    table = build([make_record("lora", seed, bleu=bleu) for seed, bleu in [(1, 0.48), (2, 0.50), (3, 0.52)]])
    ours = cell(table, "lora", "BLEU").ours
    assert (ours.n, ours.mean, ours.sd) == (3, pytest.approx(50), pytest.approx(2))
    assert table.rows[0].seeds == (1, 2, 3)


def test_records_are_chosen_by_configuration_and_not_by_name(make_record):
    table = build([make_record("lora", 1), make_record("lora", 2, config_id="another-rank")])
    assert table.rows[0].seeds == (1,)


def test_the_effect_is_paired_with_lora_on_common_seeds_and_stands_beside_the_papers(make_record):
    records = [make_record("lora", seed, bleu=bleu) for seed, bleu in [(1, 0.40), (2, 0.50)]]
    records += [make_record("delta_lora", seed, bleu=bleu) for seed, bleu in [(1, 0.41), (2, 0.52), (3, 0.9)]]
    effect = build(records).rows[1].effect
    assert (effect.left, effect.right) == ("Delta-LoRA", "LoRA (repr.)")
    bleu = effect.cells["BLEU"]
    assert bleu.paper == 1.24
    assert (bleu.ours.n, bleu.ours.mean) == (2, pytest.approx(1.5))
    assert bleu.ours.interval.low < 1.5 < bleu.ours.interval.high
    assert effect.cells["Val. loss"].ours.mean == pytest.approx(-0.015)
    assert effect.cells["Val. loss"].paper is None


@pytest.mark.golden
def test_the_papers_own_effects_are_those_of_its_table():
    effect = build([]).rows[1].effect
    # 70.84-69.60, 8.91-8.78, 46.47-45.61, 72.24-71.12 (the text says 1.13), 2.53-2.45
    papers = [effect.cells[metric].paper for metric in ("BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr")]
    assert papers == [1.24, 0.13, 0.86, 1.12, 0.08]


def test_the_reference_has_no_effect_and_delta_lora_is_set_against_every_control(make_record):
    records = [make_record(row.row, seed, bleu=0.5 + 0.01 * i) for i, row in enumerate(ROWS) for seed in (1, 2)]
    table = build(records)
    assert table.rows[0].effect is None
    assert [(effect.left, effect.right) for effect in table.control_effects] == [("Delta-LoRA", "LoRA, alpha x 3")]
    bleu = table.control_effects[0].cells["BLEU"]
    assert bleu.paper is None
    assert bleu.ours.mean == pytest.approx(-1)


def test_ours_minus_paper_exists_at_the_papers_scale_only(make_record):
    at_paper = build([make_record("lora", 1, bleu=0.7, scale="paper")], scale="paper")
    assert cell(at_paper, "lora", "BLEU").difference == pytest.approx(0.4)
    assert at_paper.comparable
    embedded = build([make_record("lora", 1, bleu=0.7)])
    assert cell(embedded, "lora", "BLEU").difference is None
    assert not embedded.comparable


def test_a_control_has_no_paper_numbers(make_record):
    table = build([make_record("lora_alpha_matched", 1, scale="paper")], scale="paper")
    control = table.rows[2]
    assert control.control
    assert not control.in_paper
    assert control.paper_parameters is None
    assert all(c.paper is None and c.difference is None for c in control.cells.values())


def test_a_number_the_transcriber_could_not_read_stays_none(make_record):
    rows = [TableRow("DyLoRA", "dylora", False, "config-dylora"), LORA]
    table = build([make_record("dylora", 1, scale="paper")], rows=rows, scale="paper")
    bleu = cell(table, "dylora", "BLEU")
    assert (bleu.paper, bleu.difference) == (None, None)
    assert table.rows[0].effect.cells["BLEU"].paper is None


def test_parameter_counts_are_exact_and_the_papers_stand_as_printed(make_record):
    table = build([make_record("delta_lora", 1)])
    delta = table.rows[1]
    assert (delta.trainable, delta.extra_updatable) == (6144, 98304)
    assert delta.paper_parameters == "0.375M + 48M"
    assert table.rows[0].trainable is None


def test_failed_and_interrupted_runs_are_listed_and_counted_but_give_no_numbers(make_record, make_failed):
    records = [
        make_record("lora", 1),
        make_failed("lora", 2, message="expected 3 GB,\n found 1"),
        make_failed("lora", 3, status="interrupted", error=None),
    ]
    table = build(records)
    assert table.rows[0].seeds == (1,)
    assert table.rows[0].unfinished == 2
    assert [(run.row, run.seed, run.status, run.reason) for run in table.unfinished] == [
        ("lora", 2, "failed", "OutOfMemoryError: expected 3 GB, found 1"),
        ("lora", 3, "interrupted", "no reason recorded"),
    ]


def test_a_metric_one_run_lacks_lowers_n_of_that_cell_only(make_record):
    full = make_record("lora", 2)
    without = {name: score for name, score in full.scores.items() if name != "METEOR"}
    table = build([make_record("lora", 1), make_record("lora", 2, scores=without)])
    assert cell(table, "lora", "METEOR").ours.n == 1
    assert cell(table, "lora", "BLEU").ours.n == 2


def test_a_table_without_any_run_is_a_table_of_the_paper():
    table = build([])
    assert cell(table, "delta_lora", "BLEU").paper == 70.84
    assert cell(table, "delta_lora", "BLEU").ours is None
    assert table.provenance.seeds == ()
    assert table.provenance.results_version is None


@pytest.mark.parametrize("change", [{"scale": "small"}, {"source": "local"}])
def test_scales_and_sources_never_mix(make_record, change):
    with pytest.raises(StoreError, match="expected scale embedded and source embedded"):
        build([make_record("lora", 1), make_record("lora", 2, **change)])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"data": Data(files={"train": "0" * 64}, counts={}, tokenised_sha256=None)}, "data"),
        ({"model": Model(name="tiny", source="embedded", revision=None, sha256="0" * 64)}, "pre-trained weights"),
        ({"selection": Selection(rule="best", step=1, split="test")}, "selection rule"),
        ({"selection": Selection(rule="last", step=1, split="validation")}, "split"),
        ({"scores": {"BLEU": ScoreEntry(value=0.5, signature="other", n=630)}}, "signature of BLEU"),
    ],
)
def test_finished_runs_that_are_not_comparable_are_refused_by_name(make_record, change, what):
    first, second = make_record("lora", 1), make_record("delta_lora", 1, **change)
    with pytest.raises(StoreError, match=f"{first.run_id} and {second.run_id}: expected the same {what} in one table"):
        build([first, second])


def test_other_inputs_scored_are_refused(make_record):
    first = make_record("lora", 1)
    fewer = {name: score.model_copy(update={"n": 100}) for name, score in first.scores.items()}
    with pytest.raises(StoreError, match="number of inputs scored by BLEU"):
        build([first, make_record("lora", 2, scores=fewer)])


def test_a_failed_run_on_old_data_does_not_stand_in_the_way(make_record, make_failed):
    old = Data(files={"train": "0" * 64}, counts={}, tokenised_sha256=None)
    table = build([make_record("lora", 1), make_failed("lora", 2, data=old)])
    assert len(table.unfinished) == 1


def test_only_the_newest_results_version_counts(make_record):
    newer = Code(results_version=2, commit=None, dirty=None)
    records = [make_record("lora", 1, bleu=0.1), make_record("lora", 1, bleu=0.5, code=newer, run_id="newer")]
    table = build(records)
    assert cell(table, "lora", "BLEU").ours.mean == pytest.approx(50)
    assert table.provenance.results_version == 2
    assert table.provenance.superseded == 1


def test_the_same_seed_twice_is_refused(make_record):
    with pytest.raises(StoreError, match="row lora, seed 1: expected one finished run"):
        build([make_record("lora", 1), make_record("lora", 1, run_id="copy")])


def test_seeds_that_disagree_on_the_number_of_parameters_are_refused(make_record):
    other = Parameters(trainable=1, extra_updatable=0, head=0, total=2)
    with pytest.raises(StoreError, match="same number of parameters for every seed"):
        build([make_record("lora", 1), make_record("lora", 2, parameters=other)])


def test_a_percentage_where_a_fraction_belongs_is_refused(make_record):
    scores = {"BLEU": ScoreEntry(value=69.6, signature="s", n=630)}
    with pytest.raises(StoreError, match=r"expected BLEU as a fraction from 0 to 1, found 69\.6"):
        build([make_record("lora", 1, scores=scores)])


def test_without_lora_there_are_no_effects(make_record):
    table = build([make_record("delta_lora", 1)], rows=[DELTA])
    assert table.rows[0].effect is None
    assert table.control_effects == ()


def test_an_interrupted_run_keeps_its_reason(make_failed):
    error = RunError(type="KeyboardInterrupt", message="stopped by the user")
    table = build([make_failed("lora", 1, status="interrupted", error=error)])
    assert table.unfinished[0].reason == "KeyboardInterrupt: stopped by the user"
