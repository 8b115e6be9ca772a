"""Random subsets of published outputs against the recorded scores of the official scorers.

A subset is scored in the way a bootstrap does it, from the statistics of the whole output, where the metric has no
weights of the whole reference set, and from its texts where it has (NIST, CIDEr).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltalora.metrics import E2E_METRICS, XSUM_METRICS, Metric
from fidelity import Fidelity
from published_outputs import E2E, SUBSETS, XSUM, Subset, subset
from scored_outputs import statistics, value

pytestmark = [pytest.mark.golden, pytest.mark.parity, pytest.mark.real_data]

_FOLDER = Path(__file__).parents[1] / "golden/metrics"
E2E_GOLDEN, XSUM_GOLDEN = (
    json.loads((_FOLDER / name).read_text(encoding="utf-8")) for name in ("e2e_subsets.json", "xsum.json")
)
E2E_ORACLE = "e2e-metrics@1b9c4d8"
WHAT = f"{SUBSETS} random subsets"

Rows = list[tuple[Subset, dict[str, Any]]]


def rows_of(data: Path, systems: dict[str, list[str]], golden: Mapping[str, Any]) -> Rows:
    found = [(subset(data, systems, row["seed"]), row) for row in golden["subsets"]]
    assert [row["seed"] for _, row in found] == list(range(SUBSETS))
    for chosen, row in found:
        assert (chosen.output.name, len(chosen.rows)) == (row["output"], row["size"])
    return found


@pytest.fixture(scope="module")
def e2e(shared_data: Path) -> Rows:
    return rows_of(shared_data, E2E, E2E_GOLDEN)


@pytest.fixture(scope="module")
def xsum(shared_data: Path) -> Rows:
    return rows_of(shared_data, XSUM, XSUM_GOLDEN)


def from_rows(metric: Metric, rows: Rows) -> list[float]:
    return [value(metric, chosen.output, chosen.rows) for chosen, _ in rows]


def from_texts(metric: Metric, rows: Rows) -> list[float]:
    return [metric.score(chosen.hypotheses, chosen.references).value for chosen, _ in rows]


def test_rows_of_bleu_aggregate_to_the_official_scores_of_their_texts(e2e: Rows, fidelity: Fidelity) -> None:
    ours = from_rows(E2E_METRICS["BLEU"], e2e)
    fidelity.close("BLEU", f"{E2E_ORACLE} -p", WHAT, ours, [row["scores"]["BLEU"] for _, row in e2e], 1e-12)
    # Perl prints four decimals.
    fidelity.close("BLEU", f"{E2E_ORACLE} Perl", WHAT, ours, [row["perl"]["BLEU"] for _, row in e2e], 0.00005 + 1e-9)


def test_nist_in_both_forms_is_the_official_score_of_the_same_texts(e2e: Rows, fidelity: Fidelity) -> None:
    ours, perl = (from_texts(E2E_METRICS[name], e2e) for name in ("NIST", "NIST-mteval"))
    fidelity.close("NIST", f"{E2E_ORACLE} -p", WHAT, ours, [row["scores"]["NIST"] for _, row in e2e], 1e-10)
    expected = [row["perl"]["NIST-mteval"] for _, row in e2e]
    fidelity.close("NIST-mteval", f"{E2E_ORACLE} Perl", WHAT, perl, expected, 0.00005 + 1e-9)


@pytest.mark.parametrize("name", ["METEOR", "ROUGE-L", "CIDEr"])
def test_coco_metrics_are_the_official_scores(e2e: Rows, fidelity: Fidelity, name: str) -> None:
    metric = E2E_METRICS[name]
    ours = from_texts(metric, e2e) if name == "CIDEr" else from_rows(metric, e2e)
    fidelity.close(name, E2E_ORACLE, WHAT, ours, [row["scores"][name] for _, row in e2e], 1e-10)
    # ptb-neighbours: the recorder ran each subset with sentences tokenised apart, too, and kept what that moved.
    assert not any("isolated" in row for _, row in e2e)


@pytest.mark.parametrize("name", XSUM_METRICS)
def test_rouge_is_the_mean_of_the_modules_segments(xsum: Rows, fidelity: Fidelity, name: str) -> None:
    ours = from_rows(XSUM_METRICS[name], xsum)
    expected = [row["scores"][name] for _, row in xsum]
    fidelity.close(name, "evaluate@a7dd338 rouge, mean of segments", WHAT, ours, expected, 1e-12)
    # rouge-aggregate: the median of 1,000 resampled means lies 0.04 standard errors of the mean about it.
    for one, (chosen, row) in zip(ours, xsum, strict=True):
        segments = statistics(XSUM_METRICS[name], chosen.output)[list(chosen.rows)]
        noise = float(segments.std() / np.sqrt(len(segments)))
        assert abs(row["aggregated"][name] - one) <= 0.25 * noise
