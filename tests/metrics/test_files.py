"""The official scorer's file formats, and one clear line for each way in which they can be wrong."""

from pathlib import Path

import pytest

from deltalora.errors import DataError
from deltalora.metrics import score_e2e
from deltalora.metrics.files import read_lines, read_references


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(hyp: Path, ref: Path) -> str:
    with pytest.raises(DataError) as caught:
        score_e2e(hyp, ref)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_blocks_are_parted_by_a_blank_line_and_lines_are_stripped(tmp_path: Path) -> None:
    path = write(tmp_path, "refs", "a b \r\nc\r\n \r\nd\n\n\n")
    assert read_references(path) == [["a b", "c"], ["d"]]


def test_empty_hypothesis_lines_are_outputs(tmp_path: Path) -> None:
    assert read_lines(write(tmp_path, "hyps", "\na\n\n")) == ["", "a", ""]
    assert read_lines(write(tmp_path, "hyps", "a\nb")) == ["a", "b"]


def test_a_reference_file_without_blank_lines_holds_one_reference_each(tmp_path: Path) -> None:
    hyp = write(tmp_path, "hyps", "The Eagle is a pub.\nThe Waterman is an inn.\n")
    scores = score_e2e(hyp, write(tmp_path, "refs", "The Eagle is a pub.\nThe Waterman is an inn.\n"))
    assert scores["BLEU"].value == 1.0
    assert "|refs:1|" in scores["BLEU"].signature


def test_one_hypothesis_may_have_one_block_of_several_references(tmp_path: Path) -> None:
    hyp = write(tmp_path, "hyps", "The Eagle is a pub.\n")
    scores = score_e2e(hyp, write(tmp_path, "refs", "An inn.\nThe Eagle is a pub.\n"))
    assert "|refs:2|" in scores["METEOR"].signature
    assert scores["METEOR"].value == 1.0


def test_wrong_counts_are_refused_with_both_numbers(tmp_path: Path) -> None:
    hyp = write(tmp_path, "hyps", "a\nb\nc\n")
    message = refusal(hyp, write(tmp_path, "refs", "a\n\nb\n"))
    assert "found 3 lines and 2 reference blocks" in message
    assert str(hyp) in message
    assert "found 3 lines and 2 single references" in refusal(hyp, write(tmp_path, "refs", "a\nb\n"))


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    empty, full = write(tmp_path, "empty", content), write(tmp_path, "full", "a\n")
    assert f"{empty}, line 1: expected at least one line of text, found an empty file" in refusal(empty, full)
    assert f"{empty}, line 1: expected at least one line of text, found an empty file" in refusal(full, empty)


def test_bad_encoding_names_the_line(tmp_path: Path) -> None:
    bad = write(tmp_path, "bad", b"first\nsecond caf" + b"\xe9\nthird\n")
    assert f"{bad}, line 2: expected UTF-8, found the byte 0xe9 at byte 11" in refusal(
        bad, write(tmp_path, "refs", "a\n")
    )


@pytest.mark.parametrize(("content", "line"), [("a\n\n\nb\n", 3), ("\na\n\nb\n", 1)])
def test_an_empty_reference_block_names_its_line(tmp_path: Path, content: str, line: int) -> None:
    refs = write(tmp_path, "refs", content)
    assert f"{refs}, line {line}: expected a reference, found" in refusal(write(tmp_path, "hyps", "a\nb\n"), refs)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "none", write(tmp_path, "refs", "a\n"))
    assert f"cannot read {tmp_path / 'none'}: No such file" in message
