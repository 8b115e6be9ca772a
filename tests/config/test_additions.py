"""What CONTRIBUTING.md says is enough: a method and a task added to a copy of the suite appear everywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CONFIGURATION = '''class BiasConfig(MethodConfig):
    """Training the biases alone has no hyper-parameter of its own."""

    name: Literal["bias"] = "bias"


'''
METHOD = '''"""Fine-tuning of the biases alone (BitFit, arXiv 2106.10199)."""

import torch
from torch import nn

from deltalora.config.methods import BiasConfig
from deltalora.methods.base import Method, implements


@implements(BiasConfig)
class Bias(Method):
    """Trains every bias of the backbone."""

    group = "backbone"

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Mark the biases as trained; draws nothing."""
        model.requires_grad_(False)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith("bias"))
'''
VALUES = """# The biases alone.
name: bias
rate: full
"""
TASK_CONFIGURATION = '''class SlotsConfig(E2EConfig):
    """Name the slots of a meaning representation."""

    name: Literal["slots"]


'''
TASK = '''"""A meaning representation in, the names of its slots out."""

from dataclasses import replace

from deltalora import metrics
from deltalora.config.task import SlotsConfig
from deltalora.tasks.e2e import E2ETask
from deltalora.tasks.task import implements, scored_texts


@implements(SlotsConfig)
class SlotsTask(E2ETask):
    """E2E's inputs with another text to write."""

    config: SlotsConfig

    def load(self):
        data = super().load()
        train, validation = ([replace(one, completion=names(one.context)) for one in split]
                             for split in (data.train, data.validation))
        test = [replace(one, references=(names(one.context),)) for one in data.test]
        return replace(data, train=tuple(train), validation=tuple(validation), test=tuple(test))

    def score(self, data, predictions):
        return metrics.score_texts(*scored_texts(data.test, predictions))


def names(context):
    return ", ".join(slot.partition(" : ")[0] for slot in context.split(" | "))
'''
EXPERIMENT = """# @package _global_
defaults:
  - e2e
  - _self_
task:
  name: slots
  source: embedded
"""
TINY = ["+debug=two_steps", "runtime.threads=1", "hydra/launcher=basic", "hydra.sweeper.params.seed=1"]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the suite with one more method and one more task: each a configuration class, a file, its values."""
    root = tmp_path_factory.mktemp("suite")
    shutil.copytree(ROOT / "conf", root / "conf")
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    configurations = root / "src/deltalora/config/methods.py"
    text = configurations.read_text(encoding="utf-8").replace("#: The one list", CONFIGURATION + "#: The one list")
    configurations.write_text(text.replace(" | DeltaLoRAConfig,", " | DeltaLoRAConfig | BiasConfig,"))
    (root / "src/deltalora/methods/bias.py").write_text(METHOD)
    (root / "conf/method/bias.yaml").write_text(VALUES)
    tasks = root / "src/deltalora/config/task.py"
    text = tasks.read_text(encoding="utf-8").replace("class WebNLGConfig", TASK_CONFIGURATION + "class WebNLGConfig")
    tasks.write_text(text.replace("Annotated[E2EConfig |", "Annotated[E2EConfig | SlotsConfig |"))
    (root / "src/deltalora/tasks/slots.py").write_text(TASK)
    (root / "conf/experiment/slots.yaml").write_text(EXPERIMENT)
    return root


def deltalora(suite: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(suite / "src")}
    command = [sys.executable, "-m", "deltalora", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=suite, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_method_is_counted_trained_and_put_into_a_table(suite: Path) -> None:
    counted = json.loads(deltalora(suite, "params", "experiment=e2e", "scale=embedded", "--json"))
    assert 0 < counted["bias"]["trainable"] < counted["ft_qv"]["trainable"]
    settings = [*TINY, f"runtime.results_dir={suite / 'runs'}"]
    methods = 'hydra.sweeper.params.method="lora,bias"'
    deltalora(suite, "train", "+table=table1", methods, *settings)
    table = json.loads(deltalora(suite, "table", "table1", "--format", "json", methods, *settings))
    row = next(row for row in table["rows"] if row["row"] == "bias")
    assert row["label"] == "bias"
    assert row["cells"]["Val. loss"]["ours"]["n"] == 1
    assert row["parts"]["e2e"]["trainable"] == counted["bias"]["trainable"]


def test_a_new_task_is_counted_trained_and_put_into_a_table(suite: Path) -> None:
    counted = json.loads(deltalora(suite, "params", "experiment=slots", "scale=embedded", "--json"))
    assert counted["lora"]["trainable"] > 0
    settings = [*TINY, "experiment=slots", f"runtime.results_dir={suite / 'slots_runs'}"]
    methods = 'hydra.sweeper.params.method="lora,delta_lora"'
    deltalora(suite, "train", "+table=table1", methods, *settings)
    table = json.loads(deltalora(suite, "table", "table1", "--format", "json", methods, *settings))
    assert table["title"] == "slots, in the columns of Table 1"
    assert [row["row"] for row in table["rows"]] == ["lora", "delta_lora"]  # none of the paper's, which are of E2E
    assert {cell["paper"] for row in table["rows"] for cell in row["cells"].values()} == {None}
    assert all(row["cells"]["BLEU"]["ours"]["n"] == 1 for row in table["rows"])
    refused = [sys.executable, "-m", "deltalora", "table", "table1", *settings, "experiment=webnlg"]
    done = subprocess.run(refused, capture_output=True, text=True, cwd=suite, check=False)
    assert done.returncode == 2
    assert "table1 is of e2e, found experiment=webnlg" in done.stderr
