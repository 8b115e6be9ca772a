"""XSum from its three sources, and which split is scored."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deltalora.config import XSumConfig, run_config
from deltalora.errors import DataError
from deltalora.tasks.examples import Pair, Prompt, TextData
from deltalora.tasks.xsum import XSumTask
from embedded_world import xsum_splits

ROWS = [
    {
        "document": f'The "council" met, for hour {index}.\nIt granted planning permission; 50\u2028jobs follow.',
        "summary": f"A council has granted permission number {index}.",
        "id": str(36_000_000 + 7 * index),
    }
    for index in range(12)
]
SPLITS = {"train": ROWS[:6], "validation": ROWS[6:9], "test": ROWS[9:]}


def config(**changes: Any) -> XSumConfig:
    values: dict[str, Any] = {
        "name": "xsum",
        "source": "local",
        "data_dir": None,
        "hub": {"path": "owner/xsum", "revision": "main"},
        "split": "test",
        "max_source_length": 768,
        "max_target_length": 64,
        "limits": {"train": None, "validation": None, "test": None},
    }
    return XSumConfig(**(values | changes))


def load_xsum(config: XSumConfig) -> TextData:
    return XSumTask(config, max_new_tokens=60).load()


def texts(data: TextData) -> list[object]:
    """Everything a run reads, file hashes apart."""
    return [data.train, data.validation, data.test, data.counts]


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lines"
    folder.mkdir()
    for split, rows in SPLITS.items():
        write_lines(folder / f"{split}.jsonl", rows)
    return folder


def test_an_article_is_a_pair_to_learn_and_a_prompt_with_one_reference(folder: Path) -> None:
    data = load_xsum(config(data_dir=str(folder)))
    first, last = ROWS[0], ROWS[-1]
    assert data.train[0] == Pair("train/36000000", first["document"], first["summary"])
    assert data.validation[0].id == "validation/36000042"
    assert data.test[-1] == Prompt("test/36000077", last["document"], (last["summary"],))
    assert data.counts == {"train": 6, "validation": 3, "test": 3, "test_inputs": 3}
    assert data.files.keys() == {"train.jsonl", "validation.jsonl", "test.jsonl"}


def test_the_validation_split_can_be_scored_instead_and_the_test_split_is_then_not_read(folder: Path) -> None:
    (folder / "test.jsonl").unlink()
    data = load_xsum(config(data_dir=str(folder), split="validation"))
    assert [prompt.id for prompt in data.test] == [pair.id for pair in data.validation]
    assert [prompt.references for prompt in data.test] == [(pair.completion,) for pair in data.validation]
    assert data.counts == {"train": 6, "validation": 3, "test_inputs": 3}
    assert data.files.keys() == {"train.jsonl", "validation.jsonl"}


def test_limits_keep_the_start_of_each_split_and_count_the_whole(folder: Path) -> None:
    whole = load_xsum(config(data_dir=str(folder)))
    cut = load_xsum(config(data_dir=str(folder), limits={"train": 3, "validation": 2, "test": 1}))
    assert (cut.train, cut.validation, cut.test) == (whole.train[:3], whole.validation[:2], whole.test[:1])
    assert cut.counts == whole.counts


def test_json_lines_csv_and_gzip_are_the_same_examples(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_lines(other / "train.json", SPLITS["train"])
    packed = gzip.compress((folder / "validation.jsonl").read_bytes())
    (other / "validation.jsonl.gz").write_bytes(packed)
    with (other / "test.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "document", "summary"])
        writer.writeheader()
        writer.writerows(SPLITS["test"])
    found = load_xsum(config(data_dir=str(other)))
    assert texts(found) == texts(load_xsum(config(data_dir=str(folder))))
    assert found.files.keys() == {"train.json", "validation.jsonl.gz", "test.csv"}


def test_an_id_that_comes_twice_is_refused(folder: Path) -> None:
    write_lines(folder / "test.jsonl", [ROWS[9], ROWS[10], ROWS[9]])
    with pytest.raises(DataError, match=r"XSum, test split: expected distinct ids, found '36000063' twice; drop one"):
        load_xsum(config(data_dir=str(folder)))


@pytest.mark.real_data
def test_the_real_sample_is_a_test_split_that_lacks_its_training_split(shared_data: Path) -> None:
    with pytest.raises(
        DataError, match=r"expected XSum's train split as train\.jsonl or .*; for a trial, copy"
    ) as caught:
        load_xsum(config(data_dir=str(shared_data / "xsum")))
    assert "\n" not in str(caught.value)


@pytest.mark.real_data
def test_the_real_sample_can_be_cut_into_three_splits_for_a_trial(shared_data: Path, tmp_path: Path) -> None:
    sample = shared_data / "xsum" / "test_sample.jsonl.gz"
    lines = gzip.decompress(sample.read_bytes()).decode().splitlines(keepends=True)
    (tmp_path / "train.jsonl").write_text("".join(lines[:1200]), encoding="utf-8")
    (tmp_path / "validation.jsonl").write_text("".join(lines[1200:1300]), encoding="utf-8")
    (tmp_path / "test_sample.jsonl.gz").write_bytes(gzip.compress("".join(lines[1300:]).encode()))
    data = load_xsum(config(data_dir=str(tmp_path)))
    assert data.counts == {"train": 1_200, "validation": 100, "test": 163, "test_inputs": 163}
    everything = [*data.train, *data.validation, *data.test]
    assert len({example.id.partition("/")[2] for example in everything}) == 1_463
    assert all(len(prompt.references) == 1 and prompt.references[0].strip() for prompt in data.test)
    assert data.test[0].id == f"test/{json.loads(lines[1300])['id']}"


@pytest.fixture
def hub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's parquet revision as the hub lays it out."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    for split, rows in SPLITS.items():
        place = folder / "default" / split
        place.mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(place / "0000.parquet")
    return folder


def test_the_hubs_parquet_files_are_the_same_examples(hub_folder: Path, folder: Path) -> None:
    hub = {"path": str(hub_folder), "revision": "main"}
    found = load_xsum(config(source="hub", hub=hub))
    assert texts(found) == texts(load_xsum(config(data_dir=str(folder))))
    assert found.files.keys() == SPLITS.keys()
    assert all(len(sha) == 64 for sha in found.files.values())


def test_an_empty_summary_from_the_hub_is_a_data_error(hub_folder: Path) -> None:
    broken = pd.DataFrame([ROWS[9] | {"summary": " "}])
    broken.to_parquet(hub_folder / "default" / "test" / "0000.parquet")
    with pytest.raises(
        DataError, match=r"found: test row 0: expected text in the field summary, found an empty one; without"
    ):
        load_xsum(config(source="hub", hub={"path": str(hub_folder), "revision": "main"}))


def test_the_tasks_file_has_the_upstream_lengths_and_scores_the_test_split() -> None:
    task = run_config(["experiment=xsum", "scale=paper"]).task
    assert isinstance(task, XSumConfig)
    assert (task.max_source_length, task.max_target_length, task.split) == (768, 64, "test")


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_embedded_task_is_the_grammars_and_the_same_every_time(split: str) -> None:
    data = load_xsum(config(source="embedded", split=split))
    assert data == load_xsum(config(source="embedded", split=split))
    splits = xsum_splits()
    assert [pair.completion for pair in data.train] == [entry.summary for entry in splits["train"]]
    assert [prompt.context for prompt in data.test] == [entry.document for entry in splits[split]]
    assert min(data.counts.values()) > 20
    everything = [*data.train, *data.validation, *(data.test if split == "test" else ())]
    assert len({example.id for example in everything}) == len(everything)
