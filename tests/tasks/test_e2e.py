"""The E2E task from its three sources and in both text forms."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from deltalora.config import E2EConfig
from deltalora.errors import DataError
from deltalora.tasks import TaskData
from deltalora.tasks.e2e import E2ETask, in_form
from embedded_world import e2e_splits

MakeTask = Callable[..., E2EConfig]
Row = tuple[str, str]

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "tasks" / "text_form.json").read_text(encoding="utf-8"))
ROWS: list[Row] = [(pair["mr"], pair["raw"]) for pair in GOLDEN["pairs"]]
SPLITS = {"train": ROWS[:20], "validation": ROWS[20:30], "test": [*ROWS[30:], *ROWS[30:34]]}


def load_e2e(config: E2EConfig) -> TaskData:
    return E2ETask(config, max_new_tokens=64).load()


def texts(data: TaskData) -> list[object]:
    """Everything a run reads, file hashes apart."""
    return [data.train, data.validation, data.test, data.counts]


@pytest.fixture(scope="module")
def csv_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("csv")
    for name, rows in zip(("trainset.csv", "devset.csv", "testset_w_refs.csv"), SPLITS.values(), strict=True):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("mr", "ref"), *rows])
    return folder


@pytest.fixture(scope="module")
def txt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("txt")
    lines = {(pair["mr"], pair["raw"]): f"{pair['context']}||{pair['tokenized']} \n" for pair in GOLDEN["pairs"]}
    for name, rows in zip(("train.txt", "valid.txt", "test.txt"), SPLITS.values(), strict=True):
        (folder / name).write_text("".join(lines[row] for row in rows), encoding="utf-8")
    return folder


@pytest.mark.real_data
def test_the_official_files_have_their_known_sizes(official_raw: TaskData) -> None:
    assert official_raw.counts == {"train": 42_061, "validation": 4_672, "test": 4_693, "test_inputs": 630}
    assert (len(official_raw.train), len(official_raw.validation), len(official_raw.test)) == (42_061, 4_672, 630)
    assert len({pair.context for pair in official_raw.validation}) == 547
    assert sum(len(prompt.references) for prompt in official_raw.test) == 4_693
    assert official_raw.files == {
        "train.csv.gz": "28909d92e02b039239422dfc96bbbea97a05e9ff9938a4974999e289d0a85268",
        "dev.csv.gz": "653bd8a2ddcc2a5900863db6541fa79cfee506abaee0fe29e960a9f5b84f932a",
        "test.csv.gz": "84044f80e92e28aa5acc5cfb74390a46f775abd29aef4589e9e2752bb84a9208",
    }


@pytest.mark.real_data
def test_the_two_forms_are_the_same_examples_but_for_spaces(
    official_raw: TaskData, official_tokenized: TaskData
) -> None:
    assert official_raw.validation[0].completion.endswith("that is not family-friendly.")
    assert official_tokenized.validation[0].completion.endswith("that is not family - friendly .")
    assert official_tokenized.counts == official_raw.counts
    assert official_tokenized.files == official_raw.files
    for raw, spaced in zip(official_raw.validation, official_tokenized.validation, strict=True):
        assert raw.id == spaced.id
        assert raw.context.replace(" ", "") == spaced.context.replace(" ", "")
        assert raw.completion.replace(" ", "") == spaced.completion.replace(" ", "")
    for one, other in zip(official_raw.test, official_tokenized.test, strict=True):
        assert len(one.references) == len(other.references)


@pytest.mark.real_data
def test_the_official_data_have_no_example_twice_under_one_id(official_raw: TaskData) -> None:
    everything = [*official_raw.train, *official_raw.validation, *official_raw.test]
    assert len({example.id for example in everything}) == len(everything)
    assert official_raw.train[41].id == "train/00041"


def test_equal_inputs_of_the_test_split_are_one_prompt_with_all_references(
    csv_folder: Path, make_task: MakeTask
) -> None:
    data = load_e2e(make_task(source="local", data_dir=str(csv_folder)))
    assert data.counts == {"train": 20, "validation": 10, "test": 14, "test_inputs": len(data.test)}
    assert len({prompt.context for prompt in data.test}) == len(data.test) == len({mr for mr, _ in SPLITS["test"]})
    by_mr: dict[str, list[str]] = {}
    for mr, text in SPLITS["test"]:
        by_mr.setdefault(mr, []).append(in_form(text, "raw"))
    assert [list(prompt.references) for prompt in data.test] == list(by_mr.values())
    assert [prompt.id for prompt in data.test] == [f"test/{index:05d}" for index in range(len(data.test))]


@pytest.mark.parity
def test_the_lora_repositorys_txt_is_the_official_csv_in_tokenised_form(
    csv_folder: Path, txt_folder: Path, make_task: MakeTask
) -> None:
    ours = load_e2e(make_task(source="local", data_dir=str(csv_folder), text_form="tokenized"))
    theirs = load_e2e(make_task(source="local", data_dir=str(txt_folder), text_form="tokenized"))
    assert texts(ours) == texts(theirs)
    assert ours.files != theirs.files


def test_a_tokenised_file_is_refused_where_raw_text_is_asked_for(txt_folder: Path, make_task: MakeTask) -> None:
    with pytest.raises(DataError, match=r"train\.txt: expected raw text.*set task\.text_form=tokenized") as caught:
        load_e2e(make_task(source="local", data_dir=str(txt_folder), text_form="raw"))
    assert "\n" not in str(caught.value)


def test_limits_keep_the_start_of_each_split_and_count_the_whole(csv_folder: Path, make_task: MakeTask) -> None:
    whole = load_e2e(make_task(source="local", data_dir=str(csv_folder)))
    limits = {"train": 3, "validation": 2, "test": 1}
    cut = load_e2e(make_task(source="local", data_dir=str(csv_folder), limits=limits))
    assert (cut.train, cut.validation, cut.test) == (whole.train[:3], whole.validation[:2], whole.test[:1])
    assert cut.counts == whole.counts


def test_the_embedded_task_is_the_grammars_and_the_same_every_time(make_task: MakeTask) -> None:
    data, again = load_e2e(make_task()), load_e2e(make_task())
    assert data == again
    splits = e2e_splits()
    for name, found in (("train", data.train), ("validation", data.validation)):
        assert len(found) == data.counts[name] == sum(len(entry.references) for entry in splits[name])
    assert data.counts["test"] == sum(len(entry.references) for entry in splits["test"])
    assert len(data.test) == data.counts["test_inputs"] == len({entry.slots for entry in splits["test"]})
    assert min(data.counts.values()) > 50
    assert data.files.keys() == splits.keys()
    assert all(len(sha) == 64 for sha in data.files.values())


def test_the_embedded_task_has_both_forms_too(make_task: MakeTask) -> None:
    raw, spaced = load_e2e(make_task()), load_e2e(make_task(text_form="tokenized"))
    assert raw.files != spaced.files
    assert [in_form(pair.completion, "tokenized") for pair in raw.train[:200]] == [
        pair.completion for pair in spaced.train[:200]
    ]
    assert any(one != other for one, other in zip(raw.train, spaced.train, strict=True))


def test_no_input_of_the_embedded_test_split_is_trained_on(make_task: MakeTask) -> None:
    data = load_e2e(make_task())
    assert {prompt.context for prompt in data.test}.isdisjoint(pair.context for pair in data.train)


@pytest.fixture
def hub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's parquet revision as the hub lays it out."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    for split, rows in SPLITS.items():
        place = folder / "default" / split
        place.mkdir(parents=True)
        frame = pd.DataFrame(rows, columns=["meaning_representation", "human_reference"])
        frame.to_parquet(place / "0000.parquet")
    return folder


@pytest.mark.parametrize("form", ["raw", "tokenized"])
def test_the_hubs_parquet_files_are_the_official_csv(
    hub_folder: Path, csv_folder: Path, make_task: MakeTask, form: str
) -> None:
    hub = {"path": str(hub_folder), "revision": "main"}
    found = load_e2e(make_task(source="hub", hub=hub, text_form=form))
    assert texts(found) == texts(load_e2e(make_task(source="local", data_dir=str(csv_folder), text_form=form)))
    assert found.files.keys() == {"train", "validation", "test"}


def test_a_cached_revision_of_the_hub_is_found_without_a_network(
    hub_folder: Path, tmp_path: Path, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = "a" * 40
    repository = tmp_path / "hf" / "datasets--owner--e2e"
    (repository / "refs" / "refs" / "convert").mkdir(parents=True)
    (repository / "refs" / "refs" / "convert" / "parquet").write_text(sha)
    (repository / "snapshots").mkdir()
    hub_folder.rename(repository / "snapshots" / sha)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    data = load_e2e(make_task(source="hub", hub={"path": "owner/e2e", "revision": "refs/convert/parquet"}))
    assert data.counts["train"] == len(SPLITS["train"])


@pytest.mark.parametrize("broken", ["a missing column", "a missing split", "a bad meaning representation"])
def test_a_hub_data_set_of_another_shape_is_a_data_error(hub_folder: Path, make_task: MakeTask, broken: str) -> None:
    test = hub_folder / "default" / "test" / "0000.parquet"
    if broken == "a missing split":
        test.unlink()
    elif broken == "a missing column":
        for path in hub_folder.rglob("*.parquet"):
            pd.DataFrame({"meaning_representation": ["name[X]"]}).to_parquet(path)
    else:
        frame = pd.read_parquet(test)
        frame.loc[0, "meaning_representation"] = "name"
        frame.to_parquet(test)
    with pytest.raises(DataError, match=r"expected the data from the hub, found: .*task\.source=local") as caught:
        load_e2e(make_task(source="hub", hub={"path": str(hub_folder), "revision": "main"}))
    assert "\n" not in str(caught.value)


OFFLINE = """
import sys, time
from deltalora.config import run_config
from deltalora.errors import DataError
from deltalora.tasks import build_task
import datasets
task = build_task(run_config(["scale=paper"]))
start = time.monotonic()
try:
    task.load()
except DataError as error:
    print(f"{time.monotonic() - start:.1f} {error}")
"""


def test_an_unreachable_hub_is_said_at_once_with_the_way_around_it(tmp_path: Path) -> None:
    """In a process that believes it is online, against a port at which nothing listens."""
    online = {key: value for key, value in os.environ.items() if not key.endswith("_OFFLINE")}
    environment = online | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    seconds, line = done.stdout.strip().split(" ", 1)
    assert float(seconds) < 5
    assert line.startswith("tuetschek/e2e_nlg@refs/convert/parquet: expected the data from the hub, found: ")
    assert "task.source=local task.data_dir=DIR" in line
    assert "\n" not in line
