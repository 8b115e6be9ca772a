"""Fabricated records. None of these numbers was ever measured."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from deltalora.config import METHODS, RunConfig, run_config
from deltalora.results import (
    Code,
    Data,
    Environment,
    Model,
    Parameters,
    RunError,
    RunRecord,
    ScoreEntry,
    Selection,
)

SIGNATURES = {
    "BLEU": "bleu|case:lc|tok:13a|smooth:none|sacrebleu:2.6.0",
    "NIST": "nist|n:5|case:lc|tok:13a",
    "METEOR": "meteor|1.5|en|norm",
    "ROUGE-L": "rouge-l|beta:1.2|ptb",
    "CIDEr": "cider-d|n:4|sigma:6|idf:test",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


MakeRecord = Callable[..., RunRecord]
Configure = Callable[..., dict[str, Any]]


@cache
def composed(*overrides: str) -> RunConfig:
    return run_config(overrides)


@pytest.fixture
def configure() -> Configure:
    """The whole config of a run in the paper's setting, without dropout; keywords replace some of its keys."""

    def make(
        weights: str = "pretrained",
        train: int | None = None,
        test: int | None = None,
        max_steps: int | None = None,
        experiment: str = "e2e",
        name: str = "lora",
        **changes: Any,
    ) -> dict[str, Any]:
        config = composed(f"experiment={experiment}", "scale=paper", f"method={name}").without_folders()
        config["task"]["limits"] = {"train": train, "validation": None, "test": test}
        config["model"]["weights"] = weights
        config["train"]["max_steps"] = max_steps
        if "dropout" in config["method"]:
            config["method"]["dropout"] = 0.0
        for section in ("task", "method", "train"):
            config[section] |= {key: changes.pop(key) for key in list(changes) if key in config[section]}
        assert not changes
        return config

    return make


@pytest.fixture
def make_record(configure: Configure) -> MakeRecord:
    """Record of `row` with `bleu` (a fraction) and the other metrics derived from it; any key can be replaced."""

    def make(row: str, seed: int, bleu: float = 0.5, **changes: Any) -> RunRecord:
        scores = {"BLEU": bleu, "NIST": 10 * bleu, "METEOR": bleu / 2, "ROUGE-L": bleu + 0.1, "CIDEr": 4 * bleu}
        values: dict[str, Any] = {
            "run_id": f"{row}-{seed}",
            "config_id": f"config-{row}",
            "status": "finished",
            "experiment": "e2e",
            "row": row,
            "method": row.partition("_")[0],
            "scale": "embedded",
            "source": "embedded",
            "seed": seed,
            "config": configure(max_steps=500, name=row if row in METHODS else "lora"),
            "code": Code(results_version=1, commit=None, dirty=None),
            "environment": Environment(
                python="3.11.7",
                platform="Linux",
                cpu="x",
                cores=2,
                memory_bytes=1,
                accelerator=None,
                libraries={"torch": "2.13.0"},
            ),
            "data": Data(
                files={"train": sha("train"), "test": sha("test")}, counts={"train": 9}, tokenised_sha256=None
            ),
            "model": Model(name="tiny", source="embedded", revision=None, sha256=sha("model")),
            "parameters": Parameters(
                trainable=6144, extra_updatable=98304 if row == "delta_lora" else 0, head=0, total=800000
            ),
            "scores": {
                name: ScoreEntry(value=value, signature=SIGNATURES[name], n=630) for name, value in scores.items()
            },
            "validation": {"loss": 2 - bleu},
            "selection": Selection(rule="last", step=500, split="test"),
            "started_at": datetime(2026, 1, 1, tzinfo=UTC),
            "finished_at": datetime(2026, 1, 1, 1, tzinfo=UTC),
        }
        return RunRecord(**(values | changes))

    return make


@pytest.fixture
def make_paper_record(make_record: MakeRecord, configure: Configure) -> MakeRecord:
    """Record of a run in the paper's setting."""

    def make(row: str, seed: int, bleu: float = 0.5, **changes: Any) -> RunRecord:
        model = Model(name="gpt2_medium", source="hub", revision="a" * 40, sha256=sha("medium"))
        setting = {"scale": "paper", "source": "hub", "model": model, "config": configure()}
        return make_record(row, seed, bleu, **(setting | changes))

    return make


@pytest.fixture
def make_failed(make_record: MakeRecord) -> MakeRecord:
    """Record of a failed run of `row`."""

    def make(row: str, seed: int, message: str = "no memory", **changes: Any) -> RunRecord:
        nothing = {"scores": {}, "validation": {}, "selection": None, "parameters": None}
        error = RunError(type="OutOfMemoryError", message=message)
        return make_record(row, seed, **({"status": "failed", "error": error} | nothing | changes))

    return make
