"""`deltalora plan`: counts that follow from the recipe, and estimates that follow from the counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from deltalora.cli import main
from deltalora.commands import plan as plan_module


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["plan", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_steps_are_those_of_the_recipe_and_cost_follows_the_trained_parameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = planned(capsys, "table1", "hydra.sweeper.params.seed=1")
    rows = {row["row"]: row for row in found["rows"]}
    assert {row["steps"] for row in rows.values()} == {5 * 5258}  # 42,061 examples in batches of 8, five epochs
    assert rows["full"]["flops"] > rows["ft_qv"]["flops"] > rows["lora"]["flops"]
    assert rows["full"]["memory_gib"] > rows["lora"]["memory_gib"] > 4 * 354_823_168 / 2**30
    assert rows["delta_lora"]["memory_gib"] == pytest.approx(rows["lora"]["memory_gib"])
    assert found["total"]["runs"] == len(rows) == 10
    assert found["hours"]["t4"]["hours"] > found["hours"]["a100"]["hours"] > 0
    assert found["hours"]["h200"]["from"] == "its kernels' launches"  # 420 tokens a step do not fill it
    assert any("hf download openai-community/gpt2-medium" in line for line in found["missing"])


def test_a_shorter_run_costs_less_and_the_embedded_scale_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    one = ["table8", "hydra.sweeper.params.seed=1"]
    assert planned(capsys, *one, "train.max_steps=10")["total"]["steps"] == 10 * 6
    assert planned(capsys, *one, "scale=embedded")["missing"] == []


def test_what_was_measured_on_such_a_gpu_is_used_instead_of_its_peak(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = tmp_path / "gpu_check.json"
    measured = {"gpt2": {"tf32": {"lora": {"tokens_per_s": 1000.0}}}}
    check.write_text(json.dumps({"device": "NVIDIA H200", "training": measured}), encoding="utf-8")
    monkeypatch.setattr(plan_module, "GPU_CHECK", check)
    found = planned(capsys, "table8", "--gpu", "h200", "hydra.sweeper.params.seed=1")
    assert found["hours"]["h200"]["from"] == "1,000 tokens/s measured"
    assert found["hours"]["h200"]["hours"] == pytest.approx(found["total"]["tokens"] / 1000 / 3600)
    check.write_text(json.dumps({"device": "NVIDIA H200"}), encoding="utf-8")
    assert main(["plan", "table8", "--gpu", "h200"]) == 2
    assert "expected what scripts/gpu_check.py writes" in capsys.readouterr().err
