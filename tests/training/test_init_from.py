"""A run that starts from another run's weights: it does that one first, and goes on from what it trained."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deltalora.config import RunConfig, run_config
from deltalora.errors import StoreError
from deltalora.results import RunRecord, Store
from deltalora.training import execute

Configure = Callable[..., RunConfig]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def build(*overrides: str) -> RunConfig:
        small = ["experiment=glue/rte", "+debug=two_steps_glue", "runtime.device=cpu", "runtime.threads=1"]
        return run_config([*small, f"runtime.results_dir={tmp_path / 'runs'}", *overrides])

    return build


def by_experiment(tmp_path: Path) -> dict[str, RunRecord]:
    return {record.experiment: record for record in Store(tmp_path / "runs").records()}


def test_the_mnli_run_of_the_same_row_and_seed_is_done_first_and_once(configure: Configure, tmp_path: Path) -> None:
    rte = execute(configure("method=lora", "seed=3")).record
    records = by_experiment(tmp_path)
    assert records.keys() == {"glue/mnli", "glue/rte"}
    mnli = records["glue/mnli"]
    assert (mnli.row, mnli.seed, mnli.status) == ("lora", 3, "finished")
    assert rte.parent == mnli.run_id
    assert mnli.parent is None
    assert (parent := rte.run_config().init_from) is not None
    assert parent.experiment == "glue/mnli"
    execute(configure("method=lora", "seed=3", "experiment=glue/mrpc"))
    assert Store(tmp_path / "runs").read(mnli.run_id) == mnli  # not computed again


@pytest.mark.invariant
@pytest.mark.parametrize("method", ["full", "lora", "adalora", "delta_lora"])
def test_at_rate_zero_a_run_ends_with_what_it_inherited(configure: Configure, tmp_path: Path, method: str) -> None:
    """MNLI's weights arrive whole, Delta-LoRA's moved W too, and only the output layer is fresh."""

    def at_rest(config: RunConfig) -> dict[str, torch.Tensor]:
        still = config.model_copy(update={"train": config.train.model_copy(update={"learning_rate": 1e-30})})
        return load_file(tmp_path / "runs" / execute(still).record.run_id / "state.safetensors")

    config = configure(f"method={method}")
    assert config.init_from is not None
    inherited, fresh = at_rest(config), at_rest(configure(f"method={method}", "init_from=none"))
    mnli = execute(config.init_from)
    assert mnli.skipped
    learnt = load_file(tmp_path / "runs" / mnli.record.run_id / "state.safetensors")
    trained = {key for key in learnt if key.startswith(("parameter/", "weight/"))}
    output = {key for key in trained if "classifier.out_proj" in key}
    for key in trained - output:
        torch.testing.assert_close(inherited[key], learnt[key], rtol=0, atol=1e-12)
    for key in output:
        assert (inherited[key].shape[0], learnt[key].shape[0]) == (2, 3)
        torch.testing.assert_close(inherited[key], fresh[key], rtol=0, atol=1e-12)
    # MNLI's two steps have moved something of every kind, so that nothing above could hold by itself.
    moved = {key for key in trained - output if not torch.equal(fresh[key], learnt[key])}
    assert any("classifier.dense" in key for key in moved)
    assert any("classifier" not in key for key in moved)
    assert any(key.startswith("weight/") for key in moved) == (method == "delta_lora")


def test_a_finished_run_no_longer_needs_the_one_it_started_from(configure: Configure, tmp_path: Path) -> None:
    first = execute(configure("method=lora")).record
    shutil.rmtree(tmp_path / "runs" / str(first.parent))
    again = execute(configure("method=lora"))
    assert again.skipped
    assert again.record == first
    assert by_experiment(tmp_path).keys() == {"glue/rte"}


def test_where_it_starts_from_is_a_part_of_what_a_run_is(configure: Configure) -> None:
    from_mnli = execute(configure("method=lora")).record
    from_scratch = execute(configure("method=lora", "init_from=none")).record
    assert from_scratch.run_id != from_mnli.run_id
    assert from_scratch.parent is None
    assert from_scratch.config["init_from"] is None


def test_a_parent_whose_weights_are_gone_is_refused_before_anything_is_written(
    configure: Configure, tmp_path: Path
) -> None:
    mnli = execute(configure("experiment=glue/mnli", "method=lora", "runtime.keep_state=false")).record
    assert not (tmp_path / "runs" / mnli.run_id / "state.safetensors").exists()
    with pytest.raises(StoreError, match=rf"{mnli.run_id}.*keep_state=false.*run it again"):
        execute(configure("method=lora"))
    assert by_experiment(tmp_path).keys() == {"glue/mnli"}
