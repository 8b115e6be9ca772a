"""Intervals and paired tests over segments: equal to scoring the resampled texts, to sacrebleu's and to scipy's."""

import random
from collections.abc import Mapping
from functools import cache
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.ter import TER
from sacrebleu.significance import PairedTest, _compute_p_value, estimate_ci

from deltalora.errors import MetricError
from deltalora.metrics import (
    E2E_METRICS,
    GLUE_METRICS,
    WEBNLG_METRICS,
    XSUM_METRICS,
    Metric,
    Score,
    Statistics,
    TextMetric,
    bootstrap_interval,
    bootstrap_values,
    paired_bootstrap,
    resampling,
    score_e2e,
)
from deltalora.metrics.glue import MnliAccuracy
from deltalora.metrics.meteor import Meteor
from deltalora.metrics.multi_bleu import MultiBleu, prepare
from deltalora.metrics.resampling import MIN_SEGMENTS, SEED
from deltalora.metrics.ter import Ter
from fidelity import Fidelity

WORDS = [
    *("the", "a", "pub", "Eagle", "near", "river", "cheap", "food", "serves", "is"),
    *("in", "of", "centre", "family-friendly,", "café", ".", "£20", "children's"),
]
_rng = random.Random(7)
#: Few and fixed, so that each JVM starts once; with an empty output, a short one and, in `texts`, perfect ones.
POOL = [" ".join(_rng.choices(WORDS, k=_rng.randint(4, 14))) for _ in range(24)] + ["", "Eagle"]

TEXT_METRICS: Mapping[str, TextMetric] = {
    **{f"e2e {name}": metric for name, metric in E2E_METRICS.items()},
    **{f"webnlg {name}": metric for name, metric in WEBNLG_METRICS.items()},
    "webnlg TER blank line": Ter(blank_line=True),
    "webnlg BLEU of words": MultiBleu(tokenize="none"),
    **{f"xsum {name}": metric for name, metric in XSUM_METRICS.items()},
}
LABEL_METRICS: Mapping[str, Metric] = {
    **{f"glue {task} {metric.name}": metric for task, metrics in GLUE_METRICS.items() for metric in metrics},
    "glue mnli of parts": MnliAccuracy(),
}
METRICS: Mapping[str, Metric] = {**TEXT_METRICS, **LABEL_METRICS}
#: Their weights come from the whole reference set.
CORPUS_WEIGHTS = ["e2e NIST", "e2e NIST-mteval", "e2e CIDEr"]


def texts(n: int, seed: int) -> tuple[list[str], list[list[str]]]:
    """Outputs and their references; about a fifth are perfect, which METEOR treats apart."""
    rng = random.Random(seed)
    hypotheses = rng.choices(POOL, k=n)
    blocks = [rng.choices(POOL[:24], k=rng.randint(1, 3)) for _ in range(n)]
    return hypotheses, [
        [*block, text] if text and rng.random() < 0.2 else block for text, block in zip(hypotheses, blocks, strict=True)
    ]


@cache
def statistics_of(name: str, n: int = 30, seed: int = 1) -> Statistics:
    if name in TEXT_METRICS:
        hypotheses, references = texts(n, seed)
        return TEXT_METRICS[name].score(hypotheses, references).statistics
    rng = np.random.default_rng(seed)
    labels = rng.integers(3 if "mnli" in name else 2, size=n).astype(np.float64)
    predictions = np.where(rng.random(n) < 0.3, 0.0, labels)
    if "stsb" in name:
        labels = rng.integers(26, size=n) / 5.0
        predictions = np.where(rng.random(n) < 0.2, 1e8, labels + rng.normal(size=n).round(1))
    columns = [predictions, labels, rng.integers(2, size=n).astype(np.float64)]
    return np.array(columns[: 3 if "parts" in name else 2]).T


@pytest.mark.property
@pytest.mark.parametrize("name", METRICS)
@settings(deadline=None, max_examples=60, derandomize=True)
@given(data=st.data())
def test_many_resamples_at_once_equal_one_after_the_other(name: str, data: st.DataObject) -> None:
    # Few rows and many zeros: resamples of one class, of constants, of empty outputs and of perfect ones come up.
    statistics = statistics_of(name)
    rows = data.draw(st.lists(st.integers(0, len(statistics) - 1), min_size=1, max_size=8))
    count = st.sampled_from([0, 0, 0, 1, 1, 2, 5])
    row = st.lists(count, min_size=len(rows), max_size=len(rows)).filter(any)
    counts = np.array(data.draw(st.lists(row, min_size=1, max_size=6)))
    expected = [METRICS[name].aggregate(np.repeat(statistics[rows], one, axis=0)) for one in counts]
    found = METRICS[name].aggregate_many(statistics[rows], counts.astype(np.float64))
    assert found.shape == (len(counts),)
    assert found == pytest.approx(expected, abs=1e-12, rel=1e-12)


@pytest.mark.property
@pytest.mark.parametrize("name", [name for name in TEXT_METRICS if name not in CORPUS_WEIGHTS])
def test_a_resamples_value_is_the_score_of_the_resampled_texts(name: str) -> None:
    hypotheses, references = texts(30, seed=2)
    metric = TEXT_METRICS[name]
    values = bootstrap_values(metric, metric.score(hypotheses, references), resamples=4, seed=3)
    indices = np.random.default_rng(3).integers(30, size=(4, 30))
    scored = [metric.score([hypotheses[i] for i in rows], [references[i] for i in rows]).value for rows in indices]
    assert values == pytest.approx(scored, abs=1e-12)
    assert len(set(scored)) == 4


@pytest.mark.parametrize("name", CORPUS_WEIGHTS)
def test_weights_of_the_whole_reference_set_stay_fixed_in_resamples(name: str) -> None:
    hypotheses, references = texts(30, seed=2)
    metric = TEXT_METRICS[name]
    score = metric.score(hypotheses, references)
    rows = np.random.default_rng(3).integers(30, size=30)
    (value,) = bootstrap_values(metric, score, resamples=1, seed=3)
    assert value == pytest.approx(metric.aggregate(score.statistics[rows]), abs=1e-12)
    again = metric.score([hypotheses[i] for i in rows], [references[i] for i in rows])
    assert abs(value - again.value) > 1e-3


@pytest.mark.real_data
def test_resamples_of_a_published_system_score_as_its_resampled_lines_do(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "fixtures" / "e2e_test"
    hypotheses = (folder / "systems/tgen/hyp.txt").read_text().removesuffix("\n").split("\n")
    blocks = (folder / "refs.txt").read_text().strip("\n").split("\n\n")
    scores = score_e2e(folder / "systems/tgen/hyp.txt", folder / "refs.txt")
    rows = np.random.default_rng(SEED).integers(630, size=630)
    (tmp_path / "hyp.txt").write_text("".join(hypotheses[row] + "\n" for row in rows))
    (tmp_path / "refs.txt").write_text("\n\n".join(blocks[row] for row in rows) + "\n")
    again = score_e2e(tmp_path / "hyp.txt", tmp_path / "refs.txt")
    for name in ("BLEU", "METEOR", "ROUGE-L", "BLEU-mteval"):
        values = bootstrap_values(E2E_METRICS[name], scores[name], resamples=40)
        assert values[0] == pytest.approx(again[name].value, abs=1e-12)
        interval = bootstrap_interval(E2E_METRICS[name], scores[name])
        assert interval.low < scores[name].value < interval.high
        assert 0.005 < interval.high - interval.low < 0.05


def test_a_bootstrap_of_meteor_reads_no_text_and_asks_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = statistics_of("e2e METEOR")

    def forbidden(*_: object) -> None:
        raise AssertionError("a resample was scored from text")

    monkeypatch.setattr("deltalora.metrics.meteor._PROCESS.ask", forbidden)
    monkeypatch.setattr("deltalora.metrics.meteor.ptb.tokenize", forbidden)
    monkeypatch.setattr(Meteor, "segment_statistics", forbidden)
    interval = bootstrap_interval(Meteor(), statistics)
    assert interval.low < interval.value < interval.high


def two_systems(n: int) -> tuple[list[str], list[str], list[list[str]]]:
    """Prepared texts of two systems of which the second is a little worse, and their references."""
    rng = random.Random(5)
    references = [[prepare(" ".join(rng.choices(WORDS, k=rng.randint(8, 16)))) for _ in range(2)] for _ in range(n)]
    systems = []
    for rate in (0.30, 0.33):
        noisy = [[rng.choice(WORDS) if rng.random() < rate else w for w in b[0].split()] for b in references]
        systems.append([prepare(" ".join(words)) for words in noisy])
    return systems[0], systems[1], references


@pytest.mark.parity
@pytest.mark.parametrize("name", ["BLEU", "TER"])
def test_resamples_and_p_values_are_sacrebleus(name: str, fidelity: Fidelity) -> None:
    left, right, references = two_systems(60)
    theirs = {"BLEU": BLEU(tokenize="13a", smooth_method="none", force=True), "TER": TER()}[name]
    ours = WEBNLG_METRICS[{"BLEU": "BLEU", "TER": "TER-tercom"}[name]]
    scores = [ours.score(system, references) for system in (left, right)]
    streams = [list(stream) for stream in zip_longest(*references)]
    oracle = "sacrebleu 2.6.0 significance.py"
    systems = [("left", left), ("right", right)]

    _, printed = PairedTest(systems, {name: theirs}, streams, "bs", n_samples=1000)()
    values = [100 * bootstrap_values(ours, score, 1000) for score in scores]
    for value, result in zip(values, printed[name], strict=True):
        # sacrebleu computes these, unlike its scores, with 32-bit numbers.
        mean, half_width = estimate_ci(value)
        fidelity.close(f"bootstrap of {name}", oracle, "mean of 1,000 resamples", mean, result.mean, 1e-5)
        fidelity.close(f"bootstrap of {name}", oracle, "half width of the interval", half_width, result.ci, 1e-5)
    differences = np.abs(values[1] - values[0])
    p = _compute_p_value(differences - differences.mean(), 100 * abs(scores[0].value - scores[1].value))
    fidelity.close(f"bootstrap of {name}", oracle, "its p value of our resamples", p, printed[name][1].p_value, 0.0)


@pytest.mark.parity
def test_intervals_of_a_mean_and_of_a_paired_difference_are_scipys(fidelity: Fidelity) -> None:
    rng = np.random.default_rng(1)
    left = rng.beta(2, 3, size=(80, 1))
    right = np.clip(left + rng.normal(0.01, 0.1, size=(80, 1)), 0, 1)
    metric = XSUM_METRICS["ROUGE-1"]
    oracle = f"scipy {scipy.__version__} bootstrap"

    def bounds(samples: tuple[np.ndarray, ...], statistic: object) -> list[float]:
        paired = len(samples) == 2
        generator = np.random.default_rng(9)
        found = scipy.stats.bootstrap(
            samples, statistic, n_resamples=999, confidence_level=0.9, method="percentile", paired=paired, rng=generator
        )
        return list(found.confidence_interval)

    one = bootstrap_interval(metric, left, 999, confidence=0.9, seed=9)
    expected = bounds((left[:, 0],), np.mean)
    fidelity.close("bootstrap of ROUGE-1", oracle, "percentile interval", [one.low, one.high], expected, 1e-12)
    interval = paired_bootstrap(metric, left, right, 999, confidence=0.9, seed=9).interval
    expected = bounds((left[:, 0], right[:, 0]), lambda x, y, axis=-1: np.mean(x, axis=axis) - np.mean(y, axis=axis))
    found = [interval.low, interval.high]
    fidelity.close("bootstrap of ROUGE-1", oracle, "percentile interval of a difference", found, expected, 1e-12)


@pytest.mark.parametrize("name", ["webnlg TER-tercom", "e2e METEOR", "glue stsb Spearman"])
def test_one_seed_gives_one_answer_however_many_resamples_are_held_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric, left, right = METRICS[name], statistics_of(name), statistics_of(name, seed=2)
    answers = []
    # 7 x 31 cells: blocks of 7 resamples, an odd number of draws each.
    for cells in (4_000_000, 217):
        monkeypatch.setattr(resampling, "_BLOCK_CELLS", cells)
        answers.append((bootstrap_interval(metric, left, 200), paired_bootstrap(metric, left, right, 200)))
    interval, compared = answers[0]
    assert answers[1][0].low == pytest.approx(interval.low, abs=1e-12)
    assert answers[1][0].high == pytest.approx(interval.high, abs=1e-12)
    assert answers[1][1].p_value == compared.p_value
    assert bootstrap_interval(metric, left, 200) == answers[1][0]
    assert bootstrap_interval(metric, left, 200, seed=1).low != answers[1][0].low
    assert (interval.n, interval.resamples, interval.seed, interval.metric) == (30, 200, SEED, metric.name)


@pytest.mark.parametrize("name", METRICS)
def test_swapping_the_systems_turns_the_difference_and_keeps_the_p_value(name: str) -> None:
    metric, left, right = METRICS[name], statistics_of(name), statistics_of(name, seed=2)
    one, other = paired_bootstrap(metric, left, right, 200), paired_bootstrap(metric, right, left, 200)
    assert one.difference == -other.difference == one.left - one.right != 0
    assert one.p_value == other.p_value
    assert (one.interval.low, one.interval.high) == pytest.approx((-other.interval.high, -other.interval.low))


@pytest.mark.parametrize("name", METRICS)
def test_a_system_does_not_differ_from_itself(name: str) -> None:
    statistics = statistics_of(name)
    compared = paired_bootstrap(METRICS[name], statistics, statistics.copy(), 200)
    assert (compared.difference, compared.p_value) == (0.0, 1.0)


def test_small_cases_equal_what_the_hand_counts() -> None:
    metric = XSUM_METRICS["ROUGE-1"]
    right = np.zeros((10, 1))
    # Ahead in every segment: no resample reaches 0.
    assert paired_bootstrap(metric, right + 0.5, right, 99).p_value == 2 / 100
    one_segment = right.copy()
    one_segment[0] = 1.0
    # d_b = 0 exactly where the segment is not drawn, and those count in the lower tail only.
    missing = (np.random.default_rng(SEED).integers(10, size=(99, 10)) != 0).all(axis=1).sum()
    assert paired_bootstrap(metric, one_segment, right, 99).p_value == min(1.0, 2 * (1 + missing) / 100)
    assert 0 < missing < 49


def test_unfit_pairs_are_refused_in_one_line() -> None:
    metric, rows = XSUM_METRICS["ROUGE-1"], np.linspace(0, 1, 20)[:, None]
    cases = [
        ((rows, rows[:-1]), r"\(20, 1\) and \(19, 1\)"),
        ((Score(0.5, rows, "ROUGE-1|refs:1"), Score(0.5, rows, "ROUGE-1|refs:2")), r"refs:1 and ROUGE-1\|refs:2"),
        ((rows[: MIN_SEGMENTS - 1],) * 2, "at least 10 segments to resample, found 9"),
        ((rows[:, 0],) * 2, r"shape \(segments, k\), found \(20,\)"),
    ]
    for pair, message in cases:
        with pytest.raises(MetricError, match=message) as caught:
            paired_bootstrap(metric, *pair)
        assert str(caught.value).startswith("ROUGE-1: expected ")
        assert "\n" not in str(caught.value)
    with pytest.raises(MetricError, match="found 100 resamples and seed -1"):
        paired_bootstrap(metric, rows, rows, resamples=100, seed=-1)


def test_settings_out_of_range_are_refused_in_one_line() -> None:
    metric, rows = XSUM_METRICS["ROUGE-1"], np.linspace(0, 1, 20)[:, None]
    for confidence in (0.0, 1.0, 95, float("nan")):
        with pytest.raises(MetricError, match="a confidence between 0 and 1"):
            bootstrap_interval(metric, rows, confidence=confidence)
    with pytest.raises(MetricError, match=r"each tail of the 95 % interval, found 39 resamples"):
        bootstrap_interval(metric, rows, resamples=39)
    assert bootstrap_interval(metric, rows, resamples=40).resamples == 40
    assert bootstrap_interval(metric, rows, resamples=1000, confidence=0.998).resamples == 1000
    with pytest.raises(MetricError, match="found 0 resamples and seed"):
        bootstrap_values(metric, rows, resamples=0)


@pytest.mark.parametrize("name", METRICS)
def test_counts_of_other_rows_and_empty_resamples_are_refused_by_name(name: str) -> None:
    statistics = statistics_of(name)
    with pytest.raises(MetricError, match=r"\(resamples, 30\), one column per row of statistics, found \(2, 29\)"):
        METRICS[name].aggregate_many(statistics, np.ones((2, 29)))
    with pytest.raises(MetricError, match="found none in resample 1"):
        METRICS[name].aggregate_many(statistics, np.array([[1.0], [0.0]]) * np.ones(30))
