"""The 2017 corpus' own formats, read exactly; a broken file is one line that names the file and the entry."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from deltalora.errors import DataError
from deltalora.tasks.reading import Split
from deltalora.tasks.webnlg import CHALLENGE_2017, Entry, Source, checked_entry, linearise, read_split

Texts = list[tuple[str, str]]

#: Id, category, triples, (comment, text): as in the corpus, a text that is not good among them.
ENTRIES: list[Source] = [
    Source(
        "Id1",
        "Airport",
        [["Aarhus_Airport", "cityServed", '"Aarhus, Denmark"']],
        [("good", "Aarhus Airport & Aarhus.")],
    ),
    Source(
        "Id2",
        "Food",
        [["Ajoblanco", "mainIngredients", "<Bread>"], ["Ajoblanco", "was selected by", "Ürümqi"]],
        [("toFix", "Not like this."), ("good", "Bread, in Ürümqi."), ("good", "Ürümqi’s bread.")],
    ),
]


def xml(entries: Sequence[Source]) -> str:
    """As in the challenge's archive: the originals stand beside what was modified."""
    lines = ["<benchmark>", "  <entries>"]
    for id, category, triples, texts, _ in entries:
        lines += [
            f'    <entry category="{category}" eid="{id}" size="{len(triples)}">',
            "      <originaltripleset><otriple>never | read | this</otriple></originaltripleset>",
            "      <modifiedtripleset>",
            *(f"        <mtriple>{escape(' | '.join(triple))}</mtriple>" for triple in triples),
            "      </modifiedtripleset>",
            *(
                f'      <lex comment="{comment}" lid="Id{lid}">{escape(text)}</lex>'
                for lid, (comment, text) in enumerate(texts, start=1)
            ),
            "    </entry>",
        ]
    return "\n".join([*lines, "  </entries>", "</benchmark>", ""])


def lora_json(entries: Sequence[Source]) -> str:
    """As in the LoRA repository, without the keys that are not read."""
    items = [
        {
            str(number): {
                "category": category,
                "lexicalisations": [{"comment": comment, "lang": "", "lex": text} for comment, text in texts],
                "modifiedtripleset": [
                    dict(zip(("subject", "property", "object"), triple, strict=True)) for triple in triples
                ],
                "xml_id": id,
            }
        }
        for number, (id, category, triples, texts, _) in enumerate(entries, start=1)
    ]
    return json.dumps({"entries": items}, indent=4)


def jsonl(entries: Sequence[Source]) -> str:
    rows = (
        {
            "id": id,
            "category": category,
            "triples": triples,
            "refs": [t for _, t in texts],
            "comments": [c for c, _ in texts],
        }
        for id, category, triples, texts, _ in entries
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def content(entries: Sequence[Entry]) -> list[object]:
    """Everything but the id, which the formats write differently."""
    return [(entry.triples, entry.references, entry.not_good, entry.seen) for entry in entries]


def test_triples_are_linearised_as_in_the_lora_repository() -> None:
    triples = (("Aarhus_Airport", "cityServed", '"Aarhus, Denmark"'), ("Aarhus", "leaderName", "Jacob_Bundsgaard"))
    assert linearise(triples) == (
        'Aarhus_Airport : cityServed : "Aarhus, Denmark" | Aarhus : leaderName : Jacob_Bundsgaard'
    )


def test_only_good_texts_are_references_and_the_others_are_counted() -> None:
    entry = checked_entry("train", ENTRIES[1])
    assert entry.references == ("Bread, in Ürümqi.", "Ürümqi’s bread.")
    assert entry.not_good == 1
    bad = checked_entry("train", ENTRIES[1]._replace(texts=[("toFix", "Not this.")]))
    assert bad.references == ()


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_format_of_a_split_is_read_alike(tmp_path: Path, split: Split) -> None:
    short = {"train": "train", "validation": "dev"}[split]
    contents = {
        f"challenge_data_train_dev/{short}/1triples/1triple_allSolutions_Airport.xml": xml(ENTRIES[:1]),
        f"challenge_data_train_dev/{short}/2triples/2triples_Food.xml": xml(ENTRIES[1:]),
    }
    layouts: dict[str, dict[str, str]] = {
        "archive": contents,
        "bare": {name.removeprefix("challenge_data_train_dev/"): text for name, text in contents.items()},
        "lora": {f"{short}.json": lora_json(ENTRIES)},
        "lines": {f"{short}.jsonl": jsonl(ENTRIES)},
        "zipped": {f"{short}.jsonl.gz": jsonl(ENTRIES)},
    }
    wanted = content([checked_entry(split, entry) for entry in ENTRIES])
    names = {}
    for layout, files in layouts.items():
        for name, text in files.items():
            path = tmp_path / layout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        file = read_split(tmp_path / layout, split)
        assert content(file.rows) == wanted
        ((names[layout], sha256),) = file.files.items()
        assert len(sha256) == 64
    assert names == {
        "archive": f"challenge_data_train_dev/{short}/",
        "bare": f"{short}/",
        "lora": f"{short}.json",
        "lines": f"{short}.jsonl",
        "zipped": f"{short}.jsonl.gz",
    }


@pytest.mark.parametrize(
    "name", ["testdata_with_lex.xml", "test/testdata_with_lex.xml", "testdata_with_lex.xml.gz", "test.json"]
)
def test_the_test_split_is_one_file_under_its_known_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    text = (lora_json if name.endswith("json") else xml)(ENTRIES)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    file = read_split(tmp_path, "test")
    assert list(file.files) == [name]
    assert [entry.id for entry in file.rows] == ["Id1", "Id2"]


def test_a_changed_xml_file_changes_the_hash_of_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "dev" / "1triples" / "a.xml"
    path.parent.mkdir(parents=True)
    path.write_text(xml(ENTRIES))
    before = read_split(tmp_path, "validation").files
    assert read_split(tmp_path, "validation").files == before
    path.write_text(xml(ENTRIES) + "\n")
    assert read_split(tmp_path, "validation").files != before


def changed(number: int, **changes: object) -> str:
    """The jsonl with some keys of a line replaced, or (None) dropped."""
    rows = [json.loads(line) for line in jsonl(ENTRIES).splitlines()]
    rows[number] |= changes
    rows[number] = {key: value for key, value in rows[number].items() if value is not None}
    return "".join(json.dumps(row) + "\n" for row in rows)


XML, JSON, LINES = "testdata_with_lex.xml", "test.json", "test.jsonl"
HALF = xml(ENTRIES)[:700]
LAUGHS = '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>\n' + xml(ENTRIES)

BAD: dict[str, tuple[str, str, str]] = {
    "an empty xml": (XML, "", f"{XML}:1: expected a whole XML file, found: no element found"),
    "a cut xml": (XML, HALF, f"{XML}:{HALF.count(chr(10)) + 1}: expected a whole XML file, found: "),
    "an xml with entities": (XML, "<?xml version='1.0'?>\n" + LAUGHS, f"{XML}:2: expected no document type"),
    "an undefined entity": (
        XML,
        xml(ENTRIES).replace("&amp;", "&x;"),
        f"{XML}:8: expected a whole XML file, found: unde",
    ),
    "another xml": (XML, "<html/>", f"{XML}: expected at least one example, found none"),
    "an xml triple of two parts": (
        XML,
        xml(ENTRIES).replace("Ajoblanco | mainIngredients", "Ajoblanco"),
        f"{XML}: entry Id2: expected a triple `subject | property | object`, found 'Ajoblanco | <Bread>'",
    ),
    "an xml triple of four parts": (
        XML,
        xml(ENTRIES).replace("cityServed", "a | b"),
        f"{XML}: entry Id1: expected a triple",
    ),
    "an empty subject": (XML, xml(ENTRIES).replace("Aarhus_Airport |", " |"), f"{XML}: entry Id1: expected a triple"),
    "no triples": (
        XML,
        xml(ENTRIES).replace("modifiedtripleset", "modified"),
        f"{XML}: entry Id1: expected at least one triple, found none",
    ),
    "an empty reference": (
        XML,
        xml(ENTRIES).replace("Bread, in Ürümqi.", " "),
        f"{XML}: entry Id2: reference 2: expected a text, found an empty one",
    ),
    "the file without lexicalisations": (
        XML,
        xml([entry._replace(texts=[]) for entry in ENTRIES]),
        f"{XML}: entry Id1: expected at least one reference, found none; restore the entry, or give the 2017",
    ),
    "no good reference": (
        XML,
        xml(ENTRIES).replace('"good"', '"toFix"'),
        f'{XML}: entry Id1: expected at least one reference with comment "good", found none',
    ),
    "a category of another release": (
        XML,
        xml(ENTRIES).replace('"Food"', '"Company"'),
        f"{XML}: entry Id2: expected one of the 15 categories of the WebNLG 2017 test split, found 'Company'",
    ),
    "a cut json": (JSON, lora_json(ENTRIES)[:82], f"{JSON}:5: expected whole json, found: Unterminated string"),
    "a json list": (JSON, "[]", f"{JSON}: expected the key 'entries' with a list, found none"),
    "a json of nothing": (JSON, '{"entries": []}', f"{JSON}: expected at least one example, found none"),
    "a json entry under another number": (
        JSON,
        lora_json(ENTRIES).replace('"2":', '"3":'),
        f"{JSON}: entry 2: expected the key '2' with a dict, found none",
    ),
    "a json entry without texts": (
        JSON,
        lora_json(ENTRIES).replace("lexicalisations", "lexes"),
        f"{JSON}: entry 1: expected the key 'lexicalisations' with a list, found none",
    ),
    "a json triple without object": (
        JSON,
        lora_json(ENTRIES).replace('"object"', '"o"'),
        f"{JSON}: entry 1: expected the key 'object' with a str, found none",
    ),
    "an empty jsonl": (LINES, "", f"{LINES}: expected at least one example, found none"),
    "a cut jsonl": (LINES, jsonl(ENTRIES)[:-20], f"{LINES}:2: expected one JSON object per line, found "),
    "a jsonl line without category": (
        LINES,
        changed(1, category=None),
        f"{LINES}:2: expected the key 'category' with a str, found none",
    ),
    "a jsonl triple of two parts": (LINES, changed(1, triples=[["a", "b"]]), f"{LINES}:2: expected a triple"),
    "a jsonl triple that is text": (LINES, changed(0, triples=["abc"]), f"{LINES}:1: expected a triple"),
    "a jsonl triple with a number": (LINES, changed(0, triples=[["a", "b", 3]]), f"{LINES}:1: expected a triple"),
    "a jsonl reference of blanks": (LINES, changed(0, refs=[" "]), f"{LINES}:1: reference 1: expected a text"),
    "no reference": (LINES, changed(0, refs=[], comments=[]), f"{LINES}:1: expected at least one reference"),
    "a comment too many": (
        LINES,
        changed(0, comments=["good", "good"]),
        f"{LINES}:1: expected a comment for each of 1 refs, found 2",
    ),
    "a seen flag that the category denies": (
        LINES,
        changed(1, seen=False),
        f"{LINES}:2: expected seen=true for the category Food, found false",
    ),
}


@pytest.mark.parametrize(("name", "text", "expected"), BAD.values(), ids=BAD.keys())
def test_a_broken_file_is_one_line_that_names_its_place(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_split(tmp_path, "test")
    assert str(caught.value).startswith(str(tmp_path / expected))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("category", CHALLENGE_2017.unseen)
def test_an_unseen_category_is_a_test_category_only(category: str) -> None:
    entry = ENTRIES[0]._replace(category=category)
    assert category not in CHALLENGE_2017.seen
    assert not checked_entry("test", entry).seen
    with pytest.raises(ValueError, match=r"expected one of the 10 categories of the WebNLG 2017 train split"):
        checked_entry("train", entry)


def test_a_missing_folder_and_a_missing_split_say_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: expected a folder with the WebNLG 2017 train split.*task\.data_dir"):
        read_split(tmp_path / "nowhere", "train")
    with pytest.raises(
        DataError,
        match=r"expected the WebNLG 2017 validation split \(challenge_data_train_dev/dev/<n>triples/\*\.xml or "
        r"dev/<n>triples/\*\.xml\) as dev\.jsonl or dev\.json \(or \.gz\), found none of them",
    ):
        read_split(tmp_path, "validation")


@pytest.mark.real_data
@pytest.mark.parametrize("kept", [0.001, 0.5, 0.999])
def test_the_real_file_cut_short_is_a_damaged_file(shared_data: Path, tmp_path: Path, kept: float) -> None:
    whole = (shared_data / "webnlg" / "test.jsonl.gz").read_bytes()
    (tmp_path / "test.jsonl.gz").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DataError, match=r"test\.jsonl\.gz: expected a whole gzip file, found a damaged one") as caught:
        read_split(tmp_path, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.real_data
def test_the_real_entries_come_through_xml_and_the_lora_json_unchanged(shared_data: Path, tmp_path: Path) -> None:
    lines = gzip.decompress((shared_data / "webnlg" / "test.jsonl.gz").read_bytes()).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    source: list[Source] = [
        Source(row["id"], row["category"], row["triples"], list(zip(row["comments"], row["refs"], strict=True)))
        for row in rows
    ]
    wanted = read_split(shared_data / "webnlg", "test").rows
    for folder, name, text in (("xml", XML, xml(source)), ("json", JSON, lora_json(source))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text, encoding="utf-8")
        assert read_split(tmp_path / folder, "test").rows == wanted
