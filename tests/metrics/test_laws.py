"""Laws that hold for every metric, on 200 random subsets of published outputs: order, maximum, bounds, and addition."""

import random
from pathlib import Path

import pytest

from deltalora.metrics import E2E_METRICS, GLUE_METRICS, WEBNLG_METRICS, XSUM_METRICS, TextMetric, score_labels
from golden.metrics.record_glue import TASKS, judgements
from published_outputs import E2E, SUBSETS, WEBNLG, XSUM, Subset, subset
from scored_outputs import statistics, value

METRICS: dict[str, tuple[TextMetric, dict[str, list[str]]]] = {
    **{f"e2e {name}": (metric, E2E) for name, metric in E2E_METRICS.items()},
    **{f"webnlg {name}": (metric, WEBNLG) for name, metric in WEBNLG_METRICS.items()},
    **{f"xsum {name}": (metric, XSUM) for name, metric in XSUM_METRICS.items()},
}
#: Lowest and highest value; None where there is no bound.
BOUNDS = {"NIST": (0, None), "NIST-mteval": (0, None), "CIDEr": (0, 10), "TER": (0, None), "TER-tercom": (0, None)}
#: Whose statistics hold weights of the whole reference set.
WEIGHTED = ("NIST", "NIST-mteval", "CIDEr")
#: Subsets scored from their texts where that takes long.
FEW = 6


def subsets(data: Path, kind: str, count: int = SUBSETS) -> list[Subset]:
    return [subset(data, METRICS[kind][1], seed) for seed in range(count)]


@pytest.mark.property
@pytest.mark.real_data
@pytest.mark.parametrize("kind", METRICS)
def test_the_order_of_rows_does_not_matter_and_every_value_is_within_its_bounds(shared_data: Path, kind: str) -> None:
    metric = METRICS[kind][0]
    low, high = BOUNDS.get(metric.name, (0, 1))
    for chosen in subsets(shared_data, kind):
        shuffled = list(chosen.rows)
        random.Random(chosen.seed).shuffle(shuffled)
        one = value(metric, chosen.output, chosen.rows)
        assert value(metric, chosen.output, shuffled) == pytest.approx(one, rel=1e-12, abs=1e-12)
        assert one >= low
        assert high is None or one <= high


@pytest.mark.property
@pytest.mark.real_data
@pytest.mark.parametrize("kind", [kind for kind, (metric, _) in METRICS.items() if metric.name not in WEIGHTED])
def test_rows_of_a_subset_aggregate_to_the_score_of_its_texts(shared_data: Path, kind: str) -> None:
    metric = METRICS[kind][0]
    for chosen in subsets(shared_data, kind, FEW):
        score = metric.score(chosen.hypotheses, chosen.references)
        assert (score.statistics == statistics(metric, chosen.output)[list(chosen.rows)]).all()
        assert value(metric, chosen.output, chosen.rows) == pytest.approx(score.value, rel=1e-12)


@pytest.mark.property
@pytest.mark.real_data
@pytest.mark.parametrize("kind", METRICS)
def test_the_only_reference_as_output_scores_the_maximum(shared_data: Path, kind: str) -> None:
    metric = METRICS[kind][0]
    best = {"CIDEr": 10.0, "TER": 0.0, "TER-tercom": 0.0}.get(metric.name, 1.0)
    for chosen in subsets(shared_data, kind, FEW):
        perfect = [block[0] for block in chosen.references]
        found = metric.score(perfect, [[text] for text in perfect]).value
        if metric.name.startswith("NIST"):  # no number bounds it; cutting a word off each output must cost
            shorter = [text.rsplit(" ", 1)[0] for text in perfect]
            assert found > metric.score(shorter, [[text] for text in perfect]).value
        else:
            assert found == pytest.approx(best, abs=1e-12)


@pytest.mark.property
@pytest.mark.parametrize("task", TASKS)
def test_judgements_keep_the_same_laws(task: str) -> None:
    dataset = task.split("_")[0]
    for seed in range(SUBSETS):
        predictions, labels = judgements(task, seed)
        order = random.Random(seed).sample(range(len(labels)), len(labels))
        for metric in GLUE_METRICS[dataset]:
            one = metric.score(predictions, labels)
            shuffled = metric.score([predictions[row] for row in order], [labels[row] for row in order])
            assert shuffled.value == pytest.approx(one.value, abs=1e-12)
            assert metric.aggregate(one.statistics[order]) == pytest.approx(one.value, abs=1e-12)
            assert (-1 if metric.name in ("Matthews", "Pearson", "Spearman") else 0) <= one.value <= 1
            if len(set(labels)) > 1:
                ids = [str(row) for row in order]
                perfect = score_labels(dataset, labels, labels, ids, [""] * len(ids))
                assert perfect[metric.name].value == pytest.approx(1.0, abs=1e-12)
