"""Who decays, and that it is decided by the configuration alone."""

from collections.abc import Callable

import pytest
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Trainer

from deltalora.config import TrainConfig
from deltalora.methods import ParameterGroup
from deltalora.training.optimizer import build_optimizer

MakeModel = Callable[..., PreTrainedModel]


def decayed(model: PreTrainedModel, train_config: TrainConfig) -> set[str]:
    """Names of the parameters that the optimizer decays; every parameter is in exactly one of its groups."""
    named = dict(model.named_parameters())
    names = {id(parameter): name for name, parameter in named.items()}
    optimizer = build_optimizer([ParameterGroup("backbone", named)], train_config)
    groups = [([names[id(one)] for one in group["params"]], group["weight_decay"]) for group in optimizer.param_groups]
    assert sorted(name for members, _ in groups for name in members) == sorted(named)
    assert {decay for _, decay in groups} <= {0.0, 0.1}
    return {name for members, decay in groups if decay for name in members}


def bare(name: str) -> bool:
    """Biases and layer norms, spelt out by the modules' own names in the three architectures."""
    *_, module, last = name.split(".")
    norms = ("ln_1", "ln_2", "ln_f", "LayerNorm", "layer_norm", "layernorm_embedding")
    return last == "bias" or module in norms or module.endswith("_layer_norm")


def test_where_the_recipe_spares_them_no_bias_and_no_norm_decays_and_all_else_does(
    make_model: MakeModel, architecture: str, train_config: Callable[..., TrainConfig]
) -> None:
    model = make_model(architecture)
    names = {name for name, _ in model.named_parameters()}
    spared = {name for name in names if bare(name)}
    assert any(name.endswith("bias") for name in spared)
    assert any(name.endswith("weight") for name in spared)
    assert decayed(model, train_config(decay_bias_and_norm=False)) == names - spared


def test_what_is_spared_is_what_transformers_trainer_spares(
    make_model: MakeModel, architecture: str, train_config: Callable[..., TrainConfig]
) -> None:
    model = make_model(architecture)
    assert decayed(model, train_config(decay_bias_and_norm=False)) == decayed_by_transformers(model)


def test_every_norm_of_llama_is_spared_as_by_transformers_trainer(train_config: Callable[..., TrainConfig]) -> None:
    shape = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 32, "max_position_embeddings": 16}
    heads = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(**shape, **heads, attention_bias=True))
    found = decayed(model, train_config(decay_bias_and_norm=False))
    assert found == decayed_by_transformers(model)
    spared = {name for name, _ in model.named_parameters()} - found
    norms = {
        f"model.layers.{n}.{norm}.weight" for n in (0, 1) for norm in ("input_layernorm", "post_attention_layernorm")
    }
    assert {name for name in spared if name.endswith("weight")} == norms | {"model.norm.weight"}


def decayed_by_transformers(model: PreTrainedModel) -> set[str]:
    """Names that transformers' Trainer lets decay; a tied tensor by the one name under which it is trained."""
    names = Trainer.get_decay_parameter_names(object.__new__(Trainer), model)
    return {name for name, _ in model.named_parameters()} & set(names)


def test_where_the_recipe_does_not_spare_them_everything_decays(
    make_model: MakeModel, architecture: str, train_config: Callable[..., TrainConfig]
) -> None:
    model = make_model(architecture)
    assert decayed(model, train_config(decay_bias_and_norm=True)) == {name for name, _ in model.named_parameters()}


@pytest.fixture
def train_config(build_trainer: Callable) -> Callable[..., TrainConfig]:
    """Returns a function of what is not as usual that gives the settings of a trainer."""

    def make(**changes: object) -> TrainConfig:
        trainer, _, _ = build_trainer({"name": "full"}, **changes)
        config: TrainConfig = trainer.config
        return config

    return make
