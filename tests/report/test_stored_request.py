"""Which stored request a command means, and that a table is read from it alone."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deltalora.commands import arguments
from deltalora.commands.table import table
from deltalora.errors import ConfigError, StoreError
from deltalora.results.table_request import TableRequest, find_request, read_requests, write_request
from table_requests import row_of_runs

RESULTS = Path(__file__).resolve().parents[2] / "results"


def store_request(store, run_ids, overrides=(), *, name="table1", scale="embedded", source="embedded", day=1):
    """A request of LoRA's runs, seeds counted from 1, made on that day."""
    rows = [row_of_runs("lora", {"e2e": dict(enumerate(run_ids, start=1))}, "LoRA (repr.)")]
    made = TableRequest.now(name, scale, source, overrides, rows)
    made = made.model_copy(update={"asked_at": datetime(2026, 1, day, tzinfo=UTC)})
    write_request(store, made)
    return made


def test_a_request_is_found_by_its_overrides_in_any_order_and_by_scale_and_source_as_fields(tmp_path):
    made = store_request(tmp_path, ["a"], ["train.max_steps=5", "scale=embedded", "seed=1"])
    for overrides in (["seed=1", "train.max_steps=5"], ["task.source=embedded", *made.overrides]):
        assert find_request(tmp_path, "table1", overrides) == (made, "")
    for overrides in (["seed=1"], ["seed=1", "train.max_steps=6"], ["scale=paper"], ["task.source=local"]):
        assert find_request(tmp_path, "table1", overrides) is None
    assert find_request(tmp_path, "table2", []) is None
    assert find_request(tmp_path / "nowhere", "table1", []) is None


def test_where_and_how_runs_are_done_tells_no_requests_apart(tmp_path):
    made = store_request(tmp_path, ["a"], ["seed=1", "hydra/launcher=basic", f"runtime.results_dir={tmp_path}"])
    assert made.overrides == ("seed=1",)
    overrides = ["runtime.device=cpu", "hydra.launcher.n_jobs=2", "seed=1", "logger=none"]
    assert find_request(tmp_path, "table1", overrides) == (made, "")


def test_a_folder_of_data_or_weights_is_a_question_that_no_stored_request_answers(tmp_path):
    store_request(tmp_path, ["a"], ["task.source=local"], source="local")
    assert find_request(tmp_path, "table1", ["task.source=local"]) is not None
    assert find_request(tmp_path, "table1", ["task.source=local", "task.data_dir=here"]) is None
    assert find_request(tmp_path, "table1", ["model.path=here"]) is None


def test_without_overrides_the_request_without_any_is_meant_else_the_latest_and_a_note_names_the_others(tmp_path):
    store_request(tmp_path, ["a"], ["train.max_steps=5"], day=1)
    latest = store_request(tmp_path, ["b"], ["train.max_steps=6"], day=2)
    assert find_request(tmp_path, "table1", []) == (
        latest,
        "Of 2 stored requests for this table this is the latest, of 2026-01-02 00:00 UTC; "
        "the others: 2026-01-01 00:00 UTC with train.max_steps=5.",
    )
    plain = store_request(tmp_path, ["c"], day=1)
    assert find_request(tmp_path, "table1", []) == (plain, "")


def test_of_equal_overrides_on_other_data_or_code_the_latest_is_meant(tmp_path):
    latest = store_request(tmp_path, ["b"], day=2)
    store_request(tmp_path, ["a"], day=1)
    found = find_request(tmp_path, "table1", [])
    assert found is not None
    assert found.request == latest
    assert found.note.endswith("the others: 2026-01-01 00:00 UTC with no overrides.")


def test_a_request_with_more_runs_replaces_the_part_of_it(tmp_path):
    store_request(tmp_path, ["a"], day=2)
    whole = store_request(tmp_path, ["a", "b"], day=1)
    assert read_requests(tmp_path) == [whole]


def test_two_scales_are_refused_with_what_to_add(tmp_path):
    store_request(tmp_path, ["a"])
    paper = store_request(tmp_path, ["b"], scale="paper", source="hub")
    with pytest.raises(
        ConfigError, match=r"found scale=embedded task\.source=embedded and scale=paper task\.source=hub"
    ):
        find_request(tmp_path, "table1", [])
    assert find_request(tmp_path, "table1", ["scale=paper"]) == (paper, "")


def test_the_note_stands_below_the_table_and_nothing_is_composed(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "deltalora.sweep.table_runs", None)  # an import of it fails
    store_request(tmp_path, ["a"], ["seed=1"], day=1)
    store_request(tmp_path, ["b"], ["seed=2"], day=2)
    assert table(["table1", "--store", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "- Of 2 stored requests for this table this is the latest" in printed
    assert table(["table1", f"{arguments._RESULTS_DIR}{tmp_path}", "seed=1"]) == 0
    assert "stored requests" not in capsys.readouterr().out


def test_a_store_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StoreError, match="expected a folder of run records"):
        table(["table1", "--store", str(tmp_path / "nowhere")])


@pytest.mark.parametrize(("name", "folder"), [("table1", "table1-embedded"), ("table3", "table3-embedded")])
def test_a_committed_table_is_printed_without_torch_or_hydra(name, folder):
    code = (
        "import sys; from deltalora.cli import main;"
        "code = main(sys.argv[1:]);"
        "print(sorted({'torch', 'transformers', 'hydra', 'omegaconf'} & sys.modules.keys()), code)"
    )
    words = ["table", name, "scale=embedded", "--store", str(RESULTS / folder)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"## {name.replace('table', 'Table ')}: ")
    assert "seeds: **none yet" not in lines[2]
    assert lines[-1] == "[] 0"
