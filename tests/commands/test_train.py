"""`deltalora train` and `deltalora table`, as a user calls them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deltalora.cli import main
from deltalora.results import Store

TINY = [
    "+debug=two_steps",
    "runtime.threads=1",
]


def one_line(captured: str) -> str:
    assert captured.count("\n") == 1, captured
    return captured


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["train.btch_size=3"], "did you mean train.batch_size?"),
        (["method=loora"], "the choices are: adalora"),
        (["method=adalora", "method.final_warmup=900"], "found 600"),
        (["-m", "method=lora,dylora", "seed=abc"], "seed: input should be a valid integer"),
        (["--run", "method=lora"], "unknown option --run"),
        (["task.source=local", "task.data_dir=/nowhere"], "/nowhere: expected a folder with"),
        (["experiment=webnlg", "task.source=local", "task.data_dir=/nowhere"], "/nowhere: expected a folder with"),
        (["experiment=xsum", "task.source=local", "task.data_dir=/nowhere"], "/nowhere: expected a folder with"),
        (["experiment=glue/rte", "task.source=local", "task.data_dir=/nowhere"], "/nowhere: expected a folder with"),
        (["model.source=local", "model.path=/nowhere"], "correct model.path"),
        (["-m", "method=lora,dylora", "train.batch_size=0"], "train.batch_size"),
    ],
)
def test_a_wrong_configuration_ends_with_exit_code_two_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], overrides: list[str], said: str
) -> None:
    assert main(["train", *overrides, f"runtime.results_dir={tmp_path / 'runs'}"]) == 2
    assert said in one_line(capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


#: Experiment -> file, its damaged content, what is said of it.
DAMAGED = {
    "webnlg": ("train.json", '{"entries": [', "train.json"),
    "xsum": ("train.jsonl", '{"document": "A b.", "summary": "", "id": "1"}', "train.jsonl:1: expected text in"),
    "glue/rte": ("rte/train.jsonl", '{"sentence1": "A", "sentence2": "B", "label": 7}', "a class from 0 to 1"),
}


@pytest.mark.parametrize("experiment", DAMAGED)
def test_damaged_data_end_with_exit_code_two_one_line_and_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], experiment: str
) -> None:
    name, content, said = DAMAGED[experiment]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    source = ["task.source=local", f"task.data_dir={tmp_path}", f"runtime.results_dir={tmp_path / 'runs'}"]
    # RTE's run before it would be refused first: MNLI is not in the folder.
    assert main(["train", f"experiment={experiment}", "init_from=none", *source]) == 2
    assert said in one_line(capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


def test_absent_hub_weights_end_with_one_line_that_names_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client reads the variable once, when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    overrides = ["experiment=e2e", "method=delta_lora", "scale=paper", f"runtime.results_dir={tmp_path / 'runs'}"]
    assert main(["train", *overrides]) == 2
    assert "model.source=local model.path=DIR" in one_line(capsys.readouterr().err)


def test_a_multirun_sweeps_over_lambda_and_k(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ["method=delta_lora", "recipe.update_ratio=0,1,2", "recipe.start_step=0,500"]
    store = f"runtime.results_dir={tmp_path / 'runs'}"
    assert main(["train", "-m", "experiment=e2e", *TINY, *sweep, store]) == 0
    records = Store(tmp_path / "runs").records()
    assert sorted((r.config["method"]["update_ratio"], r.config["method"]["start_step"]) for r in records) == [
        (ratio, start) for ratio in (0.0, 1.0, 2.0) for start in (0, 100)
    ]
    assert {record.status for record in records} == {"finished"}
    capsys.readouterr()
    assert main(["train", "-m", "experiment=e2e", *TINY, *sweep, store]) == 0
    assert capsys.readouterr().err.count("skipped") == 6


def test_a_failing_run_does_not_stop_the_others_and_shows_in_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = f"runtime.results_dir={tmp_path / 'runs'}"
    assert main(["train", "-m", *TINY, "method=full", "train.learning_rate=1e30,1e-3", store]) == 1
    said = capsys.readouterr().err
    assert "failed  full seed 1" in said
    assert "DivergedError" in said
    assert sorted(record.status for record in Store(tmp_path / "runs").records()) == ["failed", "finished"]


def test_the_table_shows_the_runs_of_exactly_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [
        *TINY,
        f"runtime.results_dir={tmp_path / 'runs'}",
        'hydra.sweeper.params.method="lora,delta_lora,lora_alpha_matched"',
    ]
    assert main(["train", "+table=table1", "hydra/launcher=basic", *settings]) == 0
    stranger = ["train", *TINY, "method=delta_lora", "recipe.update_ratio=5", "seed=1"]
    assert main([*stranger, f"runtime.results_dir={tmp_path / 'runs'}"]) == 0
    capsys.readouterr()
    assert main(["table", "table1", "--format", "json", *settings]) == 0
    shown = json.loads(capsys.readouterr().out)
    rows = {row["row"]: row for row in shown["rows"]}
    # The row that the paper quotes has no runs, and stands beside those that were asked for.
    assert list(rows) == ["lora", "lora_published", "delta_lora", "lora_alpha_matched"]
    assert list(rows["delta_lora"]["parts"]["e2e"]["seeds"]) == ["1", "2"]
    assert rows["delta_lora"]["parts"]["e2e"]["trainable"] == 6144
    assert rows["lora_alpha_matched"]["control"]
    for form, sign in (("md", "control (ours)"), ("latex", r"\begin{tabular}")):
        assert main(["table", "table1", "--format", form, *settings]) == 0
        assert sign in capsys.readouterr().out


def test_runs_side_by_side_give_what_runs_one_after_the_other_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["train", "-m", *TINY, "method=lora,delta_lora", "train.learning_rate=1e-3,1e30"]
    assert main([*sweep, "hydra/launcher=local", f"runtime.results_dir={tmp_path / 'side'}"]) == 1
    assert main([*sweep, f"runtime.results_dir={tmp_path / 'one'}"]) == 1
    said = capsys.readouterr().err
    assert said.count("  failed  ") == 4
    side, one = (
        {
            record.run_id: (record.status, record.validation, record.scores)
            for record in Store(tmp_path / name).records()
        }
        for name in ("side", "one")
    )
    assert len(side) == 4
    assert side == one


def test_a_table_of_two_data_folders_in_one_store_shows_the_one_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [
        *TINY,
        f"runtime.results_dir={tmp_path / 'runs'}",
        'hydra.sweeper.params.method="lora"',
        "task.source=local",
    ]
    for folder, name in (("a", "Blue Spice"), ("b", "The Eagle")):
        (tmp_path / folder).mkdir()
        for split in ("train", "dev", "test"):
            (tmp_path / folder / f"{split}.csv").write_text(f'mr,ref\n"name[{name}], food[French]",{name} is French.\n')
        data = f"task.data_dir={tmp_path / folder}"
        assert main(["train", "+table=table1", "hydra/launcher=basic", *settings, data]) == 0
    capsys.readouterr()
    shown = {}
    for folder in ("a", "b"):
        assert main(["table", "table1", "--format", "json", *settings, f"task.data_dir={tmp_path / folder}"]) == 0
        row, _ = json.loads(capsys.readouterr().out)["rows"]  # the second is quoted by the paper, and has no runs
        shown[folder] = {seed["run_id"] for seed in row["parts"]["e2e"]["seeds"].values()}
    assert all(len(ids) == 2 for ids in shown.values())
    assert not shown["a"] & shown["b"]


def test_a_table_without_runs_shows_the_paper_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "table1", f"runtime.results_dir={tmp_path}"]) == 0
    assert "70.84" in capsys.readouterr().out


def test_the_paper_shape_trains_two_steps_with_random_weights(tmp_path: Path) -> None:
    store = f"runtime.results_dir={tmp_path / 'runs'}"
    assert (
        main(
            [
                "train",
                "experiment=e2e",
                "method=delta_lora",
                "scale=paper",
                "+debug=two_steps",
                "model.weights=random",
                "task.source=embedded",
                "train.batch_size=2",
                "task.limits.validation=2",
                "task.limits.test=1",
                "decoding.max_new_tokens=2",
                store,
            ]
        )
        == 0
    )
    (record,) = Store(tmp_path / "runs").records()
    assert record.parameters is not None
    assert (record.parameters.total, record.parameters.trainable) == (354_823_168, 393_216)
    assert record.curve[-1].step == 2


def test_scoring_loads_neither_torch_nor_transformers() -> None:
    script = (
        "import sys\n"
        "import deltalora.cli, deltalora.commands.score, deltalora.report, deltalora.metrics\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["nonsense"]])
def test_a_wrong_command_ends_with_exit_code_two(arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("train", "params", "score", "table"))
