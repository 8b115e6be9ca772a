"""The WebNLG 2017 corpus' own files: what is in them, checked entry by entry.

Three formats are read, single files also gzipped:

* the challenge's XML: `{train,dev}/<n>triples/*.xml`, `testdata_with_lex.xml`, as the organisers' archive
  (challenge_data_train_dev) or fuzihaofzh/webnlg-dataset (webnlg_challenge_2017) lay them out;
* the json of microsoft/LoRA@c4593f0 (examples/NLG/data/webnlg_challenge_2017): `{"entries": [{"1": {...}}, ...]}`;
* jsonl, an entry a line: `{id, category, triples, refs, comments}`, and `seen` where it is known.

Where they were compared (all of the XML, the json's dev set) they hold the same entries in the same order, which for
the test split is that of the organisers' reference files.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

from deltalora.errors import DataError
from deltalora.results import sha256_of_file
from deltalora.tasks.examples import rows_sha256
from deltalora.tasks.json_lines import read_json_lines
from deltalora.tasks.reading import Split, find_file, read_text
from deltalora.tasks.webnlg_entry import Entry, checked_entry

#: Names under which a split is looked for as one file, in this order.
FILE_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train.jsonl", "train.json"),
    "validation": ("dev.jsonl", "dev.json"),
    "test": ("test.jsonl", "test.json", "testdata_with_lex.xml", "test/testdata_with_lex.xml"),
}

#: Folders in which a split is looked for as XML files, `<n>triples/*.xml` each, where it is not one file.
XML_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("challenge_data_train_dev/train", "train"),
    "validation": ("challenge_data_train_dev/dev", "dev"),
    "test": (),
}

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class WebNLGFile:
    """One split as read.

    Attributes:
        name: File name inside the folder, or the folder of its XML files.
        sha256: Of the file's bytes; of a folder, of the (name, SHA-256) of its files.
        entries: In file order.
    """

    name: str
    sha256: str
    entries: tuple[Entry, ...]


def read_split(folder: Path, split: Split) -> WebNLGFile:
    """Finds and reads one split in a folder.

    Raises:
        DataError: No such folder or file, not UTF-8, truncated, a malformed entry, no entry at all.
    """
    for name in XML_FOLDERS[split]:
        paths = sorted((folder / name).glob("*triples/*.xml"))
        if paths:
            entries = tuple(entry for path in paths for entry in _read(path, split))
            hashes = ((path.relative_to(folder).as_posix(), sha256_of_file(path)) for path in paths)
            return WebNLGFile(f"{name}/", rows_sha256(hashes), entries)
    or_xml = " or ".join(f"{name}/<n>triples/*.xml" for name in XML_FOLDERS[split])
    what = f"the WebNLG 2017 {split} split{f' ({or_xml})' if or_xml else ''}"
    path = find_file(folder, FILE_NAMES[split], what)
    return WebNLGFile(path.relative_to(folder).as_posix(), sha256_of_file(path), _read(path, split))


def _read(path: Path, split: Split) -> tuple[Entry, ...]:
    if ".jsonl" in path.suffixes:
        entries = tuple(_read_jsonl(path, split))
    else:
        entries = tuple((_read_xml if ".xml" in path.suffixes else _read_json)(path, read_text(path), split))
    if not entries:
        raise DataError(f"{path}: expected at least one entry, found none; copy the file again")
    return entries


def _read_xml(path: Path, text: str, split: Split) -> Iterator[Entry]:
    before, doctype, _ = text.partition("<!DOCTYPE")
    if doctype:  # the only place for entities, whose expansion can fill the memory; the corpus has none
        line = before.count("\n") + 1
        raise DataError(f"{path}:{line}: expected no document type, found <!DOCTYPE; give the corpus' own file")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        reason = str(error).partition(":")[0]
        raise DataError(
            f"{path}:{error.position[0]}: expected a whole XML file, found: {reason}; copy the file again"
        ) from error
    for number, entry in enumerate(root.iterfind("entries/entry"), start=1):
        id = entry.get("eid", str(number))
        triples = [(triple.text or "").split("|") for triple in entry.iterfind("modifiedtripleset/mtriple")]
        texts = [(lex.get("comment"), lex.text) for lex in entry.iterfind("lex")]
        yield checked_entry(f"{path}: entry {id}", split, id, entry.get("category", ""), triples, texts)


def _read_json(path: Path, text: str, split: Split) -> Iterator[Entry]:
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno}: expected whole json, found: {error.msg} at column {error.colno}; "
            "copy the file again"
        ) from error
    for number, wrapped in enumerate(_field(parsed, "entries", list, str(path)), start=1):
        where = f"{path}: entry {number}"
        item = _field(wrapped, str(number), dict, where)
        id, category = (_field(item, key, str, where) for key in ("xml_id", "category"))
        triples = [
            [_field(triple, part, str, where) for part in ("subject", "property", "object")]
            for triple in _field(item, "modifiedtripleset", list, where)
        ]
        texts = [
            (_field(text, "comment", str, where), _field(text, "lex", str, where))
            for text in _field(item, "lexicalisations", list, where)
        ]
        yield checked_entry(where, split, id, category, triples, texts)


def _read_jsonl(path: Path, split: Split) -> Iterator[Entry]:
    for where, item in read_json_lines(path):
        id, category = (_field(item, key, str, where) for key in ("id", "category"))
        triples, references, comments = (_field(item, key, list, where) for key in ("triples", "refs", "comments"))
        if len(comments) != len(references):
            raise DataError(
                f"{where}: expected a comment for each of {len(references)} refs, found {len(comments)}; "
                "restore the line"
            )
        parts = [triple if isinstance(triple, list) else [triple] for triple in triples]
        entry = checked_entry(where, split, id, category, parts, list(zip(comments, references, strict=True)))
        if item.get("seen", entry.seen) is not entry.seen:
            raise DataError(
                f"{where}: expected seen={json.dumps(entry.seen)} for the category {category}, "
                f"found {json.dumps(item['seen'])}; restore the line"
            )
        yield entry


def _field(item: object, key: str, kind: type[Kind], where: str) -> Kind:
    value = item.get(key) if isinstance(item, Mapping) else None
    if not isinstance(value, kind):
        found = "none" if value is None else repr(value)[:60]
        raise DataError(f"{where}: expected the key {key!r} with a {kind.__name__}, found {found}; restore the entry")
    return value
