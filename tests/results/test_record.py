import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deltalora.config import run_config
from deltalora.errors import StoreError
from deltalora.results import CurvePoint, RunError, RunRecord, ScoreEntry, config_id
from deltalora.results import record as record_module
from deltalora.results.schema import StoredModel

FILE = Path("some/record.json")


def edited(record: RunRecord, edit: Any) -> str:
    content = json.loads(record.to_json())
    edit(content)
    return json.dumps(content)


def test_a_record_read_is_the_record_written(make_record):
    record = make_record()
    assert RunRecord.from_json(record.to_json(), FILE) == record


def test_a_record_of_before_a_key_was_added_still_reads(make_record):
    def drop(content):
        del content["similarity"], content["parent"]

    record = make_record()
    assert RunRecord.from_json(edited(record, drop), FILE) == record
    assert (record.similarity, record.parent) == ({}, None)


def test_similarities_and_the_parent_make_the_round_trip(make_record):
    record = make_record(similarity={"transformer.h.0.attn.c_attn.q": 0.1 + 0.2}, parent="ba9876543210")
    assert RunRecord.from_json(record.to_json(), FILE) == record
    with pytest.raises(ValidationError):
        make_record(similarity={"transformer.h.0.attn.c_attn.q": float("nan")})


def test_a_failed_record_without_model_or_scores_makes_the_round_trip(make_record):
    record = make_record(
        status="failed",
        error=RunError(type="OutOfMemoryError", message="expected 3 GB"),
        parameters=None,
        selection=None,
        scores={},
        validation={},
        curve=[],
        predictions=None,
    )
    assert RunRecord.from_json(record.to_json(), FILE) == record


@pytest.mark.property
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_score_keeps_all_its_bits(value):
    score = ScoreEntry(value=value, signature="s", n=1)
    assert ScoreEntry.model_validate_json(score.model_dump_json(), strict=True).value.hex() == value.hex()


def test_times_are_kept_in_utc_to_the_microsecond(make_record):
    in_nepal = datetime(2026, 1, 1, 18, 15, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    record = make_record(started_at=in_nepal)
    assert json.loads(record.to_json())["started_at"] == "2026-01-01T12:30:15.123456Z"


@pytest.mark.parametrize(
    ("edit", "key"),
    [
        (lambda c: c.pop("seed"), "seed"),
        (lambda c: c.update(seed="1"), "seed"),
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c["scores"]["BLEU"].pop("signature"), "scores.BLEU.signature"),
        (lambda c: c["data"]["files"].update(train="not a digest"), "data.files.train"),
        (lambda c: c.update(schema_version=2), "schema_version"),
        (lambda c: c.update(status="running"), "status"),
        (lambda c: c.update(started_at="2026-01-01T12:00:00"), "started_at"),
        (lambda c: c["curve"][1].update(step=-1), "curve.1.step"),
        (lambda c: c["cost"].update(train_tokens=1.5), "cost.train_tokens"),
    ],
)
def test_a_malformed_record_is_refused_in_one_line_with_file_key_and_remedy(make_record, edit, key):
    with pytest.raises(StoreError) as caught:
        RunRecord.from_json(edited(make_record(), edit), FILE)
    message = str(caught.value)
    assert f"{FILE}: {key}: " in message
    assert "run again" in message
    assert "\n" not in message


@pytest.mark.parametrize("cut", [0, 1, 100, -3])
def test_a_truncated_record_is_refused(make_record, cut):
    with pytest.raises(StoreError, match="the whole file"):
        RunRecord.from_json(make_record().to_json()[:cut], FILE)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_never_stored(make_record, value):
    with pytest.raises(ValidationError):
        CurvePoint(step=1, train_loss=value)
    with pytest.raises(ValidationError):
        make_record(validation={"loss": value})


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_nan_in_a_file_is_refused(make_record, number):
    text = make_record().to_json().replace('"loss": 1.5', f'"loss": {number}')
    assert number in text
    with pytest.raises(StoreError, match=r"validation\.loss"):
        RunRecord.from_json(text, FILE)


@pytest.mark.parametrize(
    "changes",
    [
        {"error": RunError(type="E", message="m")},
        {"parameters": None},
        {"selection": None},
        {"status": "failed"},
        {"finished_at": datetime(2025, 1, 1, tzinfo=timezone.utc)},  # noqa: UP017
    ],
)
def test_a_record_that_contradicts_its_status_cannot_be_built(make_record, changes):
    with pytest.raises(ValidationError):
        make_record(**changes)


def test_a_record_cannot_be_changed(make_record):
    with pytest.raises(ValidationError):
        make_record().seed = 2


def test_every_leaf_of_the_schema_is_described():
    models = [m for m in vars(record_module).values() if isinstance(m, type) and issubclass(m, StoredModel)]
    nested = {m.__name__ for m in models}
    undescribed = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description and getattr(field.annotation, "__name__", "") not in nested
    ]
    assert len(models) > 10
    assert undescribed == []


RESULTS = Path(__file__).resolve().parents[2] / "results"
COMMITTED = sorted(RESULTS.glob("*/*/record.json"))


@pytest.mark.golden
def test_every_committed_record_has_a_configuration_whose_id_is_still_the_recorded_one():
    """Those written before a key existed, too: it has the value that it stood for."""
    assert len(COMMITTED) > 100
    for path in COMMITTED:
        record = RunRecord.from_json(path.read_text(encoding="utf-8"), path)
        run = record.run_config()
        assert config_id(run.scientific()) == record.config_id, path
        assert (run.row, run.seed, run.method.name) == (record.row, record.seed, record.method)


def test_a_configuration_with_folders_of_another_machine_is_read_with_those_given(make_record):
    local = ["task.source=local", "task.data_dir=data", "model.source=local", "model.path=weights"]
    record = make_record(config=run_config(["method=dylora", *local]).without_folders())
    assert "data_dir" not in record.config["task"]
    run = record.run_config(Path("store"), Path("elsewhere"))
    assert (run.runtime.results_dir, run.model.path) == ("store", "elsewhere")
    older = {key: value for key, value in record.config["method"].items() if key != "update"}
    assert make_record(config=record.config | {"method": older}).run_config() == record.run_config()


def test_a_config_that_is_no_runs_is_refused_with_its_run_and_its_first_fault(make_record):
    with pytest.raises(
        StoreError, match=r"run 0123456789ab: expected the configuration of a run in its record, found "
    ):
        make_record().run_config()
