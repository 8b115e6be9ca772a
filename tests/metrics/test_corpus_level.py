"""What is of the whole corpus: a METEOR that is no mean of sentences, and NIST weights counted over all references."""

import math

import numpy as np
import pytest

from deltalora.metrics import E2E_METRICS

#: `SCORE` and `EVAL` answers of meteor-1.5.jar (pycocoevalcap 1.2; `-l en -norm`, as metrics/java.py starts it) for
#: "the eagle is a cheap pub near the river" against "the eagle is a pub by the river that serves cheap food",
#: "cheap food is served in the centre" against "they serve cheap food in the city centre", and "the punter" against
#: itself. Columns as the jar prints them; the twelve of its other matchers are 0 in these.
ROWS = [
    [9, 12, 4, 6, 4, 4, 4, 4, *[0] * 12, 4, 8, 8],
    [7, 8, 3, 3, 3, 3, 2, 2, *[0] * 12, 3, 5, 5],
    [2, 2, 1, 1, 1, 1, 1, 1, *[0] * 12, 1, 2, 2],
]
SENTENCES = [0.3287189071981595, 0.287235841620908, 1.0]
CORPUS = 0.33548336864260064


@pytest.mark.golden
def test_meteor_of_three_sentences_is_the_jars_aggregate_and_not_their_mean() -> None:
    metric, rows = E2E_METRICS["METEOR"], np.array(ROWS, dtype=np.float64)
    assert metric.aggregate(rows) == pytest.approx(CORPUS, abs=1e-12)
    assert [metric.aggregate(row[None]) for row in rows] == pytest.approx(SENTENCES, abs=1e-12)
    assert np.mean(SENTENCES) > CORPUS + 0.2


@pytest.mark.golden
def test_nists_information_is_counted_over_the_references_of_all_segments() -> None:
    # 8 words in all references: "a" three times, "b" twice, "c", "d", "e" once; "a b" twice, "a c" once.
    hypotheses, references = ["a b", "a c"], [["a b", "a b"], ["a c", "d e"]]
    statistics = E2E_METRICS["NIST"].score(hypotheses, references).statistics
    unigrams = [math.log2(8 / 3) + math.log2(8 / 2), math.log2(8 / 3) + math.log2(8 / 1)]
    bigrams = [math.log2(3 / 2), math.log2(3 / 1)]
    assert statistics[:, 0] == pytest.approx(unigrams)
    assert statistics[:, 1] == pytest.approx(bigrams)
