import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltalora.errors import StoreError
from deltalora.results import Prediction, read_predictions, write_predictions

ROWS = [
    Prediction(id="test-1", source="name : Aromi", prediction="Aromi is a pub.", references=("One.", "Two.")),
    Prediction(id="test-0", source="name : Café\u2028Sicilia", prediction="", references=("Three\nlines\r\n.",)),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_predictions_read_are_those_written_in_their_order(tmp_path):
    path = tmp_path / "run" / "predictions.jsonl"
    digest = write_predictions(path, iter(ROWS))
    assert read_predictions(path, sha256=digest) == ROWS
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.property
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, max_size=3)), max_size=4))
def test_any_text_makes_the_round_trip(tmp_path, texts):
    rows = [
        Prediction(id=str(i), source=source, prediction=prediction, references=references)
        for i, (source, prediction, references) in enumerate(texts)
    ]
    path = tmp_path / "predictions.jsonl"
    write_predictions(path, rows)
    assert read_predictions(path) == rows


def test_an_id_twice_is_refused_and_nothing_is_written(tmp_path):
    path = tmp_path / "predictions.jsonl"
    with pytest.raises(StoreError, match=r"'test-1' twice"):
        write_predictions(path, [ROWS[0], ROWS[0]])
    assert not path.exists()


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match="found none; run the experiment again"):
        read_predictions(tmp_path / "predictions.jsonl")


def test_a_malformed_line_is_named(tmp_path):
    path = tmp_path / "predictions.jsonl"
    write_predictions(path, ROWS)
    path.write_text(path.read_text().replace('"prediction":""', '"prediction":null'))
    with pytest.raises(StoreError, match=r"predictions\.jsonl:2: prediction: "):
        read_predictions(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "predictions.jsonl"
    write_predictions(path, ROWS)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(StoreError, match=r"predictions\.jsonl:2: "):
        read_predictions(path)


def test_an_edited_file_is_refused_by_its_digest(tmp_path):
    path = tmp_path / "predictions.jsonl"
    digest = write_predictions(path, ROWS)
    path.write_text(path.read_text().replace("pub", "bar"))
    assert read_predictions(path)[0].prediction == "Aromi is a bar."
    with pytest.raises(StoreError, match="expected sha256"):
        read_predictions(path, sha256=digest)


def test_a_repeated_line_in_a_file_is_refused(tmp_path):
    path = tmp_path / "predictions.jsonl"
    write_predictions(path, ROWS[:1])
    path.write_text(path.read_text() * 2)
    with pytest.raises(StoreError, match=r":2: expected each id once"):
        read_predictions(path)
