import hashlib
from decimal import Decimal

import pytest

from deltalora.errors import StoreError
from deltalora.report import build_table, paper_table
from deltalora.report.table import Table
from deltalora.results import Code, CurvePoint, Data, Model, Parameters, RunError, ScoreEntry, Selection
from deltalora.results.table_request import Row
from table_requests import request_of, row_of_runs, runs_of

SEEDS = (1, 2, 3)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def asked(label: str, name: str, control: bool = False) -> Row:
    return row_of_runs(name, runs_of(name, SEEDS), label, f"config-{name}", control=control)


LORA = asked("LoRA (repr.)", "lora")
DELTA = asked("Delta-LoRA", "delta_lora")
CONTROL = asked("LoRA, alpha x 3", "lora_alpha_matched", control=True)
ROWS = [LORA, DELTA, CONTROL]


def build(records, rows=ROWS, scale="embedded", source="embedded") -> Table:
    return build_table(paper_table("table1"), request_of("table1", rows, scale, source), records)


def row_of(table, name):
    return next(row for row in table.rows if row.row == name)


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


def test_records_are_chosen_by_run_id_and_nothing_else(make_record):
    table = build([make_record("lora", 1), make_record("lora", 2, run_id="on-other-data")])
    assert table.rows[0].seeds == (1,)
    assert table.rows[0].parts["e2e"].not_run == (2, 3)


def test_two_rows_whose_settings_coincide_share_their_runs(make_record):
    same = row_of_runs("lora_alpha_matched", {"e2e": {1: "lora-1"}}, "LoRA, alpha x 1", "config-lora", control=True)
    table = build([make_record("lora", 1, bleu=0.5)], rows=[LORA, same])
    assert cell(table, "lora_alpha_matched", "BLEU").ours == cell(table, "lora", "BLEU").ours


def test_every_number_leads_to_its_run(make_record):
    records = [make_record("lora", seed, bleu=bleu) for seed, bleu in [(1, 0.4), (3, 0.5)]]
    row = build(records).rows[0].parts["e2e"]
    assert {seed: result.run_id for seed, result in row.seeds.items()} == {1: "lora-1", 3: "lora-3"}
    assert row.seeds[3].values["BLEU"] == pytest.approx(50)
    assert row.seeds[3].values["Val. loss"] == pytest.approx(1.5)
    assert row.config_id == "config-lora"


def test_the_effect_is_paired_with_lora_on_common_seeds_and_stands_beside_the_papers(make_record):
    records = [make_record("lora", seed, bleu=bleu) for seed, bleu in [(1, 0.40), (2, 0.50)]]
    records += [make_record("delta_lora", seed, bleu=bleu) for seed, bleu in [(1, 0.41), (2, 0.52), (3, 0.9)]]
    effect = row_of(build(records), "delta_lora").effect
    assert (effect.left, effect.right) == ("Delta-LoRA", "LoRA (repr.)")
    bleu = effect.cells["BLEU"]
    assert bleu.paper == Decimal("1.24")
    assert (bleu.ours.n, bleu.ours.mean) == (2, pytest.approx(1.5))
    assert bleu.ours.interval.low < 1.5 < bleu.ours.interval.high
    assert effect.cells["Val. loss"].ours.mean == pytest.approx(-0.015)
    assert effect.cells["Val. loss"].paper is None


@pytest.mark.golden
def test_the_papers_own_effects_are_those_of_its_table():
    effect = row_of(build([]), "delta_lora").effect
    # 70.84-69.60, 8.91-8.78, 46.47-45.61, 72.24-71.12 (the text says 1.13), 2.53-2.45
    papers = [effect.cells[metric].paper for metric in ("BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr")]
    assert papers == [Decimal(text) for text in ("1.24", "0.13", "0.86", "1.12", "0.08")]


def test_the_reference_has_no_effect_and_delta_lora_is_set_against_every_control(make_record):
    records = [make_record(row.row, seed, bleu=0.5 + 0.01 * i) for i, row in enumerate(ROWS) for seed in (1, 2)]
    table = build(records)
    assert table.rows[0].effect is None
    assert [(effect.left, effect.right) for effect in table.control_effects] == [("Delta-LoRA", "LoRA, alpha x 3")]
    bleu = table.control_effects[0].cells["BLEU"]
    assert bleu.paper is None
    assert bleu.ours.mean == pytest.approx(-1)


def test_ours_minus_paper_exists_in_the_papers_setting_only(make_record, make_paper_record):
    as_paper = build([make_paper_record("lora", 1, bleu=0.7)], scale="paper", source="hub")
    assert cell(as_paper, "lora", "BLEU").difference == pytest.approx(0.4)
    assert as_paper.comparable
    assert as_paper.departures == ()
    embedded = build([make_record("lora", 1, bleu=0.7)])
    assert cell(embedded, "lora", "BLEU").difference is None
    assert not embedded.comparable
    assert embedded.departures == (
        "scale embedded",
        "embedded data",
        "embedded backbone",
        "500 steps instead of epochs",
    )


@pytest.mark.parametrize(("bleu", "inside"), [((0.68, 0.70), True), ((0.6999, 0.7001), False)])
def test_whether_the_papers_number_lies_in_our_interval_is_said_in_the_papers_setting_only(
    make_record, make_paper_record, bleu, inside
):
    # 69.60 is the paper's; t(0.975, 1) = 12.7 standard errors about 69 and about 70.
    records = [make_paper_record("lora", seed, bleu=one) for seed, one in enumerate(bleu, start=1)]
    assert cell(build(records, scale="paper", source="hub"), "lora", "BLEU").paper_in_interval is inside
    one_seed = build(records[:1], scale="paper", source="hub")
    assert cell(one_seed, "lora", "BLEU").difference is not None
    assert cell(one_seed, "lora", "BLEU").paper_in_interval is None
    embedded = build([make_record("lora", seed, bleu=one) for seed, one in enumerate(bleu, start=1)])
    assert cell(embedded, "lora", "BLEU").paper_in_interval is None


@pytest.mark.parametrize(
    ("config", "departure"),
    [
        ({"max_steps": 200}, "200 steps instead of epochs"),
        ({"weights": "random"}, "random weights"),
        ({"train": 1000}, "train data cut to 1000"),
        ({"test": 10}, "test data cut to 10"),
    ],
)
def test_one_run_cut_short_at_the_papers_scale_takes_the_gap_from_the_table(
    make_paper_record, configure, config, departure
):
    records = [make_paper_record("lora", 1), make_paper_record("delta_lora", 1, config=configure(**config))]
    table = build(records, scale="paper", source="hub")
    assert table.departures == (departure,)
    assert not table.comparable
    assert all(c.difference is None for row in table.rows for c in row.cells.values())


@pytest.mark.parametrize(
    ("changes", "departure"),
    [
        ({"source": "embedded"}, "embedded data"),
        ({"scale": "small"}, "scale small"),
        ({"model": Model(name="tiny", source="embedded", revision=None, sha256="0" * 64)}, "embedded backbone"),
    ],
)
def test_other_data_scale_or_backbone_is_not_the_papers_setting(make_paper_record, changes, departure):
    assert build([make_paper_record("lora", 1, **changes)], scale="paper").departures == (departure,)


def test_a_record_that_does_not_tell_its_setting_is_refused(make_paper_record):
    with pytest.raises(
        StoreError, match=r"run lora-1: expected the configuration of a run in its record, found experiment: "
    ):
        build([make_paper_record("lora", 1, config={"method": {}})], scale="paper")


def test_a_dropout_that_differs_from_the_references_is_noted_once(make_record, configure):
    dropout = {"lora": 0.1, "delta_lora": 0.0, "lora_alpha_matched": 0}
    records = [
        make_record(row, seed, config=configure(max_steps=500, dropout=value))
        for row, value in dropout.items()
        for seed in (1, 2)
    ]
    notes = [note for note in build(records).notes if "dropout" in note]
    assert len(notes) == 1
    assert "is 0.1 in lora, but 0 in delta_lora, lora_alpha_matched:" in notes[0]


def test_equal_dropouts_and_rows_without_a_branch_need_no_note(make_record, configure):
    rows = [LORA, DELTA, asked("Full", "full")]
    low_rank = configure(max_steps=500, dropout=0.1)
    records = [make_record("lora", 1, config=low_rank), make_record("delta_lora", 1, config=low_rank)]
    table = build([*records, make_record("full", 1)], rows=rows)
    assert not any("dropout" in note for note in table.notes)


def test_a_control_has_no_paper_numbers(make_paper_record):
    table = build([make_paper_record("lora_alpha_matched", 1)], scale="paper", source="hub")
    assert table.comparable
    control = row_of(table, "lora_alpha_matched")
    assert control.control
    assert not control.in_paper
    assert control.paper_parameters is None
    assert all(c.paper is None and c.difference is None for c in control.cells.values())


def test_at_the_papers_scale_a_row_shows_its_distance_from_the_printed_number(make_paper_record):
    rows = [asked("DyLoRA", "dylora"), LORA]
    table = build([make_paper_record("dylora", 1)], rows=rows, scale="paper", source="hub")
    assert table.comparable
    bleu = cell(table, "dylora", "BLEU")
    assert bleu.paper == Decimal("67.89")
    assert bleu.difference == pytest.approx(bleu.ours.mean - 67.89)
    assert row_of(table, "dylora").effect.cells["BLEU"].paper == Decimal("-1.71")


def test_parameter_counts_are_exact_and_the_papers_stand_as_printed(make_record):
    table = build([make_record("delta_lora", 1)])
    delta = row_of(table, "delta_lora")
    counted = delta.parts["e2e"]
    assert (counted.trainable, counted.extra_updatable, counted.head) == (6144, 98304, 0)
    assert delta.paper_parameters == "0.375M + 48M"
    assert table.rows[0].parts["e2e"].trainable is None


def test_failed_and_interrupted_runs_are_listed_and_counted_but_give_no_numbers(make_record, make_failed):
    records = [
        make_record("lora", 1),
        make_failed("lora", 2, message="expected 3 GB,\n found 1"),
        make_failed("lora", 3, status="interrupted", error=None),
    ]
    table = build(records)
    assert table.rows[0].seeds == (1,)
    assert table.rows[0].parts["e2e"].unfinished == (2, 3)
    assert table.rows[0].parts["e2e"].not_run == ()
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
    assert cell(table, "delta_lora", "BLEU").paper == Decimal("70.84")
    assert cell(table, "delta_lora", "BLEU").ours is None
    assert table.provenance.seeds == ()
    assert table.provenance.results_version is None


def test_a_seed_that_finished_is_not_unfinished_as_well(make_record, make_failed):
    failed, finished = make_failed("lora", 1), make_record("lora", 1)
    for records in ([failed, finished], [finished, failed], [make_failed("lora", 1, run_id="earlier"), finished]):
        table = build(records)
        assert table.rows[0].seeds == (1,)
        assert table.rows[0].parts["e2e"].unfinished == ()
        assert table.unfinished == ()


def data(tokens: str, train: str = "train") -> Data:
    return Data(files={"train": sha(train), "test": sha("test")}, counts={}, tokenised_sha256=tokens)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"data": data("0" * 64)}, "token ids of the data"),
        ({"data": data("1" * 64, train="other")}, "raw data"),
        ({"model": Model(name="tiny", source="embedded", revision=None, sha256="0" * 64)}, "pre-trained weights"),
        ({"scores": {"BLEU": ScoreEntry(value=0.5, signature="other", n=630)}}, "signature of BLEU"),
    ],
)
def test_runs_tokenised_or_scored_in_two_ways_are_refused_by_name(make_record, change, what):
    first = make_record("lora", 1)
    first = first.model_copy(update={"data": first.data.model_copy(update={"tokenised_sha256": "1" * 64})})
    with pytest.raises(StoreError, match=f"lora-1 and delta_lora-1: expected the same {what} in one table") as caught:
        build([first, make_record("delta_lora", 1, **change)])
    assert "delete" not in str(caught.value)


def test_other_inputs_scored_are_refused(make_record):
    first = make_record("lora", 1)
    fewer = {name: score.model_copy(update={"n": 100}) for name, score in first.scores.items()}
    with pytest.raises(StoreError, match="number of inputs scored by BLEU"):
        build([first, make_record("lora", 2, scores=fewer)])


def test_only_the_newest_results_version_counts(make_record):
    newer = Code(results_version=2, commit=None, dirty=None)
    table = build([make_record("lora", 1, bleu=0.1), make_record("lora", 2, bleu=0.5, code=newer)])
    assert cell(table, "lora", "BLEU").ours.mean == pytest.approx(50)
    assert table.provenance.results_version == 2
    assert table.provenance.superseded == 1


def test_a_failed_run_of_a_newer_results_version_does_not_put_the_finished_ones_aside(make_record, make_failed):
    newer = Code(results_version=2, commit=None, dirty=None)
    table = build([make_record("lora", 1), make_failed("lora", 2, code=newer)])
    assert table.rows[0].seeds == (1,)
    assert table.provenance.results_version == 1
    nothing_finished = build([make_failed("lora", 1), make_failed("lora", 2, code=newer)])
    assert [run.seed for run in nothing_finished.unfinished] == [2]


def test_provenance_names_steps_commits_libraries_and_devices(make_record, make_paper_record):
    first = make_paper_record("lora", 1, code=Code(results_version=1, commit="a" * 40, dirty=False))
    machine = first.environment.model_copy(update={"accelerator": "Imaginary 9000", "libraries": {"torch": "2.14.0"}})
    second = make_paper_record(
        "lora", 2, code=Code(results_version=1, commit="b" * 40, dirty=True), environment=machine
    )
    found = build([first, second], scale="paper", source="hub").provenance
    assert found.commits == ("a" * 10, "b" * 10)
    assert found.dirty_runs == 1
    assert found.torch_versions == ("2.13.0", "2.14.0")
    assert found.devices == ("CPU, x", "Imaginary 9000")
    part = found.parts["e2e"]
    assert (part.optimizer_steps, part.epochs, part.text) == ((500,), (5,), {"text form": ("tokenized",)})
    assert build([make_record("lora", 1)]).provenance.parts["e2e"].epochs == ()


def test_the_steps_are_those_trained_and_not_the_step_selected(make_record):
    curve = [CurvePoint(step=step, validation_loss=1.0) for step in (200, 400)]
    record = make_record("lora", 1, curve=curve, selection=Selection(rule="best", step=200, split="test"))
    assert build([record]).provenance.parts["e2e"].optimizer_steps == (400,)


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
