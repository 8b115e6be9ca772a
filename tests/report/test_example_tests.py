"""Rows compared over examples: equal to rescoring the resampled texts, and silent where there is nothing to compare."""

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from deltalora.errors import StoreError
from deltalora.metrics import E2E_METRICS, Score, experiments, meteor, paired_bootstrap, score_labels, score_texts
from deltalora.metrics.resampling import SEED
from deltalora.report import build_table, paper_table
from deltalora.report.example_tests import ExampleBootstrap, kept_segments
from deltalora.report.statistics import holm
from deltalora.report.table import ExampleComparison, NoComparison
from deltalora.results import ScoreEntry, Segments, SegmentsFile, write_segments
from table_requests import request_of, row_of_runs

TABLE1, GLUE = paper_table("table1"), paper_table("table4")
COLUMNS = {column.name: column for column in TABLE1.metrics}
ENTRY = SegmentsFile(file="segments.npz", sha256="0" * 64)
TEXT = "the Aromi is a cheap family friendly pub near Zizzi in riverside with high rating"
WORDS = TEXT.split()


def texts(seed: int, n: int = 12) -> tuple[list[str], list[list[str]]]:
    """Made-up outputs and, the same for every seed, references."""
    fixed, rng = random.Random(0), random.Random(seed)
    references = [[" ".join(fixed.choices(WORDS, k=9)) for _ in range(1 + i % 2)] for i in range(n)]
    outputs = [
        " ".join(word if rng.random() < 0.75 else rng.choice(WORDS) for word in block[0].split())
        for block in references
    ]
    return outputs, references


@dataclass
class Runs:
    """Records and their segment statistics, as a table finds them."""

    make_record: object
    experiment: str = "e2e"
    finished: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)

    def add(self, row, seed, scores, ids, *, run_id=None, segments=True):
        run_id = run_id or f"{row}-{self.experiment.removeprefix('glue/')}-{seed}"
        entries = {
            name: ScoreEntry(value=one.value, signature=one.signature, n=len(one.statistics))
            for name, one in scores.items()
        }
        record = self.make_record(
            row, seed, run_id=run_id, experiment=self.experiment, scores=entries, segments=ENTRY if segments else None
        )
        self.finished.setdefault(row, {}).setdefault(self.experiment, {})[seed] = record
        places = {name: one.places for name, one in scores.items() if one.places is not None}
        if segments:
            self.kept[run_id] = Segments(tuple(ids), {name: one.statistics for name, one in scores.items()}, places)
        return record

    def read(self, record):
        return self.kept.get(record.run_id)

    def bootstrap(self, columns=TABLE1.metrics, parts=("e2e",), resamples=200):
        return ExampleBootstrap(columns, parts, self.finished, self.read, resamples)


@pytest.fixture
def runs(make_record) -> Runs:
    return Runs(make_record)


@pytest.fixture(scope="module")
def scored():
    """Seed of the outputs -> their E2E scores."""
    return {seed: score_texts(*texts(seed), ids=[f"t{i}" for i in range(12)]) for seed in range(1, 5)}


IDS = [f"t{i}" for i in range(12)]


def fill(runs, scored):
    for row, offset in (("lora", 0), ("delta_lora", 2)):
        for seed in (1, 2):
            runs.add(row, seed, scored[seed + offset], IDS)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["BLEU", "ROUGE-L", "METEOR"])
def test_the_bootstrap_over_examples_is_that_of_rescoring_the_resampled_texts_of_every_seed(
    runs, scored, name, fidelity
):
    fill(runs, scored)
    found = runs.bootstrap().compare(COLUMNS[name], "delta_lora", "lora")
    draws = np.random.default_rng(SEED).integers(12, size=(200, 12))

    def rescored(seed, rows):
        outputs, references = texts(seed)
        return 100 * E2E_METRICS[name].score([outputs[i] for i in rows], [references[i] for i in rows]).value

    naive = [np.mean([rescored(s + 2, rows) - rescored(s, rows) for s in (1, 2)]) for rows in draws]
    low, high = np.quantile(naive, [0.025, 0.975])
    tail = min(sum(one <= 1e-9 for one in naive), sum(one >= -1e-9 for one in naive))
    theirs = [low, high, min(1.0, 2 * (1 + tail) / 201)]
    assert isinstance(found, ExampleComparison)
    ours = [found.interval.low, found.interval.high, found.p_value]
    fidelity.close(name, "rescored resamples of texts, two seeds", "interval and p of a difference", ours, theirs, 1e-9)
    assert found.difference == pytest.approx(
        np.mean([rescored(s + 2, range(12)) - rescored(s, range(12)) for s in (1, 2)])
    )
    assert (found.seeds, found.examples, found.resamples) == ((1, 2), 12, 200)


@pytest.mark.parity
def test_of_one_seed_it_is_the_paired_bootstrap_of_the_metrics(runs, scored):
    for name in ("BLEU", "NIST", "CIDEr"):
        runs.add("lora", 1, scored[1], IDS)
        runs.add("delta_lora", 1, scored[3], IDS)
        found = runs.bootstrap(resamples=1000).compare(COLUMNS[name], "delta_lora", "lora")
        expected = paired_bootstrap(E2E_METRICS[name], scored[3][name], scored[1][name])
        factor = COLUMNS[name].factor
        assert found.p_value == expected.p_value
        assert found.difference == pytest.approx(factor * expected.difference)
        assert found.interval.low == pytest.approx(factor * expected.interval.low)
        assert found.interval.high == pytest.approx(factor * expected.interval.high)


def test_seeds_are_resampled_together_so_that_a_hard_example_is_one_example(runs):
    # Both seeds of a row judge every example alike: the second seed adds nothing, and the interval must not shrink.
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=60).tolist()
    answers = {row: rng.integers(2, size=60).tolist() for row in ("lora", "delta_lora")}
    runs.experiment = "glue/rte"
    ids = [str(i) for i in range(60)]
    for row, judged in answers.items():
        for seed in (1, 2):
            runs.add(row, seed, score_labels("rte", judged, labels, ids, [""] * 60), ids)
    rte = next(column for column in GLUE.metrics if column.name == "RTE")
    both = runs.bootstrap((rte,), ("glue/rte",)).compare(rte, "delta_lora", "lora")
    for row in answers:
        del runs.finished[row]["glue/rte"][2]
    one = runs.bootstrap((rte,), ("glue/rte",)).compare(rte, "delta_lora", "lora")
    assert both.seeds == (1, 2)
    assert one.seeds == (1,)
    assert (both.interval, both.p_value) == (one.interval, one.p_value)


def test_a_row_against_itself_has_no_difference_and_p_one(runs, scored):
    runs.add("lora", 1, scored[1], IDS)
    runs.finished["lora_no_dropout"] = runs.finished["lora"]
    found = runs.bootstrap().compare(COLUMNS["METEOR"], "lora_no_dropout", "lora")
    assert (found.difference, found.interval.low, found.interval.high, found.p_value) == (0, 0, 0, 1)


def test_no_java_is_started_and_no_text_is_read_to_compare(runs, scored, monkeypatch):
    fill(runs, scored)

    def refuse(*_):
        raise AssertionError("METEOR's jar was asked")

    monkeypatch.setattr(meteor, "_PROCESS", None)
    monkeypatch.setattr(meteor, "_answer", refuse)
    found = runs.bootstrap().compare(COLUMNS["METEOR"], "delta_lora", "lora")
    assert found.interval.low < found.interval.high


def test_runs_without_segment_statistics_are_said_to_have_none(runs, scored):
    runs.add("lora", 1, scored[1], IDS)
    runs.add("delta_lora", 1, scored[3], IDS, segments=False)
    found = runs.bootstrap().compare(COLUMNS["BLEU"], "delta_lora", "lora")
    assert found == NoComparison("no segment statistics")
    runs.add("lora", 2, scored[2], IDS)
    runs.add("delta_lora", 2, scored[4], IDS)
    assert runs.bootstrap().compare(COLUMNS["BLEU"], "delta_lora", "lora").seeds == (2,)


def test_rows_without_a_common_seed_and_small_test_sets_are_not_compared(runs, scored):
    runs.add("lora", 1, scored[1], IDS)
    runs.add("delta_lora", 2, scored[3], IDS)
    assert runs.bootstrap().compare(COLUMNS["BLEU"], "delta_lora", "lora") == NoComparison("no common seed")
    small = {"BLEU": E2E_METRICS["BLEU"].score(*texts(1, 9))}
    runs.finished.clear()
    for row in ("lora", "delta_lora"):
        runs.add(row, 1, small, IDS[:9])
    bleu = COLUMNS["BLEU"]
    assert runs.bootstrap((bleu,)).compare(bleu, "delta_lora", "lora") == NoComparison("fewer than 10 examples")


def test_statistics_of_other_examples_or_another_order_are_refused(runs, scored):
    runs.add("lora", 1, scored[1], IDS)
    for other in ([*IDS[:-1], "stranger"], [IDS[1], IDS[0], *IDS[2:]]):
        runs.add("delta_lora", 1, scored[3], other)
        with pytest.raises(
            StoreError, match=r"expected segment statistics of .* of the same examples in the same order"
        ):
            runs.bootstrap()


def test_two_signatures_are_refused(runs, scored):
    runs.add("lora", 1, scored[1], IDS)
    one = scored[3]["BLEU"]
    runs.add("delta_lora", 1, scored[3] | {"BLEU": Score(one.value, one.statistics, "BLEU|tok:other")}, IDS)
    with pytest.raises(StoreError, match=r"expected BLEU under one signature, found BLEU\|refs.* and BLEU\|tok:other"):
        runs.bootstrap()


def test_statistics_that_do_not_give_the_recorded_score_are_refused(runs, scored):
    one = scored[1]["ROUGE-L"]
    runs.add("lora", 1, scored[1] | {"ROUGE-L": Score(one.value + 1e-6, one.statistics, one.signature)}, IDS)
    with pytest.raises(StoreError, match="run lora-e2e-1: expected segment statistics that give ROUGE-L = "):
        runs.bootstrap()


def test_a_score_without_statistics_or_statistics_without_a_score_are_refused(runs, scored):
    record = runs.add("lora", 1, scored[1], IDS)
    kept = runs.kept[record.run_id]
    without = {name: rows for name, rows in kept.statistics.items() if name != "BLEU"}
    runs.kept[record.run_id] = Segments(kept.ids, without, {})
    with pytest.raises(
        StoreError, match="expected BLEU in the record as in its segment statistics, found it in the rec"
    ):
        runs.bootstrap()


def test_a_part_of_webnlg_is_resampled_over_its_own_examples(runs):
    table = paper_table("table2")
    columns = {column.name: column for column in table.metrics}
    groups = ["seen"] * 7 + ["unseen"] * 5 + ["seen"] * 6
    ids = [f"w{i}" for i in range(18)]
    runs.experiment = "webnlg"
    for row, seed in (("lora", 1), ("delta_lora", 3)):
        outputs, references = texts(seed, 18)
        metric = experiments.WEBNLG_METRICS["BLEU"]
        whole = metric.score(outputs, references, ids)
        parts = {"S": "seen", "U": "unseen", "A": ""}
        rows = {letter: np.array([one.startswith(part) for one in groups]) for letter, part in parts.items()}
        scores = {f"BLEU-{letter}": experiments._part(metric, whole, letter, rows[letter]) for letter in rows}
        runs.add(row, 1, scores, ids)
    read = tuple(columns[f"BLEU-{letter}"] for letter in "SUA")
    bootstrap = runs.bootstrap(read, ("webnlg",))
    found = [bootstrap.compare(column, "delta_lora", "lora") for column in read]
    assert [one.examples for one in (found[0], found[2])] == [13, 18]
    assert found[1] == NoComparison("fewer than 10 examples")


def glue_runs(runs, seed=0, n=40):
    """Two rows of all eight tasks, judged at random; every task of two classes has the same answers and labels."""
    for column in GLUE.metrics:
        if column.mean_of or column.part in runs.finished.get("lora", {}):
            continue
        runs.experiment, dataset = column.part, column.part.removeprefix("glue/")
        rng = np.random.default_rng(seed)
        ids, groups = [f"{dataset}-{i}" for i in range(n)], ["matched", "mismatched"] * (n // 2)
        top = {"mnli": 3, "stsb": 6}.get(dataset, 2)
        labels = rng.integers(top, size=n).tolist()
        for row in ("lora", "delta_lora"):
            judged = rng.integers(top, size=n).tolist()
            given = groups if dataset == "mnli" else [""] * n
            runs.add(row, 1, score_labels(dataset, judged, labels, ids, given), ids)


def test_test_sets_are_resampled_independently_and_an_average_is_the_mean_of_its_columns(runs):
    glue_runs(runs)
    bootstrap = runs.bootstrap(GLUE.metrics, GLUE.parts, resamples=2000)
    found = {column.name: bootstrap.compare(column, "delta_lora", "lora") for column in GLUE.metrics}
    average = next(column for column in GLUE.metrics if column.mean_of)
    terms = [found[name] for name in average.mean_of]
    assert found["AVG"].difference == pytest.approx(np.mean([term.difference for term in terms]))
    assert found["AVG"].examples == sum(term.examples for term in terms)
    assert found["SST-2"].difference == found["RTE"].difference
    assert found["SST-2"].interval != found["RTE"].interval
    # The variance of a mean of independent terms is the sum of theirs over 64; widths are four deviations or so.
    widths = [term.interval.high - term.interval.low for term in terms]
    expected = np.sqrt(np.sum(np.square(widths))) / len(terms)
    assert found["AVG"].interval.high - found["AVG"].interval.low == pytest.approx(expected, rel=0.15)


def test_correlations_get_fewer_resamples(runs):
    glue_runs(runs)
    bootstrap = runs.bootstrap(GLUE.metrics, GLUE.parts, resamples=2000)
    found = {column.name: bootstrap.compare(column, "delta_lora", "lora").resamples for column in GLUE.metrics}
    assert (found["RTE"], found["STS-B"], found["STS-B Spearman"], found["AVG"]) == (2000, 1000, 1000, 1000)


@pytest.mark.property
def test_under_no_difference_between_two_rows_small_p_values_are_as_rare_as_they_should_be(runs):
    # Examples differ in how hard they are, alike for both rows and both seeds; the rows do not differ.
    rng = np.random.default_rng(3)
    rte = next(column for column in GLUE.metrics if column.name == "RTE")
    runs.experiment, ids, p = "glue/rte", [str(i) for i in range(150)], []
    for _ in range(300):
        runs.finished.clear()
        ease = rng.beta(2, 1, 150)
        for row in ("lora", "delta_lora"):
            for seed in (1, 2):
                right = (rng.random(150) < ease).astype(int).tolist()
                runs.add(row, seed, score_labels("rte", right, [1] * 150, ids, [""] * 150), ids)
        p.append(runs.bootstrap((rte,), ("glue/rte",), resamples=1000).compare(rte, "delta_lora", "lora").p_value)
    shares = [np.mean(np.array(p) <= level) for level in (0.05, 0.2, 0.5)]
    for share, level in zip(shares, (0.05, 0.2, 0.5), strict=True):
        assert share == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 300))


def test_a_table_adjusts_within_each_family_and_counts_its_tests(runs, scored, tmp_path):
    names = ["lora", "delta_lora", "lora_no_dropout"]
    rows = [
        row_of_runs(one, {"e2e": {s: f"{one}-e2e-{s}" for s in (1, 2)}}, control=one == "lora_no_dropout")
        for one in names
    ]
    for name, offset in (("lora", 0), ("delta_lora", 2), ("lora_no_dropout", 1)):
        for seed in (1, 2):
            record = runs.add(name, seed, scored[seed + offset], IDS)
            entry = write_segments(tmp_path / record.run_id, scored[seed + offset], IDS)
            runs.finished[name]["e2e"][seed] = record.model_copy(
                update={"segments": entry, "validation": {"loss": seed}}
            )
    records = [record for of in runs.finished.values() for record in of["e2e"].values()]
    table = build_table(TABLE1, request_of("table1", rows), records, lambda r: kept_segments(r, tmp_path / r.run_id))
    for effects, family in zip(
        ([one.effect for one in table.rows if one.effect and not one.quoted], table.control_effects),
        table.families,
        strict=True,
    ):
        cells = [cell for effect in effects for cell in effect.cells.values()]
        seeds = [c.over_seeds for c in cells if c.over_seeds.p_value is not None]
        examples = [c.over_examples for c in cells if isinstance(c.over_examples, ExampleComparison)]
        assert (family.over_seeds, family.over_examples) == (len(seeds), len(examples)) == (5 * len(effects),) * 2
        assert [one.p_holm for one in seeds] == holm([one.p_value for one in seeds])
        assert [one.p_holm for one in examples] == holm([one.p_value for one in examples])
        assert all(
            c.over_seeds.note == "no spread over seeds" for e in effects for n, c in e.cells.items() if n == "Val. loss"
        )
        assert all(
            c.over_examples.difference == pytest.approx(c.ours.mean) for c in cells if c.over_seeds.p_value is not None
        )
    assert table.families[0].name == "every row and column against lora"
