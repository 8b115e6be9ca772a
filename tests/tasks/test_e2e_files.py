"""The official formats, read exactly; a broken file is one line that names the file and the line."""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltalora.errors import DataError
from deltalora.tasks.e2e import linearise, parse_meaning_representation, read_split

HEADER = b"mr,ref\n"
ROW = b'"name[Aromi], area[riverside]",Aromi is by the river.\n'

NAME = st.text(st.characters(categories=["L"]) | st.just(" "), min_size=1).map(str.strip).filter(bool)
VALUE = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="]") | st.just(" ")).map(str.strip)
SLOTS = st.lists(st.tuples(NAME, VALUE), min_size=1, max_size=8)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("text", "context"),
    [
        (
            "name[The Vaults], eatType[pub], priceRange[more than £30], customer rating[low], near[Café Adriatic]",
            "name : The Vaults | Type : pub | price : more than £30 | customer rating : low | near : Café Adriatic",
        ),
        (
            "name[Alimentum], area[city centre], familyFriendly[no]",
            "name : Alimentum | area : city centre | family friendly : no",
        ),
        ("name[A, B and C],food[Fast food]", "name : A, B and C | food : Fast food"),
        (" name [ X ] , area[] ", "name : X | area : "),
    ],
)
def test_slots_are_linearised_as_in_the_lora_repository(text: str, context: str) -> None:
    assert linearise(parse_meaning_representation(text)) == context


@pytest.mark.property
@given(slots=SLOTS)
def test_what_was_written_as_a_meaning_representation_is_read_back(slots: Sequence[tuple[str, str]]) -> None:
    written = ", ".join(f"{name}[{value}]" for name, value in slots)
    assert parse_meaning_representation(written) == tuple(slots)


@pytest.mark.parametrize("text", ["", "  ", "name", "name[X", "name[X] area[Y]", "[X]", "name[X], area", "name]X["])
def test_no_meaning_representation_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected slot\[value\]"):
        parse_meaning_representation(text)


def test_plain_and_gzipped_files_and_all_their_names_are_read_alike(tmp_path: Path) -> None:
    raw = HEADER + ROW + 'name[X],"Say ""hello"", or £20."\r\n'.encode()
    for folder, name, data in (
        ("official", "devset.csv", raw),
        ("short", "dev.csv", raw),
        ("zipped", "dev.csv.gz", gzip.compress(raw)),
        ("marked", "dev.csv", b"\xef\xbb\xbf" + raw),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(data)
        file = read_split(tmp_path / folder, "validation", "raw")
        assert list(file.files) == [name]
        assert [(row.context, row.text) for row in file.rows] == [
            ("name : Aromi | area : riverside", "Aromi is by the river."),
            ("name : X", 'Say "hello", or £20.'),
        ]


@pytest.mark.real_data
def test_the_official_gzip_and_its_plain_copy_hold_the_same_rows(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.csv").write_bytes(gzip.decompress((shared_data / "e2e" / "dev.csv.gz").read_bytes()))
    zipped, plain = (read_split(folder, "validation", "raw") for folder in (shared_data / "e2e", tmp_path))
    assert plain.rows == zipped.rows
    assert set(plain.files.values()).isdisjoint(zipped.files.values())


def test_the_txt_of_the_lora_repository_is_taken_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "valid.txt").write_text("name : X | area : riverside||X is by the river . \nname : Y||Y || Z .\n")
    file = read_split(tmp_path, "validation", "tokenized")
    assert [(row.context, row.text) for row in file.rows] == [
        ("name : X | area : riverside", "X is by the river ."),
        ("name : Y", "Y || Z ."),
    ]


Bad = tuple[str, bytes, str]

BAD: dict[str, Bad] = {
    "an empty csv": ("train.csv", b"", "train.csv:1: expected a header with mr,ref, found ''"),
    "a header and no row": ("train.csv", HEADER, "train.csv: expected at least one example, found none"),
    "an empty txt": ("train.txt", b"", "train.txt: expected at least one example, found none"),
    "another header": ("train.csv", b"MR,ref\n" + ROW, "train.csv:1: expected a header with mr,ref, found 'MR,ref'"),
    "no header": ("train.csv", ROW, "train.csv:1: expected a header with mr,ref"),
    "three fields": (
        "train.csv",
        HEADER + ROW + b"name[X],a,b\n",
        "train.csv:3: expected 2 fields, found 3",
    ),
    "a blank line": ("train.csv", HEADER + b"\n" + ROW, "train.csv:2: expected 2 fields, found 0"),
    "an open quote at the end": (
        "train.csv",
        HEADER + ROW + b'name[X],"cut off he',
        "train.csv:3: expected a whole csv row, found: unexpected end of data",
    ),
    "a bad meaning representation": (
        "train.csv",
        HEADER + ROW + ROW + b"name[X,text\n",
        "train.csv:4: meaning representation: expected slot[value] at character 1, found 'name[X'",
    ),
    "no text": ("train.csv", HEADER + b"name[X],\n", "train.csv:2: expected a reference text, found an empty one"),
    "a text of blanks": ("train.csv", HEADER + b"name[X],  \n", "train.csv:2: expected a reference text"),
    "no UTF-8": (
        "train.csv",
        HEADER + ROW + "name[Café],x\n".encode("latin-1"),
        "train.csv:3: expected UTF-8 text, found byte 0xe9",
    ),
    "no gzip": ("train.csv.gz", HEADER + ROW, "train.csv.gz: expected a whole gzip file"),
    "a cut gzip": ("train.csv.gz", gzip.compress(HEADER + ROW * 99)[:-9], "train.csv.gz: expected a whole gzip file"),
    "a txt line without separator": ("train.txt", b"name : X||ok\nname : Y\n", "train.txt:2: expected `slots||text`"),
    "a txt line without text": ("train.txt", b"name : X|| \n", "train.txt:1: expected `slots||text`"),
}


@pytest.mark.parametrize(("name", "data", "expected"), BAD.values(), ids=BAD.keys())
def test_a_broken_file_is_one_line_that_names_file_and_line(
    tmp_path: Path, name: str, data: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_split(tmp_path, "train", "tokenized" if ".txt" in name else "raw")
    assert str(caught.value).startswith(str(tmp_path / expected))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", [10, 300, -6], ids=["first block", "middle", "checksum"])
def test_a_gzip_with_a_wrong_byte_is_a_damaged_file(tmp_path: Path, place: int) -> None:
    rows = "".join(f'"name[X{number}], area[riverside]",Text number {number * 7919}.\n' for number in range(500))
    data = bytearray(gzip.compress(HEADER + rows.encode()))
    data[place] ^= 0xFF
    (tmp_path / "train.csv.gz").write_bytes(data)
    with pytest.raises(DataError, match=r"train\.csv\.gz: expected a whole gzip file, found a damaged one"):
        read_split(tmp_path, "train", "raw")


@pytest.mark.real_data
@pytest.mark.parametrize("kept", [0.001, 0.5, 0.999])
def test_the_real_file_cut_short_is_a_damaged_file(shared_data: Path, tmp_path: Path, kept: float) -> None:
    whole = (shared_data / "e2e" / "test.csv.gz").read_bytes()
    (tmp_path / "test.csv.gz").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DataError, match=r"test\.csv\.gz: expected a whole gzip file, found a damaged one") as caught:
        read_split(tmp_path, "test", "raw")
    assert "\n" not in str(caught.value)


@pytest.mark.real_data
def test_the_real_csv_cut_inside_a_quoted_field_is_refused_at_its_last_line(shared_data: Path, tmp_path: Path) -> None:
    whole = gzip.decompress((shared_data / "e2e" / "test.csv.gz").read_bytes())
    rows = csv.reader(io.StringIO(whole[:5000].decode()))
    last = whole[:5000].rindex(b'"name[') + 10
    (tmp_path / "test.csv").write_bytes(whole[:last])
    with pytest.raises(DataError, match=rf"test\.csv:{len(list(rows))}: expected a whole csv row"):
        read_split(tmp_path, "test", "raw")


def test_a_missing_folder_and_a_missing_split_say_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: expected a folder with the E2E train split.*task\.data_dir"):
        read_split(tmp_path / "nowhere", "train", "raw")
    with pytest.raises(
        DataError, match=r"expected the E2E test split as testset_w_refs\.csv or test\.csv or test\.txt"
    ):
        read_split(tmp_path, "test", "raw")
