"""Sweeps and what happens to them: impossible rows, failures, kills, and a second command beside the first."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from deltalora.cli import main
from deltalora.results import Store
from deltalora.results.table_request import read_requests

TINY = ["+debug=two_steps", "runtime.threads=1"]
#: Three rows of Table 1.
ROWS = [*TINY, 'hydra.sweeper.params.method="lora,delta_lora,lora_no_dropout"', "hydra.sweeper.params.seed=1"]
SWEEP = ["train", "+table=table1", *ROWS]


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The command as a user starts it, in a process group of its own, of which nothing is left afterwards."""
    command = [sys.executable, "-m", "deltalora", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def files_of_finished(store: Path) -> dict[str, tuple[int, int]]:
    """Run id -> time and inode of a finished run's record: another file if it was computed again."""
    return {
        path.parent.name: (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in store.glob("*/record.json")
        if json.loads(path.read_text())["status"] == "finished"
    }


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def test_an_impossible_row_is_a_failed_run_in_terminal_table_and_exit_code_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [
        *TINY,
        'hydra.sweeper.params.method="adalora,lora"',
        "hydra.sweeper.params.seed=1",
        "recipe.adalora.initial_warmup=900",
        f"runtime.results_dir={tmp_path}",
    ]
    assert main(["train", "+table=table1", "hydra/launcher=basic", *settings]) == 1
    said = capsys.readouterr().err
    assert "failed  adalora seed 1" in said
    assert "initial_warmup (900)" in said
    assert "finished  lora seed 1" in said
    records = {record.row: record for record in Store(tmp_path).records()}
    assert {row: record.status for row, record in records.items()} == {"adalora": "failed", "lora": "finished"}
    assert main(["table", "table1", *settings]) == 0
    table = capsys.readouterr().out
    assert f"adalora, seed 1: failed, ConfigError: {records['adalora'].error.message[:40]}" in table.replace("\\", "")
    assert main(["runs", "--failed", "--store", str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(records["adalora"].run_id)
    assert "initial_warmup (900)" in line


def test_a_sweep_told_to_stop_begins_nothing_after_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["-m", *TINY, "method=full", "train.learning_rate=1e30,1e-3", "runtime.on_failure=stop"]
    assert main(["train", *sweep, f"runtime.results_dir={tmp_path}"]) == 1
    said = capsys.readouterr().err
    assert "failed  full seed 1" in said
    assert "stopped  full seed 1  not started: full seed 1 failed and runtime.on_failure=stop" in said
    assert [record.status for record in Store(tmp_path).records()] == ["failed"]


def test_the_question_of_a_table_is_kept_beside_its_records(tmp_path: Path) -> None:
    settings = [*TINY, 'hydra.sweeper.params.method="lora"', "hydra/launcher=basic", f"runtime.results_dir={tmp_path}"]
    assert main(["train", "+table=table1", *settings, "hydra.sweeper.params.seed=1"]) == 0
    assert main(["train", "+table=table1", *settings]) == 0
    (asked,) = read_requests(tmp_path)  # the first is a part of the second
    assert (asked.name, asked.scale, asked.source, asked.seeds) == ("table1", "embedded", "embedded", (1, 2))
    assert asked.run_ids == {record.run_id for record in Store(tmp_path).records()}
    assert not any("results_dir" in one for one in asked.overrides)
    assert not list((tmp_path / ".boards").iterdir())


def test_a_killed_sweep_is_finished_by_the_same_command_which_computes_no_finished_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed, quiet = tmp_path / "killed", tmp_path / "quiet"
    command = [*SWEEP, "hydra/launcher=local", f"runtime.results_dir={killed}"]
    with started(*command) as process:
        wait_for(lambda: files_of_finished(killed), process)
    before = files_of_finished(killed)
    assert 0 < len(before) < 3
    assert list((killed / ".boards").iterdir())
    assert main(command) == 0
    said = capsys.readouterr().err
    assert said.count(" skipped ") == len(before)
    assert before.items() <= files_of_finished(killed).items()
    assert not list((killed / ".boards").iterdir())  # that of the killed command, too
    assert main([*SWEEP, "hydra/launcher=basic", f"runtime.results_dir={quiet}"]) == 0
    capsys.readouterr()
    tables = []
    for store in (killed, quiet):
        assert main(["table", "table1", "--format", "json", *ROWS, f"runtime.results_dir={store}"]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]


def test_two_commands_started_at_once_share_the_runs(tmp_path: Path) -> None:
    command = [*SWEEP, "hydra/launcher=basic", f"runtime.results_dir={tmp_path}"]
    with started(*command) as first, started(*command) as second:
        said = [process.communicate(timeout=240)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert len(files_of_finished(tmp_path)) == 3
    assert sum(text.count("finished  ") for text in said) == 3  # each computed once
    assert sum(text.count(" skipped  ") for text in said) == 3


def test_a_worker_that_is_killed_costs_nothing_but_its_time(tmp_path: Path) -> None:
    with started(*SWEEP, "hydra/launcher=local", f"runtime.results_dir={tmp_path}") as process:
        wait_for(lambda: any(tmp_path.glob("*/progress.json")), process)
        children = psutil.Process(process.pid).children(recursive=True)
        workers = [child for child in children if "popen_loky" in " ".join(child.cmdline())]
        workers[0].kill()
        said = process.communicate(timeout=240)[1]
    assert process.returncode == 0, said
    assert len(files_of_finished(tmp_path)) == 3
