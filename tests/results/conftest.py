"""Fabricated records. None of these numbers was ever measured."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from deltalora.results import (
    Code,
    Cost,
    CurvePoint,
    Data,
    Environment,
    Model,
    Parameters,
    PredictionsFile,
    RunRecord,
    ScoreEntry,
    Selection,
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


MakeRecord = Callable[..., RunRecord]


@pytest.fixture
def make_record() -> MakeRecord:
    """A finished record with every key filled; any of them can be replaced."""

    def make(**changes: Any) -> RunRecord:
        values: dict[str, Any] = {
            "run_id": "0123456789ab",
            "config_id": "ba9876543210",
            "status": "finished",
            "experiment": "e2e",
            "row": "lora_alpha_matched",
            "method": "lora",
            "scale": "embedded",
            "source": "embedded",
            "seed": 1,
            "config": {"method": {"name": "lora", "alpha": 96, "dropout": 0.1}, "stop": ["\n\n"], "limit": None},
            "code": Code(results_version=1, commit="f" * 40, dirty=True),
            "environment": Environment(
                python="3.11.7",
                platform="Linux x86_64",
                cpu="x",
                cores=2,
                memory_bytes=2**34,
                accelerator=None,
                libraries={"torch": "2.13.0"},
            ),
            "data": Data(files={"train": sha("train")}, counts={"train": 42061}, tokenised_sha256=sha("tokens")),
            "model": Model(name="tiny", source="embedded", revision=None, sha256=sha("model")),
            "parameters": Parameters(trainable=6144, extra_updatable=0, head=0, total=800000),
            "scores": {"BLEU": ScoreEntry(value=0.1 + 0.2, signature="bleu|tok:13a", n=630)},
            "validation": {"loss": 1.5},
            "selection": Selection(rule="last", step=500, split="test"),
            "curve": [CurvePoint(step=100, train_loss=2.5), CurvePoint(step=500, validation_loss=1.5)],
            "cost": Cost(train_s=12.5, wall_s=20.0, train_tokens=10**9),
            "diagnostics": {"ranks": [4, 3, None]},
            "predictions": PredictionsFile(file="predictions.jsonl", sha256=sha("predictions")),
            "started_at": datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
            "finished_at": datetime(2026, 1, 1, 13, tzinfo=UTC),
        }
        return RunRecord(**(values | changes))

    return make
