"""What a bootstrap relies on: rows of statistics aggregate to what scoring the same segments would give."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltalora.errors import MetricError
from deltalora.metrics import E2E_METRICS
from deltalora.metrics.meteor import _PROCESS

WORDS = [
    "the",
    "a",
    "pub",
    "Eagle",
    "near",
    "river",
    "cheap",
    "food",
    "serves",
    "is",
    "in",
    "of",
    "centre",
    "family-friendly,",
    "café",
    ".",
    "£20",
    "children's",
]
_rng = random.Random(7)
#: A fixed pool, so that the tokeniser's JVM starts once and not for every random example.
POOL = [" ".join(_rng.choices(WORDS, k=_rng.randint(4, 14))) for _ in range(24)] + ["", "Eagle"]
TEXTS = st.sampled_from(POOL)
SEGMENTS = st.lists(
    st.tuples(TEXTS, st.lists(st.sampled_from([text for text in POOL if text]), min_size=1, max_size=3)),
    min_size=2,
    max_size=6,
)
NAMES = list(E2E_METRICS)


@pytest.mark.property
@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=40, derandomize=True)
@given(segments=SEGMENTS, data=st.data())
def test_the_order_of_segments_does_not_matter(
    name: str, segments: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(segments))
    metric = E2E_METRICS[name]
    values = [metric.score(*map(list, zip(*order, strict=True))).value for order in (segments, shuffled)]
    assert values[0] == pytest.approx(values[1], abs=1e-12)


@pytest.mark.property
@pytest.mark.parametrize("name", ["BLEU", "METEOR", "ROUGE-L", "BLEU-mteval"])
@settings(deadline=None, max_examples=40, derandomize=True)
@given(segments=SEGMENTS, data=st.data())
def test_a_subset_of_the_rows_scores_as_the_subset_of_the_texts(
    name: str, segments: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(segments) - 1), min_size=1, max_size=8))
    metric = E2E_METRICS[name]
    whole = metric.score(*map(list, zip(*segments, strict=True)))
    part = metric.score(*map(list, zip(*[segments[row] for row in rows], strict=True)))
    assert metric.aggregate(whole.statistics[rows]) == pytest.approx(part.value, abs=1e-12)


@pytest.mark.property
@pytest.mark.parametrize("name", ["NIST", "CIDEr", "NIST-mteval"])
@settings(deadline=None, max_examples=40, derandomize=True)
@given(segments=SEGMENTS, data=st.data())
def test_rows_do_not_depend_on_the_other_hypotheses_while_the_references_stay(
    name: str, segments: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    hypotheses, references = map(list, zip(*segments, strict=True))
    others = data.draw(st.lists(TEXTS, min_size=len(segments), max_size=len(segments)))
    row = data.draw(st.integers(0, len(segments) - 1))
    metric = E2E_METRICS[name]
    alone = metric.score([*others[:row], hypotheses[row], *others[row + 1 :]], references)
    together = metric.score(hypotheses, references)
    assert alone.statistics[row].tolist() == together.statistics[row].tolist()


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(12))
def test_meteors_formula_equals_the_jars_own_aggregate(seed: int) -> None:
    rng = random.Random(seed)
    hypotheses = rng.choices(POOL, k=rng.randint(1, 9))
    references = [[text if rng.random() < 0.3 and text else "The Eagle is a pub ."] for text in hypotheses]
    metric = E2E_METRICS["METEOR"]
    statistics = metric.score(hypotheses, references).statistics
    for rows in (statistics, statistics[: len(statistics) // 2 + 1]):
        line = " ||| ".join(["EVAL", *(" ".join(map(str, row)) for row in rows)])
        answers = [_PROCESS.ask(line)]  # EVAL answers with a line for each segment, and then the aggregate
        assert _PROCESS._running is not None
        answers += [_PROCESS._running.answers.readline().decode() for _ in rows]
        assert [metric.aggregate(row[None]) for row in rows] == pytest.approx(
            [float(a) for a in answers[:-1]], abs=1e-12
        )
        assert metric.aggregate(rows) == pytest.approx(float(answers[-1]), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_have_no_score(name: str) -> None:
    with pytest.raises(MetricError, match="at least one example"):
        E2E_METRICS[name].aggregate(np.empty((0, 23)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("hypotheses", "references", "ids", "message"),
    [
        ([], [], None, "at least one hypothesis"),
        (["a"], [["a"], ["b"]], None, "1 hypotheses, 2 lists and 1 ids"),
        (["a"], [["a"]], ["x", "y"], "1 hypotheses, 1 lists and 2 ids"),
        (["a", "b"], [["a"], []], ["x", "y"], "references for y"),
        (["a", "b"], [["a"], ["b", " "]], None, "references for #2"),
        (["a"], ["a"], None, "list of references for #1"),
    ],
)
def test_unfit_inputs_are_refused_by_name(name, hypotheses, references, ids, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MetricError, match=message) as caught:
        E2E_METRICS[name].score(hypotheses, references, ids)
    assert "\n" not in str(caught.value)
