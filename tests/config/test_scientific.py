"""What moves a number changes the config id; what does not, does not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from deltalora.config import RunConfig
from deltalora.results import config_id

Configure = Callable[..., RunConfig]

#: Keys that no number depends on.
SILENT = {"experiment", "scale", "row", "seed", "model.name", "train.checkpoint_every"}
SILENT_SECTIONS = {"logger", "runtime"}

#: Another allowed value, where it cannot be derived from the first. None: the schema allows just this one.
ANOTHER: dict[str, Any] = {
    "scale": "embedded",
    "task.name": None,
    "task.source": "embedded",
    "task.data_dir": None,  # allowed with source=local only; see below
    "task.text_form": "raw",
    "task.limits.train": 5,
    "task.limits.validation": 5,
    "task.limits.test": 5,
    "model.architecture": None,
    "model.source": "embedded",
    "model.weights": "random",
    "method.name": None,  # another method has other keys; see below
    "method.start": "text",
    "method.update": None,
    "method.evaluation_rank": 2,
    "train.max_steps": 30_000,
    "train.warmup_ratio": None,  # in place of warmup_steps; see below
    "init_from": None,  # a whole configuration; see below
    "train.batching": "bucketed",
    "train.schedule": None,
    "runtime.on_failure": "stop",
    "runtime.table": "table1",
    "train.clip_norm": 1.0,
    "train.precision": "bf16",
    "train.evaluate_every": "end",
    "train.selection": "best",
    "train.accumulation_steps": 2,
    "decoding.early_stopping": True,
    "decoding.search": "lora_reference",
    "logger.name": "none",
    "logger.mode": "online",
    "runtime.device": "cpu",
    "runtime.threads": 2,
}


def leaves(tree: object, key: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {key: tree}
    return {path: leaf for name in tree for path, leaf in leaves(tree[name], f"{key}.{name}".lstrip(".")).items()}


def another(key: str, value: object) -> object:
    if key in ANOTHER:
        return ANOTHER[key]
    if key == "method.update":
        return {"frozen": "all"}.get(str(value))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 or 0.25
    if isinstance(value, str):
        return f"{value}x"
    assert isinstance(value, list), f"say in ANOTHER what {key} may be beside {value!r}"
    return [*value, "x"]


def with_leaf(config: RunConfig, key: str, value: object) -> RunConfig:
    tree = config.model_dump(mode="json")
    inner = tree
    *sections, last = key.split(".")
    for section in sections:
        inner = inner[section]
    inner[last] = value
    return RunConfig.model_validate_json(json.dumps(tree))


def id_of(config: RunConfig) -> str:
    return config_id(config.scientific())


@pytest.mark.parametrize("method", ["delta_lora", "adalora", "dylora", "lora"])
def test_every_key_that_can_move_a_number_changes_the_config_id_and_no_other(configure: Configure, method: str) -> None:
    base = configure("scale=paper", "logger=wandb", f"method={method}")
    before = id_of(base)
    changed, unchanged = set(), set()
    for key, value in leaves(base.model_dump(mode="json")).items():
        if (new := another(key, value)) is None:
            continue
        assert new != value
        (unchanged if id_of(with_leaf(base, key, new)) == before else changed).add(key)
    silent = {key for key in unchanged | changed if key in SILENT or key.split(".")[0] in SILENT_SECTIONS}
    assert unchanged == silent
    assert changed >= {"task.hub.path", "model.path", "model.revision", "train.learning_rate", "decoding.num_beams"}
    assert any(key.startswith("method.") for key in changed)


def test_keys_of_one_choice_are_hashed_all_the_same(configure: Configure) -> None:
    hashed = leaves(configure("method=delta_lora").scientific())
    assert {"task.name", "model.architecture", "method.name", "method.update", "train.schedule"} <= hashed.keys()


def test_a_warm_up_given_as_a_part_of_the_steps_is_another_configuration(configure: Configure) -> None:
    part = configure("train.warmup_steps=null", "train.warmup_ratio=0.06")
    assert id_of(part) != id_of(configure())
    assert part.train.warmup(total_steps=101) == 7
    assert configure().train.warmup(total_steps=101) == configure().train.warmup_steps


def test_two_folders_with_the_same_data_make_the_same_configuration(configure: Configure) -> None:
    here = configure("task.source=local", "task.data_dir=here")
    assert id_of(here) == id_of(configure("task.source=local", "task.data_dir=there"))
    assert id_of(here) != id_of(configure())


def test_a_local_models_folder_does_not_count_because_its_weights_do(configure: Configure) -> None:
    here = configure("model.source=local", "model.path=here", "model.revision=null")
    assert id_of(here) == id_of(configure("model.source=local", "model.path=there", "model.revision=main"))


def test_the_hubs_address_counts_only_if_the_data_come_from_there(configure: Configure) -> None:
    assert id_of(configure("task.hub.revision=other")) == id_of(configure())
    assert id_of(configure("scale=paper", "task.hub.revision=other")) != id_of(configure("scale=paper"))


def test_an_integer_and_the_same_whole_float_are_one_configuration(configure: Configure) -> None:
    assert id_of(configure("recipe.update_ratio=2")) == id_of(configure("recipe.update_ratio=2.0"))


def test_a_configuration_survives_its_own_json(configure: Configure) -> None:
    config = configure("scale=paper", "method=adalora")
    again = RunConfig.model_validate_json(config.model_dump_json(), strict=True)
    assert again == config
    assert id_of(again) == id_of(config)


def test_a_configuration_cannot_be_changed(configure: Configure) -> None:
    with pytest.raises(ValueError, match="frozen"):
        configure().train.epochs = 3  # type: ignore[misc]
