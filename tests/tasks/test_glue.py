"""The eight GLUE tasks from their three sources."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from deltalora.config import GlueConfig, run_config
from deltalora.config.task import GlueDataset
from deltalora.errors import DataError
from deltalora.tasks.examples import LabelledData, LabelledExample
from deltalora.tasks.glue import GlueTask
from embedded_world import glue_splits

DATASETS: tuple[GlueDataset, ...] = get_args(GlueDataset)

#: Task -> train, validation (for MNLI matched, then mismatched) rows of the real files here, and the files' names.
#: CoLA, SST-2, MRPC, RTE, STS-B are the official splits; of the others a part.
REAL: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "cola": ({"train": 8_551, "validation": 1_043, "test": 1_043}, ("train", "validation")),
    "sst2": ({"train": 67_349, "validation": 872, "test": 872}, ("train", "validation")),
    "mrpc": ({"train": 3_668, "validation": 408, "test": 408}, ("train", "validation")),
    "rte": ({"train": 2_490, "validation": 277, "test": 277}, ("train", "validation")),
    "stsb": ({"train": 5_749, "validation": 1_500, "test": 1_500}, ("train", "validation")),
    "qnli": ({"train": 8_999, "validation": 5_463, "test": 5_463}, ("train_sample", "validation")),
    "qqp": ({"train": 8_999, "validation": 1_000, "test": 1_000}, ("train_sample", "heldout_sample")),
    "mnli": (
        {"train": 8_999, "validation": 9_815, "test_matched": 9_815, "test_mismatched": 4_530},
        ("train_sample", "validation_matched_tokenized", "validation_mismatched_hard_tokenized"),
    ),
}


def config(dataset: str, **changes: Any) -> GlueConfig:
    values: dict[str, Any] = {
        "name": "glue",
        "source": "local",
        "data_dir": None,
        "hub": {"path": "owner/glue", "revision": "main"},
        "dataset": dataset,
        "max_length": 256,
        "limits": {"train": None, "validation": None, "test": None},
    }
    return GlueConfig(**(values | changes))


def load_glue(config: GlueConfig) -> LabelledData:
    return GlueTask(config, max_new_tokens=0).load()


def texts(data: LabelledData) -> list[object]:
    """Everything a run reads, file hashes apart."""
    return [data.train, data.validation, data.test, data.counts]


@pytest.mark.real_data
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_real_files_have_their_known_sizes_and_labels(shared_data: Path, dataset: GlueDataset) -> None:
    data = load_glue(config(dataset, data_dir=str(shared_data / "glue")))
    counts, names = REAL[dataset]
    assert data.counts == counts
    assert list(data.files) == [f"{name}.jsonl.gz" for name in names]
    everything = [*data.train, *data.validation, *data.test]
    assert len({example.id for example in everything}) == len(everything)
    assert all(example.first.strip() for example in everything)
    assert {example.second is None for example in everything} == {dataset in ("cola", "sst2")}
    found = {example.label for example in everything}
    if dataset == "stsb":
        assert (min(found), max(found)) == (0.0, 5.0)
        assert len(found) > 50
    else:
        assert found == set(range(data_width(dataset)))
    assert [(one.first, one.second, one.label) for one in data.test[: len(data.validation)]] == [
        (one.first, one.second, one.label) for one in data.validation
    ]


def data_width(dataset: GlueDataset) -> int:
    return config(dataset, source="embedded").num_labels


@pytest.mark.real_data
def test_the_real_labels_are_the_hubs_codes(shared_data: Path) -> None:
    """Counts and examples of the official validation splits."""
    root = str(shared_data / "glue")
    rte = load_glue(config("rte", data_dir=root)).validation
    assert Counter(one.label for one in rte) == {0.0: 146, 1.0: 131}
    assert (rte[0].second, rte[0].label) == ("Christopher Reeve had an accident.", 1.0)
    mnli = load_glue(config("mnli", data_dir=root)).validation
    assert Counter(one.label for one in mnli) == {0.0: 3_479, 1.0: 3_123, 2.0: 3_213}
    assert (mnli[0].first, mnli[0].label) == ("The new rights are nice enough", 1.0)
    cola = load_glue(config("cola", data_dir=root)).validation
    assert Counter(one.label for one in cola) == {0.0: 322, 1.0: 721}
    mrpc = load_glue(config("mrpc", data_dir=root)).validation
    assert Counter(one.label for one in mrpc) == {0.0: 129, 1.0: 279}


@pytest.mark.real_data
def test_a_stand_in_for_an_official_split_is_said(shared_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_glue(config("rte", data_dir=str(shared_data / "glue")))
    assert not caplog.records
    load_glue(config("qqp", data_dir=str(shared_data / "glue")))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "heldout_sample.jsonl.gz stands in for the official validation split" in caplog.text


MNLI = [
    {"premise": f"The new rights are nice, part {index}.", "hypothesis": "Everyone likes them.", "label": index % 3}
    for index in range(12)
]
MNLI_PARTS = {"train": MNLI[:5], "validation_matched": MNLI[5:8], "validation_mismatched": MNLI[8:]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "glue" / "MNLI"
    folder.mkdir(parents=True)
    for part, rows in MNLI_PARTS.items():
        lines = (json.dumps(row) + "\n" for row in rows)
        (folder / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder.parent


def test_mnli_is_scored_on_both_its_validation_splits_and_watched_on_the_matched_one(root: Path) -> None:
    data = load_glue(config("mnli", data_dir=str(root)))
    assert data.counts == {"train": 5, "validation": 3, "test_matched": 3, "test_mismatched": 4}
    assert [one.group for one in data.test] == ["matched"] * 3 + ["mismatched"] * 4
    assert data.test[3] == LabelledExample(
        "test/mismatched/000000", "The new rights are nice, part 8.", "Everyone likes them.", 2.0, "mismatched"
    )
    assert data.validation[0] == LabelledExample(
        "validation/000000", "The new rights are nice, part 5.", "Everyone likes them.", 2.0
    )
    assert data.train[4].id == "train/000004"


def test_limits_keep_the_start_of_each_split_and_of_each_of_mnlis_two(root: Path) -> None:
    whole = load_glue(config("mnli", data_dir=str(root)))
    cut = load_glue(config("mnli", data_dir=str(root), limits={"train": 3, "validation": 2, "test": 1}))
    assert (cut.train, cut.validation) == (whole.train[:3], whole.validation[:2])
    assert cut.test == (whole.test[0], whole.test[3])
    assert cut.counts == whole.counts


@pytest.fixture
def hub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's GLUE: parquet files in one folder a task, and the test split with its labels hidden."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    (folder / "mnli").mkdir(parents=True)
    (folder / "stsb").mkdir()
    for part, rows in MNLI_PARTS.items():
        pd.DataFrame(rows).assign(idx=range(len(rows))).to_parquet(folder / "mnli" / f"{part}-00000-of-00001.parquet")
    hidden = pd.DataFrame([{"premise": "a", "hypothesis": "b", "label": -1, "idx": 0}])
    for part in ("test_matched", "test_mismatched"):
        hidden.to_parquet(folder / "mnli" / f"{part}-00000-of-00001.parquet")
    card = "---\nconfigs:\n- config_name: mnli\n  data_files:\n  - split: train\n    path: mnli/train-*\n---\n"
    (folder / "README.md").write_text(card)
    similar = pd.DataFrame([{"sentence1": "a", "sentence2": "b", "label": 3.8, "idx": 0}])
    for part in ("train", "validation"):
        similar.to_parquet(folder / "stsb" / f"{part}-00000-of-00001.parquet")
    return folder


def test_the_hubs_parquet_files_are_the_same_examples(hub_folder: Path, root: Path) -> None:
    hub = {"path": str(hub_folder), "revision": "main"}
    found = load_glue(config("mnli", source="hub", hub=hub))
    assert texts(found) == texts(load_glue(config("mnli", data_dir=str(root))))
    assert found.files.keys() == MNLI_PARTS.keys()
    assert all(len(sha) == 64 for sha in found.files.values())
    similar = load_glue(config("stsb", source="hub", hub=hub))
    assert similar.validation == (LabelledExample("validation/000000", "a", "b", 3.8),)


def test_a_hidden_label_from_the_hub_names_its_row(hub_folder: Path) -> None:
    path = hub_folder / "mnli" / "validation_matched-00000-of-00001.parquet"
    pd.DataFrame([MNLI[0] | {"label": -1, "idx": 41}]).to_parquet(path)
    with pytest.raises(
        DataError, match=r"validation_matched row 0: expected a class from 0 to 2 as label, found '-1'"
    ) as caught:
        load_glue(config("mnli", source="hub", hub={"path": str(hub_folder), "revision": "main"}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dataset", DATASETS)
def test_each_tasks_file_sets_its_name_and_what_all_eight_share(dataset: GlueDataset) -> None:
    task = run_config([f"experiment=glue/{dataset}", "scale=paper", "init_from=none"]).task
    assert isinstance(task, GlueConfig)
    assert (task.name, task.dataset, task.hub.path) == ("glue", dataset, "nyu-mll/glue")
    assert task.max_length == (512 if dataset == "rte" else 256)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_embedded_tasks_are_the_grammars_and_the_same_every_time(dataset: GlueDataset) -> None:
    data = load_glue(config(dataset, source="embedded"))
    assert data == load_glue(config(dataset, source="embedded"))
    splits = glue_splits(dataset)
    assert [(one.first, one.second, one.label) for one in data.train] == [
        (entry.first, entry.second, entry.label) for entry in splits["train"]
    ]
    assert data.files.keys() == splits.keys()
    assert min(data.counts.values()) > 20
    everything = [*data.train, *data.validation, *data.test]
    assert len({one.id for one in everything}) == len(everything)
    assert {one.group for one in data.test} == ({"matched", "mismatched"} if dataset == "mnli" else {""})
    if dataset == "stsb":
        assert all(0 <= one.label <= 5 for one in everything)
    else:
        assert {one.label for one in everything} == set(range(data_width(dataset)))
