"""The metric behind a recorded score, and resamples shared by many systems."""

import numpy as np
import pytest

from deltalora.errors import MetricError
from deltalora.metrics import (
    E2E_METRICS,
    GLUE_METRICS,
    WEBNLG_METRICS,
    XSUM_METRICS,
    TextMetric,
    bootstrap_values,
    experiments,
    score_labels,
    score_summaries,
    score_webnlg_texts,
)
from deltalora.metrics.base import MeanMetric
from deltalora.metrics.experiments import is_slow, metric_of_score
from deltalora.metrics.resampling import bootstrap_values_of_all, paired_bootstrap, two_sided_p

IDS = [f"x{i}" for i in range(12)]
TEXTS = [f"the pub number {i} is by the river {'and cheap' * (i % 3)}".strip() for i in range(12)]
REFERENCES = [[text.replace("the", "a", 1)] for text in TEXTS]


@pytest.mark.parametrize("dataset", GLUE_METRICS)
@pytest.mark.parametrize("grouped", [True, False])
def test_the_metric_behind_every_glue_score_gives_the_score_from_its_statistics(dataset, grouped):
    rng = np.random.default_rng(1)
    top = {"mnli": 3, "stsb": 6}.get(dataset, 2)
    judged, labels = rng.integers(top, size=12).tolist(), rng.integers(top, size=12).tolist()
    groups = ["matched", "mismatched", "matched"] * 4 if grouped and dataset == "mnli" else [""] * 12
    for name, score in score_labels(dataset, judged, labels, IDS, groups).items():
        metric = metric_of_score(f"glue/{dataset}", name)
        assert metric.aggregate(score.statistics) == pytest.approx(score.value, abs=1e-15)
        assert is_slow(metric) == (dataset == "stsb")


def test_the_metric_behind_every_score_of_texts_gives_the_score_from_its_statistics():
    groups = ["seen"] * 5 + ["unseen"] * 7
    found = score_webnlg_texts(TEXTS, REFERENCES, IDS, groups)
    assert len(found) == 3 * len(WEBNLG_METRICS)
    for name, score in found.items():
        metric = metric_of_score("webnlg", name)
        assert metric.aggregate(score.statistics) == score.value
        assert not is_slow(metric)
        expected = {"S": tuple(range(5)), "U": tuple(range(5, 12)), "A": None}[name[-1]]
        assert score.places == expected
    for name in score_summaries(TEXTS, REFERENCES, IDS):
        assert metric_of_score("xsum", name) is XSUM_METRICS[name]
    for name, metric in E2E_METRICS.items():
        assert metric_of_score("e2e", name) is metric


@pytest.mark.parametrize(
    ("experiment", "score"),
    [
        ("e2e", "TER"),
        ("glue/rte", "F1"),
        ("glue/wnli", "Accuracy"),
        ("x", "BLEU"),
        ("webnlg", "CIDEr-S"),
        ("e2e", "BLEU-S"),
    ],
)
def test_a_score_nobody_computes_is_refused(experiment, score):
    with pytest.raises(MetricError, match=f"expected .* found '?{score}'?"):
        metric_of_score(experiment, score)


@pytest.mark.invariant
def test_shared_resamples_are_those_each_system_would_get_alone(monkeypatch):
    scores = score_summaries(TEXTS, REFERENCES, IDS)
    scored = {name: (XSUM_METRICS[name], score) for name, score in scores.items()}
    shared = bootstrap_values_of_all(scored, 300, 5)
    assert shared.keys() == scores.keys()
    for name, (metric, score) in scored.items():
        assert np.array_equal(shared[name], bootstrap_values(metric, score, 300, 5))
    monkeypatch.setattr("deltalora.metrics.resampling._BLOCK_CELLS", 100)  # 8 resamples of 12 at a time
    in_pieces = bootstrap_values_of_all(scored, 300, 5)
    assert all(np.allclose(in_pieces[name], shared[name], rtol=0, atol=1e-12) for name in scores)


def test_systems_of_different_test_sets_are_not_resampled_together():
    metric = XSUM_METRICS["ROUGE-1"]
    scored = {n: (metric, metric.score(TEXTS[:n], REFERENCES[:n])) for n in (11, 12)}
    with pytest.raises(MetricError, match="expected equally many segments from all, found 11 and 12"):
        bootstrap_values_of_all(scored, 100, 1)
    assert bootstrap_values_of_all({}, 100, 1) == {}


def test_the_two_sided_p_is_that_of_the_paired_bootstrap_and_counts_ties_on_both_sides():
    metric = XSUM_METRICS["ROUGE-L"]
    left, right = metric.score(TEXTS, REFERENCES), metric.score(TEXTS[::-1], REFERENCES)
    differences = bootstrap_values(metric, left, 500) - bootstrap_values(metric, right, 500)
    found = paired_bootstrap(metric, left, right, 500)
    assert two_sided_p(differences, left.value, right.value) == found.p_value
    assert two_sided_p(np.zeros(99), 0.5, 0.5) == 1.0
    assert two_sided_p(np.array([1.0] * 97 + [0.0, -1.0]), 1.0, 0.0) == 2 * 3 / 100


class Shouting(TextMetric, MeanMetric):
    """A new metric: the share of capitals."""

    name = "Shouting"
    settings = "letters:all"

    def segment_statistics(self, hypotheses, references, ids):
        return np.array([[np.mean([letter.isupper() for letter in text])] for text in hypotheses])


def test_a_new_metric_is_a_class_and_one_entry(monkeypatch):
    metrics = {**XSUM_METRICS, "Shouting": Shouting()}
    monkeypatch.setattr(experiments, "XSUM_METRICS", metrics)
    score = score_summaries([*TEXTS[1:], "LOUD"], REFERENCES)["Shouting"]
    assert (score.value, score.signature) == (1 / 12, "Shouting|refs:1|letters:all")
    metric = metric_of_score("xsum", "Shouting")
    assert paired_bootstrap(metric, score, score).p_value == 1.0
    assert not is_slow(metric)
