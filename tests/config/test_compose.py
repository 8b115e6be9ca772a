"""Every choice in conf/ composes to a valid run, and the controls are what their names say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deltalora.config import METHODS, RunConfig, config_dir
from deltalora.config.methods import LoRAConfig

Configure = Callable[..., RunConfig]


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (config_dir() / group).glob("*.yaml"))


SCALES = choices("scale")
EXPERIMENTS = choices("experiment")


@pytest.mark.parametrize("method", choices("method"))
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_method_runs_at_every_scale_of_every_experiment(
    configure: Configure, experiment: str, scale: str, method: str
) -> None:
    config = configure(f"experiment={experiment}", f"scale={scale}", f"method={method}")
    assert (config.experiment, config.scale, config.row) == (experiment, scale, method)
    assert config.seed == 1
    assert config.task.name == experiment


def test_there_is_a_file_for_every_method_of_the_package() -> None:
    assert set(choices("method")) >= set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_a_row_that_bears_a_methods_name_is_that_method(configure: Configure, method: str) -> None:
    assert configure(f"method={method}").method.name == method


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("experiment", "model"), [("e2e", "gpt2"), ("webnlg", "gpt2"), ("xsum", "bart"), ("glue/rte", "roberta")]
)
def test_the_scale_chooses_the_backbone_unless_another_is_chosen(
    configure: Configure, scale: str, experiment: str, model: str
) -> None:
    chosen = configure(f"experiment={experiment}", f"scale={scale}").model
    assert (chosen.architecture, chosen.source) == (model, {"embedded": "embedded", "paper": "hub"}[scale])
    assert chosen == configure(f"experiment={experiment}", f"model={scale}/{model}").model.model_copy(
        update={"dropout": chosen.dropout}
    )


@pytest.mark.parametrize("choice", choices("logger"))
def test_every_logger_composes(configure: Configure, choice: str) -> None:
    assert configure(f"logger={choice}").logger.name == choice


@pytest.mark.parametrize("debug", choices("debug"))
@pytest.mark.parametrize("method", choices("method"))
def test_every_method_runs_with_every_debug_file(configure: Configure, debug: str, method: str) -> None:
    experiment = "glue/rte" if debug.endswith("_glue") else "e2e"
    config = configure(f"experiment={experiment}", f"+debug={debug}", f"method={method}")
    assert config.train.max_steps is not None
    assert config.train.max_steps < 10


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("control", ["lora_no_dropout", "lora_alpha_matched", "lora_lr_matched"])
def test_a_control_is_lora_without_dropout_and_else_only_what_it_matches(
    configure: Configure, scale: str, control: str
) -> None:
    lora, changed = configure(f"scale={scale}", "method=lora"), configure(f"scale={scale}", f"method={control}")
    assert isinstance(lora.method, LoRAConfig)
    assert isinstance(changed.method, LoRAConfig)
    assert lora.method.dropout > 0
    assert changed.method.dropout == 0
    same = {"dropout": lora.method.dropout, "alpha": lora.method.alpha}
    assert changed.method.model_copy(update=same) == lora.method
    assert changed.train.model_copy(update={"learning_rate": lora.train.learning_rate}) == lora.train
    assert (changed.method.alpha == lora.method.alpha) == (control != "lora_alpha_matched")
    assert (changed.train.learning_rate == lora.train.learning_rate) == (control != "lora_lr_matched")


@pytest.mark.parametrize("scale", SCALES)
def test_the_matched_controls_are_scaled_by_one_plus_lambda(configure: Configure, scale: str) -> None:
    delta = configure(f"scale={scale}", "method=delta_lora")
    alpha = configure(f"scale={scale}", "method=lora_alpha_matched")
    rate = configure(f"scale={scale}", "method=lora_lr_matched")
    assert delta.method.name == "delta_lora"
    assert alpha.method.name == rate.method.name == "lora"
    factor = 1 + delta.method.update_ratio
    assert factor == 3
    assert alpha.method.alpha == factor * delta.method.alpha
    assert rate.train.learning_rate == pytest.approx(factor * delta.train.learning_rate, rel=1e-12)
    assert alpha.method.rank == rate.method.rank == delta.method.rank


def test_the_alpha_control_follows_another_lambda(configure: Configure) -> None:
    config = configure("method=lora_alpha_matched", "recipe.update_ratio=5", "recipe.alpha=16")
    assert config.method.name == "lora"
    assert config.method.alpha == 96


@pytest.mark.parametrize("scale", SCALES)
def test_the_low_rank_methods_share_rank_alpha_and_rate(configure: Configure, scale: str) -> None:
    names = ("lora", "dylora", "delta_lora", "lora_no_dropout")
    runs = [configure(f"scale={scale}", f"method={name}") for name in names]
    methods = [run.method for run in runs]
    assert {(method.rank, method.alpha) for method in methods if hasattr(method, "rank")} == {(4, 32.0)}
    adalora = configure(f"scale={scale}", "method=adalora")
    assert len({run.train.learning_rate for run in [*runs, adalora]}) == 1


def test_an_override_reaches_every_part(configure: Configure) -> None:
    config = configure("seed=7", "train.batch_size=16", "method.rank=2", "decoding.num_beams=3", "task.limits.train=9")
    assert config.method.name == "delta_lora"
    assert (config.seed, config.train.batch_size, config.method.rank) == (7, 16, 2)
    assert (config.decoding.num_beams, config.task.limits.train) == (3, 9)


def test_local_data_and_weights_are_two_overrides_each(configure: Configure, tmp_path: Path) -> None:
    folder = str(tmp_path)
    config = configure(
        "scale=paper",
        "task.source=local",
        f"task.data_dir={folder}",
        "model.source=local",
        f"model.path={folder}",
    )
    assert (config.task.data_dir, config.model.path) == (folder, folder)
