"""XSum files that are wrong: one line that names the file, the line and what was expected."""

import gzip
import json
from pathlib import Path

import pytest

from deltalora.errors import DataError
from deltalora.tasks.xsum import read_split


def line(**changes: object) -> bytes:
    row: dict[str, object] = {"document": "An article.\nIts end.", "summary": "A summary.", "id": "123"}
    return json.dumps({key: value for key, value in (row | changes).items() if value is not None}).encode() + b"\n"


GOOD = line()
HEADER = b"document,summary,id\n"

BAD: dict[str, tuple[str, bytes, str]] = {
    "an empty file": ("train.jsonl", b"", "train.jsonl: expected at least one example, found none"),
    "a header and no row": ("train.csv", HEADER, "train.csv: expected at least one example, found none"),
    "a cut line": ("train.jsonl", GOOD + GOOD[:30], "train.jsonl:2: expected one JSON object per line, found '{"),
    "a blank line": ("train.jsonl", GOOD + b"\n" + GOOD, "train.jsonl:2: expected one JSON object per line, found ''"),
    "a list": ("train.json", b"[" + GOOD.strip() + b"]", "train.json:1: expected one JSON object per line, found '[{"),
    "no summary": (
        "train.jsonl",
        GOOD + line(summary=None),
        "train.jsonl:2: expected the field summary, found doc",
    ),
    "an empty summary": (
        "train.jsonl",
        GOOD + line(summary=" \n"),
        "train.jsonl:2: expected text in the field summary, found an empty one; restore the line",
    ),
    "a summary that is a list": (
        "train.jsonl",
        line(summary=["a"]),
        "train.jsonl:1: expected text in the field summary, found ['a']",
    ),
    "no id": ("train.jsonl", line(id=None), "train.jsonl:1: expected the field id, found document, summary"),
    "no document": ("train.jsonl", line(document=None), "train.jsonl:1: expected the field document"),
    "another header": (
        "train.csv",
        b"article,summary,id\nx,y,1\n",
        "train.csv:1: expected a header with document,summary,id, found 'article,summary,id'",
    ),
    "four fields": ("train.csv", HEADER + b"a,b,1,2\n", "train.csv:2: expected 3 fields, found 4; restore the line"),
    "an open quote at the end": (
        "train.csv",
        HEADER + b'a,b,1\n"cut off he',
        "train.csv:3: expected a whole csv row, found: unexpected end of data",
    ),
    "no UTF-8": ("train.jsonl", GOOD + b"\xe9\n", "train.jsonl:2: expected UTF-8 text, found byte 0xe9"),
    "no gzip": ("train.jsonl.gz", GOOD, "train.jsonl.gz: expected a whole gzip file"),
    "a cut gzip": ("train.jsonl.gz", gzip.compress(GOOD * 99)[:-9], "train.jsonl.gz: expected a whole gzip file"),
}


@pytest.mark.parametrize(("name", "data", "expected"), BAD.values(), ids=BAD.keys())
def test_a_broken_file_is_one_line_that_names_file_and_line(
    tmp_path: Path, name: str, data: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_split(tmp_path, "train")
    assert str(caught.value).startswith(str(tmp_path / expected))
    assert "\n" not in str(caught.value)


def test_an_article_may_be_empty_and_an_id_a_number(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(line(document="", id=77))
    (row,) = read_split(tmp_path, "train").rows
    assert (row.id, row.context, row.completion) == ("77", "", "A summary.")


def test_an_article_may_be_longer_than_the_csv_modules_limit(tmp_path: Path) -> None:
    article = "word " * 60_000
    (tmp_path / "train.csv").write_text(f"id,document,summary\n1,{article},A summary.\n")
    assert read_split(tmp_path, "train").rows[0].context == article


def test_a_missing_folder_and_a_missing_split_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: expected a folder with XSum's train split.*set task\.data_dir"):
        read_split(tmp_path / "nowhere", "train")
    (tmp_path / "test_sample.jsonl").write_bytes(GOOD)
    assert len(read_split(tmp_path, "test").rows) == 1
    with pytest.raises(DataError, match=r"expected XSum's train split.*for a trial, copy some lines.*to train"):
        read_split(tmp_path, "train")


@pytest.mark.real_data
def test_the_real_sample_has_its_known_size_and_bytes(shared_data: Path) -> None:
    file = read_split(shared_data / "xsum", "test")
    sha256 = "baf2acb97d054f8de1339fbafa9b17d77410315ff05d257a18d081aca0262f79"
    assert (file.files, len(file.rows)) == ({"test_sample.jsonl.gz": sha256}, 1_463)
    assert all(row.context.strip() for row in file.rows)


@pytest.mark.real_data
def test_the_real_sample_cut_short_is_a_damaged_file(shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / "xsum" / "test_sample.jsonl.gz").read_bytes()
    (tmp_path / "test_sample.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"test_sample\.jsonl\.gz: expected a whole gzip file, found a damaged one"):
        read_split(tmp_path, "test")
