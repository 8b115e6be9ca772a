"""The five metrics against the official scorer: whole systems of the E2E challenge, and recorded corner cases."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltalora.metrics import E2E_METRICS, score_e2e, score_texts

SYSTEMS = {
    "e2e_metrics_example": ["baseline"],
    "e2e_test": ["adapt", "chen", "forge1", "gong", "nle", "sheff1", "tgen", "tnt1", "tr2", "tuda", "zhaw1"],
    "e2e_dev": [f"model-d_seed{seed}" for seed in range(1, 20, 2)],
}
GOLDEN = json.loads((Path(__file__).parents[1] / "golden/metrics/e2e_corner_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parity
@pytest.mark.real_data
@pytest.mark.parametrize(("fixture", "system"), [(name, system) for name in SYSTEMS for system in SYSTEMS[name]])
def test_every_system_scores_as_the_official_scorer_printed(shared_data: Path, fixture: str, system: str) -> None:
    folder = shared_data / "fixtures" / fixture
    recorded = json.loads((folder / "systems" / system / "scores.json").read_text(encoding="utf-8"))
    expected = {name.replace("_", "-"): value for name, value in recorded["metrics"].items()}
    if "nist_python_port" in recorded:
        expected |= {"NIST-mteval": expected["NIST"], "NIST": recorded["nist_python_port"]}
    elif "(-p)" not in recorded["source"] + recorded["status"]:
        expected["NIST-mteval"] = expected.pop("NIST")

    scores = score_e2e(folder / "systems" / system / "hyp.txt", folder / "refs.txt")

    assert {name: round(scores[name].value, 4) for name in expected} == expected
    for name, score in scores.items():
        assert E2E_METRICS[name].aggregate(score.statistics) == score.value
        assert score.statistics.shape[0] == recorded["instances"]


@pytest.mark.real_data
def test_no_system_of_the_fixtures_is_left_out(shared_data: Path) -> None:
    for fixture, systems in SYSTEMS.items():
        found = {path.name for path in (shared_data / "fixtures" / fixture / "systems").iterdir()}
        assert found == set(systems)


@pytest.mark.golden
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_corner_cases_score_as_the_official_scorer_does(case: dict[str, Any]) -> None:
    scores = score_texts(case["hypotheses"], case["references"])
    assert {name: round(score.value, 4) for name, score in scores.items()} == case["expected"]


def test_scores_come_in_the_order_of_the_table_with_their_settings() -> None:
    scores = score_texts(["The Eagle is a pub."], [["The Eagle is a pub.", "A pub, the Eagle."]])
    assert list(scores) == list(E2E_METRICS) == ["BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr", "NIST-mteval"]
    for name, score in scores.items():
        assert score.signature.startswith(f"{name}|refs:2|case:lc")
        assert "impl:" in score.signature
        assert score.statistics.dtype == np.float64
    assert len({score.signature for score in scores.values()}) == 6
    for name in ("METEOR", "ROUGE-L", "CIDEr"):
        assert "|ptb:isolated|" in scores[name].signature
    for name in ("ROUGE-L", "CIDEr"):
        assert scores[name].signature.endswith(f"|impl:pycocoevalcap-{version('pycocoevalcap')}")


def test_the_signature_says_when_the_number_of_references_varies() -> None:
    score = E2E_METRICS["BLEU"].score(["a pub", "an inn"], [["a pub"], ["an inn", "the inn"]])
    assert "|refs:var|" in score.signature


def test_scoring_takes_no_java_from_path() -> None:
    assert shutil.which("java") is None
    assert score_texts(["The Eagle is a pub."], [["The Eagle is a pub."]])["METEOR"].value == 1.0
