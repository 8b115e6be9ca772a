from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from deltalora.errors import StoreError
from deltalora.results import Progress, read_progress, write_progress

PROGRESS = Progress(
    run_id="0123456789ab",
    row="lora",
    seed=1,
    phase="training",
    step=50,
    total_steps=500,
    loss=2.5,
    tokens_per_s=900.0,
    eta_s=None,
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_progress_read_is_the_progress_last_written(tmp_path):
    path = tmp_path / "run" / "progress.json"
    write_progress(path, PROGRESS)
    later = PROGRESS.model_copy(update={"step": 100})
    write_progress(path, later)
    assert read_progress(path) == later


def test_no_progress_yet_reads_as_none(tmp_path):
    assert read_progress(tmp_path / "progress.json") is None


def test_malformed_progress_is_refused_with_file_and_key(tmp_path):
    path = tmp_path / "progress.json"
    write_progress(path, PROGRESS)
    path.write_text(path.read_text().replace('"training"', '"resting"'))
    with pytest.raises(StoreError, match=r"progress\.json: phase: "):
        read_progress(path)


def test_a_loss_that_is_no_number_is_not_written():
    with pytest.raises(ValidationError):
        Progress(**(PROGRESS.model_dump() | {"loss": float("nan")}))
