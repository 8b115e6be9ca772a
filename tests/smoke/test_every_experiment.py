"""Every experiment x every method: two optimizer steps, one prediction, every score. `make smoke`."""

from pathlib import Path

import pytest

from deltalora.cli import main
from deltalora.config import config_dir, run_config
from deltalora.report import paper_table
from deltalora.results import Store, config_id
from deltalora.tasks import task_class

EXPERIMENTS = sorted(
    str(path.relative_to(config_dir() / "experiment").with_suffix(""))
    for path in (config_dir() / "experiment").rglob("*.yaml")
    if path.stem != "common"  # what the eight of GLUE share
)
METHODS = sorted(path.stem for path in (config_dir() / "method").glob("*.yaml"))


def scores_of(experiment: str) -> set[str]:
    """Every score that the experiment's table shows; the first inputs of WebNLG are all of seen categories."""
    columns = paper_table(task_class(run_config([f"experiment={experiment}"]).task).table).metrics
    own = {one.metric or one.name for one in columns if one.part in (None, experiment) and not one.mean_of}
    return {name for name in own if not name.endswith("-U")}


@pytest.mark.smoke
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_method_goes_the_whole_way(experiment: str, tmp_path: Path) -> None:
    debug = "two_steps_glue" if experiment.startswith("glue/") else "two_steps"
    overrides = [f"+debug={debug}", f"experiment={experiment}", "method=glob(*)", "runtime.threads=1"]
    assert main(["train", "-m", *overrides, f"runtime.results_dir={tmp_path / 'runs'}"]) == 0
    records = Store(tmp_path / "runs").records()
    own = [record for record in records if record.experiment == experiment]
    before = [record for record in records if record.experiment != experiment]
    # Rows whose settings coincide are one run: without dropout in LoRA's recipe, "no dropout" is LoRA.
    asked = [run_config([*overrides[:2], f"method={method}", overrides[3]]) for method in METHODS]
    assert {record.config_id for record in own} == {config_id(config.scientific()) for config in asked}
    assert {record.run_id for record in before} == {record.parent for record in own} - {None}
    for record in records:
        assert record.status == "finished"
        assert record.curve[-1].step == 2
        assert record.scores.keys() >= scores_of(record.experiment)
        assert record.similarity
    moved = next(record for record in own if record.row == "delta_lora")
    assert moved.diagnostics["weight_updates"] == 1
