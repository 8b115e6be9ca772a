"""`scripts/gpu_check.py` at tiny shapes: what it asserts holds on a CPU, and every method is measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deltalora.config import METHODS

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gpu_check.py"


@pytest.mark.smoke
def test_every_method_is_measured_and_what_must_be_equal_is(tmp_path: Path) -> None:
    out = tmp_path / "gpu_check.json"
    done = subprocess.run([sys.executable, str(SCRIPT), "--tiny", "--out", str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["tiny"] is True
    assert found["equal"]["resumed_twice_has_the_same_bits"] is True
    assert found["equal"]["beam_search_finds_generates_tokens"] is True
    assert found["equal"]["literal_against_closed_form"] < 1e-4
    for family in ("gpt2", "roberta", "bart"):
        for precision in ("fp32", "tf32", "bf16"):
            measured = found["training"][family][precision]
            assert all(measured[name]["tokens_per_s"] > 0 for name in (*METHODS, "peft_lora"))
