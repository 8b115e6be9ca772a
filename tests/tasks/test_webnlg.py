"""The WebNLG task from its three sources, with every reference or with six."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deltalora.config.task import WebNLGConfig
from deltalora.errors import DataError
from deltalora.tasks.examples import TextData
from deltalora.tasks.webnlg import CHALLENGE_2017, WebNLGTask, linearise
from embedded_world import webnlg_splits

Row = tuple[str, str, list[str], list[tuple[str, str]]]

#: Split -> rows of id, category, triples, (comment, text): the shapes that the corpus has.
SPLITS: dict[str, list[Row]] = {
    "train": [
        (
            "Id1",
            "Airport",
            ["Aarhus_Airport | cityServed | Aarhus"],
            [("good", "One."), ("toFix", "two"), ("good", "3.")],
        ),
        ("Id1", "City", ["A | b | C", "C | d | E"], [("toFix", "None is good.")]),
        ("Id2", "City", ["A | b | C"], [("good", "A b  C.\n")]),
    ],
    "dev": [("Id1", "Food", ["Bread | is | Good"], [("good", "Bread is good."), ("toFix", "bread")])],
    "test": [
        ("Id1", "Food", ["Bread | is | Bread"], [("good", f"Text {number}.") for number in range(8)]),
        ("Id2", "Artist", ["Ann | plays | Chess", "Ann | age | 7"], [("good", "Ann plays."), ("toFix", "Ann")]),
    ],
}


def task(**changes: Any) -> WebNLGConfig:
    values: dict[str, Any] = {
        "name": "webnlg",
        "source": "embedded",
        "data_dir": None,
        "hub": {"path": "owner/web_nlg", "revision": "main"},
        "references": "all",
        "max_length": 256,
        "limits": {"train": None, "validation": None, "test": None},
    }
    return WebNLGConfig(**(values | changes))


def load_webnlg(config: WebNLGConfig) -> TextData:
    return WebNLGTask(config, max_new_tokens=64).load()


def write_xml(path: Path, rows: Sequence[Row]) -> None:
    entries = "".join(
        f'<entry category="{category}" eid="{id}" size="{len(triples)}"><modifiedtripleset>'
        + "".join(f"<mtriple>{triple}</mtriple>" for triple in triples)
        + "</modifiedtripleset>"
        + "".join(f'<lex comment="{comment}" lid="Id1">{text}</lex>' for comment, text in texts)
        + "</entry>\n"
        for id, category, triples, texts in rows
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<benchmark><entries>{entries}</entries></benchmark>", encoding="utf-8")


@pytest.fixture
def xml_folder(tmp_path: Path) -> Path:
    for split in ("train", "dev"):
        write_xml(tmp_path / "xml" / split / "1triples" / "all.xml", SPLITS[split])
    write_xml(tmp_path / "xml" / "testdata_with_lex.xml", SPLITS["test"])
    return tmp_path / "xml"


def local(folder: Path, **changes: Any) -> TextData:
    return load_webnlg(task(source="local", data_dir=str(folder), **changes))


@pytest.fixture(scope="module")
def official(shared_data: Path) -> TextData:
    return local(shared_data / "webnlg")


@pytest.mark.real_data
def test_the_official_files_have_their_known_sizes(official: TextData) -> None:
    assert official.counts == {
        "train": 18_025,
        "validation": 2_258,
        "test": 4_928,
        "test_inputs": 1_862,
        "test_seen": 971,
        "test_unseen": 891,
        "train_entries": 6_940,
        "validation_entries": 872,
        "train_texts_not_good": 77,
        "validation_texts_not_good": 10,
        "test_texts_not_good": 0,
    }
    assert (len(official.train), len(official.validation), len(official.test)) == (18_025, 2_258, 1_862)
    assert {len(prompt.references) for prompt in official.test} == set(range(1, 9))
    assert official.files == {
        "train.jsonl.gz": "365180a29ec6200f63401f44779dfad58c30c83a7eea59e8e1165c58f81dfcf5",
        "dev.jsonl.gz": "2f78f8297b69fe6e77be72df8c63c003262afdde7548ba1c8254eaa00717cd62",
        "test.jsonl.gz": "7851f6e42effa02b295fff5919b51427672bfbf812b3875d3919adef4c97d502",
    }


@pytest.mark.real_data
def test_official_inputs_and_texts_read_as_in_the_lora_repository(official: TextData) -> None:
    first = official.validation[0]
    assert first.context == "Aarhus : leaderName : Jacob_Bundsgaard"
    assert first.completion == "The leader of Aarhus is Jacob Bundsgaard."
    last = official.test[-1].context.split(" | ")
    assert (len(last), last[0]) == (5, "Uruguay : leaderName : Raúl_Fernando_Sendic_Rodríguez")
    assert len({prompt.context for prompt in official.test}) == 1_862  # so merging equal inputs would change nothing


@pytest.mark.real_data
def test_official_prompts_are_the_lines_of_the_organisers_reference_files(
    official: TextData, shared_data: Path
) -> None:
    fixture = shared_data / "fixtures" / "webnlg2017"
    with (fixture / "index.tsv").open(encoding="utf-8", newline="") as file:
        index = list(csv.DictReader(file, delimiter="\t"))
    assert [prompt.id for prompt in official.test] == [f"test/{row['id']}" for row in index]
    assert [prompt.group for prompt in official.test] == [("unseen", "seen")[int(row["seen"])] for row in index]
    assert [row["category"] in CHALLENGE_2017.seen for row in index] == [row["seen"] == "1" for row in index]
    for number in range(3):  # the organisers' files are lower-cased, tokenised, ASCII; an absent reference is empty
        lines = (fixture / f"ref{number}.txt").read_text(encoding="utf-8").split("\n")
        for prompt, line in zip(official.test, lines, strict=False):
            assert bool(line) == (len(prompt.references) > number)
            if line and prompt.references[number].isascii():
                assert line.replace(" ", "") == "".join(prompt.references[number].lower().split())


@pytest.mark.real_data
def test_six_references_drop_three_texts_of_two_official_inputs(official: TextData, shared_data: Path) -> None:
    six = local(shared_data / "webnlg", references="six")
    assert six.counts == dict(official.counts) | {"test": 4_925}
    changed = [(one, other) for one, other in zip(official.test, six.test, strict=True) if one != other]
    assert sorted(len(one.references) for one, _ in changed) == [7, 8]
    assert all(other.references == one.references[:6] for one, other in changed)


def test_pairs_are_good_texts_and_prompts_are_entries_with_all_of_theirs(xml_folder: Path) -> None:
    data = local(xml_folder)
    assert [(pair.id, pair.context, pair.completion) for pair in data.train] == [
        ("train/00000", "Aarhus_Airport : cityServed : Aarhus", "One."),
        ("train/00001", "Aarhus_Airport : cityServed : Aarhus", "3."),
        ("train/00002", "A : b : C", "A b C."),
    ]
    assert [(pair.id, pair.completion) for pair in data.validation] == [("validation/00000", "Bread is good.")]
    assert [(prompt.id, prompt.context, prompt.group, len(prompt.references)) for prompt in data.test] == [
        ("test/Id1", "Bread : is : Bread", "seen", 8),
        ("test/Id2", "Ann : plays : Chess | Ann : age : 7", "unseen", 1),
    ]
    assert data.counts["train_texts_not_good"] == 2
    assert data.counts["test_texts_not_good"] == 1


def test_six_references_are_the_first_six_and_none_twice(xml_folder: Path) -> None:
    prompts = local(xml_folder, references="six").test
    assert prompts[0].references == tuple(f"Text {number}." for number in range(6))
    assert prompts[1].references == ("Ann plays.",)


def test_limits_keep_the_start_of_each_split_and_leave_the_counts(xml_folder: Path) -> None:
    whole = local(xml_folder)
    cut = local(xml_folder, limits={"train": 2, "validation": 1, "test": 1})
    assert (cut.train, cut.validation, cut.test) == (whole.train[:2], whole.validation[:1], whole.test[:1])
    assert cut.counts == whole.counts


def test_an_id_that_stands_twice_in_the_test_split_is_refused(xml_folder: Path) -> None:
    write_xml(xml_folder / "testdata_with_lex.xml", [*SPLITS["test"], SPLITS["test"][0]])
    with pytest.raises(DataError, match=r"the WebNLG test split: expected each id once, found 'Id1' twice") as caught:
        local(xml_folder)
    assert "\n" not in str(caught.value)


def test_the_embedded_task_is_the_grammars_and_the_same_every_time() -> None:
    data = load_webnlg(task())
    assert data == load_webnlg(task())
    splits = webnlg_splits()
    for name, pairs in (("train", data.train), ("validation", data.validation)):
        assert len(pairs) == data.counts[name] == sum(len(entry.references) for entry in splits[name])
    assert len(data.test) == len(splits["test"])
    for prompt, entry in zip(data.test, splits["test"], strict=True):
        assert prompt.context == linearise(entry.triples)
        assert prompt.references == entry.references
        assert prompt.group == ("seen" if entry.seen else "unseen")
    assert min(data.counts["test_seen"], data.counts["test_unseen"]) > 20
    assert len({prompt.id for prompt in data.test}) == len(data.test)
    assert data.files.keys() == splits.keys()


def test_no_input_of_the_embedded_test_split_is_trained_on() -> None:
    data = load_webnlg(task())
    assert {prompt.context for prompt in data.test}.isdisjoint(pair.context for pair in data.train)


MakeHub = Callable[..., Path]


@pytest.fixture
def make_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeHub:
    """The 2017 challenge as `web_nlg` has it: its test split repeats the test data in two further files."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))

    def make(column: str = "modified_triple_sets") -> Path:
        for split, rows in SPLITS.items():
            records = [
                {
                    "category": category,
                    "size": len(triples),
                    "eid": id,
                    column: {"mtriple_set": [triples]},
                    "lex": {
                        "comment": [comment for comment, _ in texts],
                        "lid": [f"Id{lid + 1}" for lid in range(len(texts))],
                        "text": [text for _, text in texts],
                    },
                    "test_category": "testdata_with_lex" if split == "test" else "",
                }
                for id, category, triples, texts in rows
            ]
            if split == "test":
                unseen = records[1] | {"eid": "Id1", "test_category": "testdata_unseen_with_lex"}
                bare: dict[str, list[str]] = {"comment": [], "lid": [], "text": []}
                records += [unseen, *(row | {"lex": bare, "test_category": "testdata_no_lex"} for row in records)]
            place = tmp_path / "hub" / "webnlg_challenge_2017" / split
            place.mkdir(parents=True)
            pd.DataFrame(records).to_parquet(place / "0000.parquet")
        return tmp_path / "hub"

    return make


def test_the_hubs_parquet_files_are_the_xml(make_hub: MakeHub, xml_folder: Path) -> None:
    found = load_webnlg(task(source="hub", hub={"path": str(make_hub()), "revision": "main"}))
    wanted = local(xml_folder)
    assert (found.train, found.validation, found.test) == (wanted.train, wanted.validation, wanted.test)
    assert found.counts == wanted.counts
    assert found.files.keys() == {"train", "validation", "test"}


def test_a_hub_data_set_of_another_shape_says_what_to_give_instead(make_hub: MakeHub) -> None:
    hub = {"path": str(make_hub(column="input")), "revision": "main"}
    with pytest.raises(
        DataError, match=r"expected the data from the hub, found: .*webnlg-dataset.*task\.source=local"
    ) as caught:
        load_webnlg(task(source="hub", hub=hub))
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_had_says_what_to_give_instead() -> None:
    with pytest.raises(
        DataError, match=r"owner/web_nlg@main: expected the data from the hub.*task\.source=local"
    ) as caught:
        load_webnlg(task(source="hub"))
    assert "\n" not in str(caught.value)
