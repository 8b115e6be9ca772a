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

from deltalora.metrics import E2E_METRICS, WEBNLG_METRICS, XSUM_METRICS, TextMetric, ptb
from deltalora.metrics.multi_bleu import MultiBleu
from deltalora.metrics.ter import Ter
from fidelity import Fidelity
from published_outputs import E2E, SUBSETS, WEBNLG, XSUM, Subset, subset
from scored_outputs import statistics, value

pytestmark = [pytest.mark.golden, pytest.mark.parity, pytest.mark.real_data]

_FOLDER = Path(__file__).parents[1] / "golden/metrics"
E2E_GOLDEN, WEBNLG_GOLDEN, XSUM_GOLDEN = (
    json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    for name in ("e2e_subsets.json", "webnlg.json", "xsum.json")
)
E2E_ORACLE, EVAL_ORACLE = "e2e-metrics@1b9c4d8", "GenerationEval@8067849"
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
def webnlg(shared_data: Path) -> Rows:
    return rows_of(shared_data, WEBNLG, WEBNLG_GOLDEN)


@pytest.fixture(scope="module")
def xsum(shared_data: Path) -> Rows:
    return rows_of(shared_data, XSUM, XSUM_GOLDEN)


def from_rows(metric: TextMetric, rows: Rows) -> list[float]:
    return [value(metric, chosen.output, chosen.rows) for chosen, _ in rows]


def from_texts(metric: TextMetric, rows: Rows) -> list[float]:
    return [metric.score(chosen.hypotheses, chosen.references).value for chosen, _ in rows]


def test_rows_of_bleu_in_both_forms_aggregate_to_the_official_scores_of_their_texts(
    e2e: Rows, fidelity: Fidelity
) -> None:
    ours = from_rows(E2E_METRICS["BLEU"], e2e)
    fidelity.close("BLEU", f"{E2E_ORACLE} -p", WHAT, ours, [row["scores"]["BLEU"] for _, row in e2e], 1e-12)
    perl = from_rows(E2E_METRICS["BLEU-mteval"], e2e)
    # Perl prints four decimals.
    expected = [row["perl"]["BLEU"] for _, row in e2e]
    fidelity.close("BLEU-mteval", f"{E2E_ORACLE} Perl", WHAT, perl, expected, 0.00005 + 1e-9)


def test_nist_in_both_forms_is_the_official_score_of_the_same_texts(e2e: Rows, fidelity: Fidelity) -> None:
    ours, perl = (from_texts(E2E_METRICS[name], e2e) for name in ("NIST", "NIST-mteval"))
    fidelity.close("NIST", f"{E2E_ORACLE} -p", WHAT, ours, [row["scores"]["NIST"] for _, row in e2e], 1e-10)
    expected = [row["perl"]["NIST-mteval"] for _, row in e2e]
    fidelity.close("NIST-mteval", f"{E2E_ORACLE} Perl", WHAT, perl, expected, 0.00005 + 1e-9)


@pytest.mark.parametrize("name", ["METEOR", "ROUGE-L", "CIDEr"])
def test_coco_metrics_are_the_official_scores(e2e: Rows, fidelity: Fidelity, name: str) -> None:
    metric = E2E_METRICS[name]
    if name == "CIDEr":
        outputs = {chosen.output.name: chosen.output for chosen, _ in e2e}.values()
        texts = [text for one in outputs for block in (one.hypotheses, *one.references) for text in block]
        ptb.tokenize(texts)  # all at once, so that the subsets find their tokens
        ours = from_texts(metric, e2e)
    else:
        ours = from_rows(metric, e2e)
    fidelity.close(name, E2E_ORACLE, WHAT, ours, [row["scores"][name] for _, row in e2e], 1e-10)
    # ptb-neighbours: the recorder ran each subset with sentences tokenised apart, too, and kept what that moved.
    assert not any("isolated" in row for _, row in e2e)


def test_webnlg_bleu_is_the_perl_scripts_on_references_as_loras_decoder_writes_them(
    webnlg: Rows, fidelity: Fidelity
) -> None:
    ours = [100 * one for one in from_rows(WEBNLG_METRICS["BLEU"], webnlg)]
    expected = [row["scores"]["BLEU"] for _, row in webnlg]
    # Perl prints two decimals.
    fidelity.close("WebNLG BLEU x 100", f"{EVAL_ORACLE} Perl", WHAT, ours, expected, 0.005 + 1e-9)


def test_webnlg_bleu_of_2017_is_the_organisers_perl_scripts(webnlg: Rows, fidelity: Fidelity) -> None:
    metric = MultiBleu(tokenize="none")
    ours = [
        100 * metric.aggregate(statistics(metric, chosen.output, chosen.output.padded)[list(chosen.rows)])
        for chosen, _ in webnlg
    ]
    expected = [row["scores"]["BLEU-2017"] for _, row in webnlg]
    oracle = "challenge-webnlg@42da206 multi-bleu.perl"
    fidelity.close("WebNLG BLEU of 2017 x 100", oracle, WHAT, ours, expected, 0.005 + 1e-9)


@pytest.mark.parametrize(("blank_line", "key"), [(False, "TER"), (True, "TER-line-feed")])
def test_webnlg_ter_is_the_scripts_with_and_without_its_blank_line(
    webnlg: Rows, fidelity: Fidelity, blank_line: bool, key: str
) -> None:
    metric = Ter(blank_line=blank_line)
    ours = [metric.aggregate(statistics(Ter(), chosen.output)[list(chosen.rows)]) for chosen, _ in webnlg]
    expected = [row["scores"][key] for _, row in webnlg]
    name = "WebNLG TER, blank line counted" if blank_line else "WebNLG TER"
    fidelity.close(name, f"{EVAL_ORACLE} (pyter3 0.3)", WHAT, ours, expected, 1e-12)


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
