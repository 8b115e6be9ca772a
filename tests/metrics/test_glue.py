"""GLUE's metrics against sklearn and scipy, their parts, their corner cases, and one clear line for wrong input."""

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn_metrics

from deltalora.errors import MetricError
from deltalora.metrics import GLUE_METRICS, Score, score_labels
from deltalora.metrics.glue import MnliAccuracy
from fidelity import Fidelity
from golden.metrics.record_glue import SEEDS, TASKS, judgements

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/metrics/glue.json").read_text(encoding="utf-8"))

TABLE = {
    "mnli": ["Accuracy"],
    "sst2": ["Accuracy"],
    "mrpc": ["Accuracy", "F1"],
    "cola": ["Matthews"],
    "qnli": ["Accuracy"],
    "qqp": ["Accuracy", "F1"],
    "rte": ["Accuracy"],
    "stsb": ["Pearson", "Spearman"],
}
BINARY = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=40)
NUMBERS = st.floats(-3, 8, width=16)
SIMILARITIES = st.lists(st.tuples(NUMBERS, st.floats(0, 5, width=16)), min_size=2, max_size=40)


def scored(
    dataset: str, predictions: list[float], labels: list[float], groups: list[str] | None = None
) -> dict[str, Score]:
    ids = [f"validation/{number}" for number in range(len(predictions))]
    return score_labels(dataset, predictions, labels, ids, groups or [""] * len(predictions))


def values(scores: dict[str, Score]) -> dict[str, float]:
    return {name: one.value for name, one in scores.items()}


def test_every_task_has_the_metrics_of_the_papers_table() -> None:
    assert {name: [one.name for one in found] for name, found in GLUE_METRICS.items()} == TABLE


@pytest.mark.property
@pytest.mark.parity
@settings(deadline=None, max_examples=150, derandomize=True)
@given(rows=BINARY)
def test_class_metrics_are_sklearns(rows: list[tuple[float, float]]) -> None:
    predictions, labels = map(list, zip(*rows, strict=True))
    mrpc = scored("mrpc", predictions, labels)
    assert mrpc["Accuracy"].value == pytest.approx(sklearn_metrics.accuracy_score(labels, predictions))
    assert mrpc["F1"].value == pytest.approx(sklearn_metrics.f1_score(labels, predictions, zero_division=0.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one class only
        expected = sklearn_metrics.matthews_corrcoef(labels, predictions)
    assert scored("cola", predictions, labels)["Matthews"].value == pytest.approx(expected, abs=1e-12)


@pytest.mark.property
@pytest.mark.parity
@settings(deadline=None, max_examples=150, derandomize=True)
@given(rows=SIMILARITIES)
def test_correlations_are_scipys(rows: list[tuple[float, float]]) -> None:
    predictions, labels = map(list, zip(*rows, strict=True))
    found = scored("stsb", predictions, labels)
    if len(set(predictions)) == 1 or len(set(labels)) == 1:
        assert values(found) == {"Pearson": 0.0, "Spearman": 0.0}
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant
        assert found["Pearson"].value == pytest.approx(stats.pearsonr(predictions, labels)[0], abs=1e-6)
        assert found["Spearman"].value == pytest.approx(stats.spearmanr(predictions, labels)[0], abs=1e-9)


@pytest.mark.parity
def test_correlations_of_many_real_numbers_are_scipys_to_the_last_digits(fidelity: Fidelity) -> None:
    rng = np.random.default_rng(0)
    labels = np.round(rng.uniform(0, 5, 1500) * 5) / 5
    predictions = labels + rng.normal(0, 1.5, 1500)
    found = scored("stsb", predictions.tolist(), labels.tolist())
    for name, function in (("Pearson", stats.pearsonr), ("Spearman", stats.spearmanr)):
        expected = function(predictions, labels)[0]
        fidelity.close(name, f"scipy {version('scipy')}", "1,500 numbers", found[name].value, expected, 1e-13)


#: The module reads similarities as 32-bit floats; class numbers are whole.
TOLERANCE = {"Pearson": 1e-6, "Spearman": 1e-6}
ORACLE = "evaluate@a7dd338 glue"


@pytest.mark.parity
@pytest.mark.golden
@pytest.mark.parametrize("task", TASKS)
def test_seeded_judgements_score_as_the_evaluate_module_does(fidelity: Fidelity, task: str) -> None:
    recorded = GOLDEN["seeds"][task]
    assert len(recorded) == SEEDS
    dataset, _, group = task.partition("_")
    ours = []
    for seed in range(SEEDS):
        predictions, labels = judgements(task, seed)
        found = values(scored(dataset, predictions, labels, [group] * len(labels)))
        ours.append({name: found[name] for name in recorded[seed]})
    for name in recorded[0]:
        expected = [row[name] for row in recorded]
        tolerance = TOLERANCE.get(name, 1e-12)
        fidelity.close(f"{name}, {task}", ORACLE, "200 random sets", [row[name] for row in ours], expected, tolerance)


@pytest.mark.parity
@pytest.mark.golden
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_corner_cases_score_as_the_evaluate_module_does(fidelity: Fidelity, case: dict[str, Any]) -> None:
    found = values(scored(case["task"], case["predictions"], case["labels"]))
    for name, expected in case["expected"].items():
        fidelity.close(
            f"{name}, {case['task']}", ORACLE, "corner cases", found[name], expected, TOLERANCE.get(name, 1e-12)
        )


@pytest.mark.property
@settings(deadline=None, max_examples=60, derandomize=True)
@given(rows=BINARY, data=st.data())
@pytest.mark.parametrize("dataset", ["mrpc", "cola", "stsb"])
def test_a_subset_of_the_rows_scores_as_the_subset_of_the_judgements(
    dataset: str, rows: list[tuple[float, float]], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=50))
    whole = scored(dataset, *map(list, zip(*rows, strict=True)))
    part = scored(dataset, *map(list, zip(*[rows[row] for row in chosen], strict=True)))
    for metric in GLUE_METRICS[dataset]:
        assert metric.aggregate(whole[metric.name].statistics[chosen]) == pytest.approx(part[metric.name].value)


def test_predictions_that_never_change_correlate_with_nothing() -> None:
    assert values(scored("stsb", [2.5, 2.5, 2.5], [0.0, 2.0, 5.0])) == {"Pearson": 0.0, "Spearman": 0.0}
    assert values(scored("cola", [1, 1, 1], [0, 1, 1])) == {"Matthews": 0.0}
    assert values(scored("mrpc", [0, 0], [0, 0])) == {"Accuracy": 1.0, "F1": 0.0}
    assert scored("stsb", [1.0], [1.0])["Pearson"].signature == "Pearson|task:stsb|n:1|clip:no|constant:0"


def test_huge_predictions_of_a_diverged_run_still_have_a_correlation() -> None:
    found = values(scored("stsb", [-1e308, 0.0, 1e308], [0.0, 2.0, 5.0]))
    assert found["Spearman"] == pytest.approx(1.0)
    assert found["Pearson"] == pytest.approx(float(stats.pearsonr([-1, 0, 1], [0, 2, 5])[0]))


def test_mnli_is_the_mean_of_its_parts_and_not_of_its_rows() -> None:
    groups = ["matched", "matched", "matched", "mismatched"]
    scores = scored("mnli", [0, 1, 2, 2], [0, 1, 0, 1], groups)
    assert values(scores) == pytest.approx({"Accuracy-matched": 2 / 3, "Accuracy-mismatched": 0.0, "Accuracy": 1 / 3})
    assert MnliAccuracy().aggregate(scores["Accuracy"].statistics) == scores["Accuracy"].value
    assert MnliAccuracy().aggregate(scores["Accuracy"].statistics[[0, 1, 3]]) == 0.5
    assert scores["Accuracy"].signature == "Accuracy|task:mnli|n:4|parts:matched+mismatched|agg:mean-of-parts"
    assert scores["Accuracy-matched"].signature == "Accuracy-matched|task:mnli|n:3|agg:mean"


def test_mnli_without_one_of_its_parts_or_without_any() -> None:
    assert values(scored("mnli", [0, 1], [0, 2], ["matched"] * 2)) == {"Accuracy-matched": 0.5, "Accuracy": 0.5}
    assert values(scored("mnli", [0, 1], [0, 2])) == {"Accuracy": 0.5}


@pytest.mark.parametrize(
    ("dataset", "predictions", "labels", "groups", "said"),
    [
        ("sst2", [0, 1], [0, 2], None, "label of validation/1: expected a class number from 0 to 1, found 2"),
        ("sst2", [0, 2], [0, 1], None, "prediction of validation/1: expected a class number from 0 to 1, found 2"),
        ("mnli", [0, 3], [0, 1], None, "from 0 to 2, found 3"),
        ("stsb", [0, 9], [0, 5.5], None, "label of validation/1: expected a similarity from 0 to 5, found 5.5"),
        ("stsb", [0, float("nan")], [0, 5], None, "prediction of validation/1: expected a finite number, found nan"),
        ("stsb", [0, float("inf")], [0, 5], None, "found inf"),
        ("cola", [0, 0.5], [0, 1], None, "found 0.5"),
        ("cola", [0], [0, 1], None, "found 1 predictions, 2 labels, 1 ids and 1 groups"),
        ("cola", [], [], None, "at least one example"),
        ("wnli", [0], [0], None, "expected one of mnli, sst2, .* found 'wnli'"),
        ("mnli", [0, 1], [0, 1], ["matched", ""], "matched or mismatched for validation/1, found ''"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(
    dataset: str, predictions: list[float], labels: list[float], groups: list[str] | None, said: str
) -> None:
    with pytest.raises(MetricError, match=said) as caught:
        scored(dataset, predictions, labels, groups)
    assert "\n" not in str(caught.value)
