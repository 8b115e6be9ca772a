"""The `evaluate` modules load and compute with the network shut, from any modules cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import deltalora
from deltalora.errors import MetricError
from deltalora.metrics import E2E_METRICS, module_path, score_summaries, score_texts

HYPOTHESES = ["The Eagle is a cheap pub near the river.", "Alimentum is nice."]
REFERENCES = [["The Eagle is a pub by the river.", "A cheap pub, The Eagle."], ["Alimentum, in the centre, is nice."]]

SCRIPT = """
import json, socket, sys
def refuse(*arguments, **options):
    raise OSError("the network is shut")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import evaluate
hypotheses, references, paths = json.loads(sys.argv[1])
results = {}
for path in paths:
    module = evaluate.load(path)
    results[module.name] = module.compute(predictions=hypotheses, references=references)
print(json.dumps(results))
"""


def test_every_module_computes_what_the_metric_does_with_no_network(tmp_path: Path) -> None:
    paths = [str(module_path(name)) for name in [*E2E_METRICS, "rouge"]]
    environment = os.environ | {
        "HF_HOME": str(tmp_path / "home"),
        "HF_MODULES_CACHE": str(tmp_path / "modules"),
        "HF_HUB_OFFLINE": "1",
        "HF_EVALUATE_OFFLINE": "1",
        "PYTHONPATH": str(Path(deltalora.__file__).parents[1]),
    }
    arguments = [sys.executable, "-c", SCRIPT, json.dumps([HYPOTHESES, REFERENCES, paths])]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    for name, score in score_texts(HYPOTHESES, REFERENCES).items():
        module = name.lower().replace("-", "_")
        assert results[module] == {module: pytest.approx(score.value, abs=1e-12), "signature": score.signature}
    summary_scores = {
        name.replace("ROUGE-", "rouge"): one for name, one in score_summaries(HYPOTHESES, REFERENCES).items()
    }
    values = {name: pytest.approx(one.value, abs=1e-12) for name, one in summary_scores.items()}
    signatures = {name: one.signature for name, one in summary_scores.items()}
    assert results["rouge"] == values | {"signature": signatures}


def test_the_room_itself_imports_neither_torch_nor_evaluate() -> None:
    code = "import sys, deltalora.metrics; print({'torch', 'transformers', 'datasets', 'evaluate'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(Path(deltalora.__file__).parents[1])}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment).strip() == "set()"


def test_an_unknown_module_is_refused_with_the_known_ones() -> None:
    known = "bleu, bleu_mteval, cider, meteor, nist, nist_mteval, rouge, rouge_l"
    with pytest.raises(MetricError, match=f"expected one of {known}, found 'ter'"):
        module_path("ter")
