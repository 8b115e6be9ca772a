"""The five metrics against the official scorer: whole systems of the E2E challenge, and recorded corner cases."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltalora.metrics import E2E_METRICS, score_e2e, score_texts
from deltalora.report.divergences import divergences
from fidelity import Fidelity
from published_outputs import E2E, names, read, spoiled
from scored_outputs import statistics

ORACLE = "e2e-metrics@1b9c4d8"
_GOLDEN_FOLDER = Path(__file__).parents[1] / "golden/metrics"
GOLDEN = json.loads((_GOLDEN_FOLDER / "e2e_corner_cases.json").read_text(encoding="utf-8"))
FORMS = json.loads((_GOLDEN_FOLDER / "e2e_forms.json").read_text(encoding="utf-8"))
TABLE = ["BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr"]
#: Half of the last digit that the scorer prints.
PRINTED = 0.00005


@pytest.mark.parity
@pytest.mark.real_data
@pytest.mark.parametrize("name", names(E2E))
def test_every_system_scores_as_the_official_scorer_printed(shared_data: Path, fidelity: Fidelity, name: str) -> None:
    output = read(shared_data, name)
    recorded = output.scores
    printed = {metric.replace("_", "-"): value for metric, value in recorded["metrics"].items()}
    by_perl = "nist_python_port" in recorded or "(-p)" not in recorded["source"] + recorded["status"]
    ours = {metric.name: metric.aggregate(statistics(metric, output)) for metric in E2E_METRICS.values()}

    for metric in TABLE:
        if metric != "NIST":
            fidelity.published(metric, name, printed[metric], ours[metric], PRINTED)
    if by_perl:
        fidelity.published("BLEU-mteval", name, printed["BLEU"], ours["BLEU-mteval"], PRINTED)
        fidelity.published("NIST-mteval", name, printed["NIST"], ours["NIST-mteval"], PRINTED)
        fidelity.published("NIST", name, printed["NIST"], ours["NIST"], PRINTED, register="nist-two-forms")
    else:
        fidelity.published("NIST", name, printed["NIST"], ours["NIST"], PRINTED)
    if "nist_python_port" in recorded:
        fidelity.published("NIST", f"{name} (-p)", recorded["nist_python_port"], ours["NIST"], PRINTED)
    assert {len(statistics(metric, output)) for metric in E2E_METRICS.values()} == {recorded["instances"]}


@pytest.mark.parity
@pytest.mark.real_data
def test_files_score_as_the_texts_in_them(shared_data: Path) -> None:
    folder = shared_data / "fixtures" / "e2e_metrics_example"
    output = read(shared_data, "e2e_metrics_example/baseline")
    scores = score_e2e(folder / "systems" / "baseline" / "hyp.txt", folder / "refs.txt")
    for name, score in scores.items():
        assert (score.statistics == statistics(E2E_METRICS[name], output)).all()
        assert score.value == E2E_METRICS[name].aggregate(score.statistics)


@pytest.mark.real_data
def test_no_system_of_the_fixtures_is_left_out(shared_data: Path) -> None:
    for fixture, systems in E2E.items():
        found = {path.name for path in (shared_data / "fixtures" / fixture / "systems").iterdir()}
        assert found == set(systems)


@pytest.mark.golden
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_corner_cases_score_as_the_official_scorer_does(fidelity: Fidelity, case: dict[str, Any]) -> None:
    scores = score_texts(case["hypotheses"], case["references"])
    assert set(scores) == set(case["expected"])
    for name, score in scores.items():
        # The recorded numbers are printed ones.
        fidelity.close(name, ORACLE, "corner cases", score.value, case["expected"][name], PRINTED + 1e-9)


@pytest.mark.golden
@pytest.mark.real_data
@pytest.mark.parametrize("row", FORMS["rows"], ids=lambda row: f"{row['how']}, {row['output']}")
def test_both_forms_of_bleu_on_spoiled_outputs(shared_data: Path, fidelity: Fidelity, row: dict[str, Any]) -> None:
    hypotheses, references = spoiled(read(shared_data, row["output"]), row["how"])
    ours = {name: E2E_METRICS[name].score(hypotheses, references).value for name in ("BLEU", "BLEU-mteval")}
    fidelity.close("BLEU", f"{ORACLE} -p", "spoiled outputs", ours["BLEU"], row["scores"]["BLEU"], 1e-12)
    # Perl prints four decimals.
    perl = row["scores"]["BLEU-mteval"]
    fidelity.close("BLEU-mteval", f"{ORACLE} Perl", "spoiled outputs", ours["BLEU-mteval"], perl, PRINTED + 1e-9)


def test_the_register_names_how_far_the_two_forms_of_bleu_part() -> None:
    effect = divergences()["bleu-two-forms"].effect
    named = ("every third empty", "e2e_test/tgen")
    scores = next(row["scores"] for row in FORMS["rows"] if (row["how"], row["output"]) == named)
    assert f"{scores['BLEU']:.4f} by the port and {scores['BLEU-mteval']:.4f} by Perl" in effect.replace("\n", " ")


def test_scores_come_in_the_order_of_the_table_with_their_settings() -> None:
    scores = score_texts(["The Eagle is a pub."], [["The Eagle is a pub.", "A pub, the Eagle."]])
    assert list(scores) == list(E2E_METRICS) == [*TABLE, "BLEU-mteval", "NIST-mteval"]
    for name, score in scores.items():
        assert score.signature.startswith(f"{name}|refs:2|case:lc")
        assert "impl:" in score.signature
        assert score.statistics.dtype == np.float64
    assert len({score.signature for score in scores.values()}) == 7
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
