"""Every experiment x every method: two optimizer steps, one decode, every score. `make smoke`."""

from pathlib import Path

import pytest

from deltalora.cli import main
from deltalora.config import config_dir
from deltalora.results import Store

EXPERIMENTS = sorted(
    str(path.relative_to(config_dir() / "experiment").with_suffix(""))
    for path in (config_dir() / "experiment").rglob("*.yaml")
)
METHODS = sorted(path.stem for path in (config_dir() / "method").glob("*.yaml"))


@pytest.mark.smoke
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_method_goes_the_whole_way(experiment: str, tmp_path: Path) -> None:
    overrides = ["+debug=two_steps", f"experiment={experiment}", "method=glob(*)", "runtime.threads=1"]
    assert main(["train", "-m", *overrides, f"runtime.results_dir={tmp_path / 'runs'}"]) == 0
    records = Store(tmp_path / "runs").records()
    assert sorted(record.row for record in records) == METHODS
    for record in records:
        assert record.status == "finished"
        assert record.curve[-1].step == 2
        assert record.scores
