import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from deltalora.errors import StoreError
from deltalora.metrics import score_labels, score_summaries
from deltalora.results import RunRecord, SegmentsFile, read_segments, write_segments

IDS = ("test-0", "test-1", "test-2")


@dataclass
class Kept:
    statistics: np.ndarray
    places: tuple[int, ...] | None = None


def scores():
    return {
        "BLEU": Kept(np.array([[1.0, 2.0], [0.0, 130.0], [40_000.0, 5.0]])),
        "CIDEr": Kept(np.array([[0.1], [1 / 3], [2.0]])),
        "BLEU-S": Kept(np.array([[1.0, 2.0], [40_000.0, 5.0]]), (0, 2)),
    }


def test_segments_read_are_those_written_to_the_last_bit_with_their_ids_and_places(tmp_path):
    entry = write_segments(tmp_path / "run", scores(), IDS)
    found = read_segments(tmp_path / "run", entry)
    assert found.ids == IDS
    assert found.statistics.keys() == scores().keys()
    for name, one in scores().items():
        assert found.statistics[name].dtype == np.float64
        assert np.array_equal(found.statistics[name], one.statistics)
    assert found.places == {"BLEU-S": (0, 2)}
    assert found.ids_of("BLEU") == IDS
    assert found.ids_of("BLEU-S") == ("test-0", "test-2")


@pytest.mark.property
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=arrays.arrays(np.float64, (3, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_any_finite_numbers_make_the_round_trip(tmp_path, rows):
    entry = write_segments(tmp_path, {"X": Kept(rows)}, IDS)
    assert np.array_equal(read_segments(tmp_path, entry).statistics["X"], rows)


@pytest.mark.invariant
def test_equal_content_is_equal_bytes_in_another_process_at_another_time_and_in_any_order_of_the_scores(tmp_path):
    code = (
        "import sys, numpy as np, types, pathlib\n"
        "from deltalora.results import write_segments\n"
        "k = lambda rows, places=None: types.SimpleNamespace(statistics=np.array(rows), places=places)\n"
        "s = {'CIDEr': k([[0.1], [1/3], [2.0]]), 'BLEU': k([[1.0, 2.0], [0.0, 130.0], [40000.0, 5.0]]),\n"
        "     'BLEU-S': k([[1.0, 2.0], [40000.0, 5.0]], (0, 2))}\n"
        "print(write_segments(pathlib.Path(sys.argv[1]), s, ['test-0', 'test-1', 'test-2']).sha256)"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "other")],
        capture_output=True, text=True, check=True, env=dict(os.environ) | {"TZ": "Asia/Tokyo"},
    )  # fmt: skip
    entry = write_segments(tmp_path / "run", scores(), IDS)
    assert other.stdout.strip() == entry.sha256
    assert hashlib.sha256((tmp_path / "run" / entry.file).read_bytes()).hexdigest() == entry.sha256


def test_numpy_alone_opens_the_file(tmp_path):
    entry = write_segments(tmp_path, scores(), IDS)
    with np.load(tmp_path / entry.file, allow_pickle=False) as archive:
        assert archive["ids"].tolist() == list(IDS)
        assert archive["statistics/BLEU"].dtype == np.int32
        assert archive["statistics/CIDEr"][1, 0] == 1 / 3


def test_a_real_score_of_a_part_says_where_its_rows_stand(tmp_path):
    found = score_labels("mnli", [0, 1, 2], [0, 1, 1], IDS, ["mismatched", "matched", "mismatched"])
    read = read_segments(tmp_path, write_segments(tmp_path, found, IDS))
    assert read.ids_of("Accuracy-mismatched") == ("test-0", "test-2")
    assert read.ids_of("Accuracy-matched") == ("test-1",)
    assert read.ids_of("Accuracy") == IDS
    whole = score_summaries(["a b", "c"], [["a"], ["c"]], ["x", "y"])
    assert all(score.places is None for score in whole.values())


def test_a_changed_file_is_refused(tmp_path):
    entry = write_segments(tmp_path, scores(), IDS)
    path = tmp_path / entry.file
    path.write_bytes(path.read_bytes().replace(b"test", b"tost") + b"x")
    with pytest.raises(StoreError, match=rf"expected sha256 {entry.sha256[:12]}… as recorded"):
        read_segments(tmp_path, entry)


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"cannot read .*segments\.npz: .*; restore the file or run again"):
        read_segments(tmp_path, SegmentsFile(file="segments.npz", sha256="0" * 64))


def test_what_is_no_archive_or_would_need_pickle_is_refused(tmp_path):
    path = tmp_path / "segments.npz"
    for write in (
        lambda: path.write_bytes(b"not a zip"),
        lambda: np.savez(path, other=np.zeros(1)),
        lambda: np.savez(path, ids=np.array([{}], dtype=object), allow_pickle=True),
    ):
        write()
        entry = SegmentsFile(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        with pytest.raises(StoreError, match="expected an archive of segment statistics"):
            read_segments(tmp_path, entry)


@pytest.mark.parametrize(
    ("found", "ids", "fault"),
    [
        ({}, ("a", "a"), "expected every example id once, found 'a' again"),
        ({"X": Kept(np.zeros((2, 1)))}, IDS, "expected statistics of X of shape (3, k), found (2, 1)"),
        ({"X": Kept(np.zeros(3))}, IDS, "expected statistics of X of shape (3, k), found (3,)"),
        ({"X": Kept(np.zeros((3, 1)), (0, 1))}, IDS, "expected statistics of X of shape (2, k), found (3, 1)"),
        ({"X": Kept(np.zeros((2, 1)), (0, 3))}, IDS, "expected places of X below 3, found others"),
        ({"X": Kept(np.full((3, 1), np.nan))}, IDS, "expected finite statistics of X"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_nothing_is_written(tmp_path, found, ids, fault):
    with pytest.raises(StoreError, match=re.escape(fault)):
        write_segments(tmp_path, found, ids)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write .*segments\.npz: "):
        write_segments(tmp_path / "run", scores(), IDS)


def test_a_record_keeps_the_entry_and_older_records_have_none(tmp_path, make_record):
    entry = write_segments(tmp_path, scores(), IDS)
    record = make_record(segments=entry)
    assert RunRecord.from_json(record.to_json(), tmp_path) == record
    assert make_record().segments is None
