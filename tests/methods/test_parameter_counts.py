"""Exact parameter counts of the paper's three backbones (its tables 1, 3 and 4 print them in units of 2^20)."""

import pytest
import torch
from torch import nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from deltalora.config import parse_method_config
from deltalora.methods import build_method, count_parameters
from deltalora.methods.count import ParameterCount

pytestmark = pytest.mark.golden

GPT2_MEDIUM = 354_823_168
ROBERTA_BASE = 124_647_170
BART_LARGE = 406_291_456
ROBERTA_HEAD = 592_130


@pytest.fixture(scope="module")
def backbones() -> dict[str, nn.Module]:
    with torch.device("meta"):
        return {
            "gpt2": GPT2LMHeadModel(GPT2Config(n_embd=1024, n_layer=24, n_head=16)),
            "roberta": RobertaForSequenceClassification(
                RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1)
            ),
            "bart": BartForConditionalGeneration(BartConfig()),
        }


def _values(name: str, rank: int) -> dict[str, object]:
    if name in ("lora", "dylora"):
        return {"rank": rank, "alpha": 16.0}
    if name == "delta_lora":
        return {"rank": rank, "alpha": 16.0, "update_ratio": 2.0, "start_step": 500}
    if name == "adalora":
        schedule = {"initial_warmup": 0, "final_warmup": 0, "mask_interval": 1}
        return {"initial_rank": rank, "target_rank": rank, "alpha": 16.0, **schedule}
    return {}


@pytest.mark.parametrize(
    ("backbone", "method", "rank", "expected"),
    [
        ("gpt2", "full", 0, ParameterCount(354_823_168, 0, 0, GPT2_MEDIUM)),
        ("gpt2", "ft_frozen_embeddings", 0, ParameterCount(303_360_000, 0, 0, GPT2_MEDIUM)),
        ("gpt2", "ft_qv", 0, ParameterCount(50_331_648, 0, 0, GPT2_MEDIUM)),
        ("gpt2", "lora", 4, ParameterCount(393_216, 0, 0, GPT2_MEDIUM)),
        ("gpt2", "dylora", 4, ParameterCount(393_216, 0, 0, GPT2_MEDIUM)),
        ("gpt2", "adalora", 4, ParameterCount(393_408, 0, 0, GPT2_MEDIUM)),
        ("gpt2", "delta_lora", 4, ParameterCount(393_216, 50_331_648, 0, GPT2_MEDIUM)),
        ("roberta", "full", 0, ParameterCount(124_647_170, 0, 0, ROBERTA_BASE)),
        ("roberta", "ft_frozen_embeddings", 0, ParameterCount(86_043_650, 0, 0, ROBERTA_BASE)),
        ("roberta", "ft_qv", 0, ParameterCount(14_155_776, 0, ROBERTA_HEAD, ROBERTA_BASE)),
        ("roberta", "lora", 8, ParameterCount(294_912, 0, ROBERTA_HEAD, ROBERTA_BASE)),
        ("roberta", "adalora", 8, ParameterCount(295_104, 0, ROBERTA_HEAD, ROBERTA_BASE)),
        ("roberta", "delta_lora", 8, ParameterCount(294_912, 14_155_776, ROBERTA_HEAD, ROBERTA_BASE)),
        ("bart", "full", 0, ParameterCount(406_291_456, 0, 0, BART_LARGE)),
        ("bart", "ft_frozen_embeddings", 0, ParameterCount(354_820_096, 0, 0, BART_LARGE)),
        ("bart", "ft_qv", 0, ParameterCount(75_497_472, 0, 0, BART_LARGE)),
        ("bart", "lora", 4, ParameterCount(589_824, 0, 0, BART_LARGE)),
        ("bart", "delta_lora", 4, ParameterCount(589_824, 75_497_472, 0, BART_LARGE)),
    ],
)
def test_counts_are_the_papers_in_exact_integers(backbones, backbone, method, rank, expected):
    config = parse_method_config({"name": method, **_values(method, rank)})
    assert count_parameters(backbones[backbone], config) == expected


def test_counting_leaves_a_real_model_as_it_was(make_model, architecture):
    model = make_model(architecture)
    before = {name: (id(p), p.requires_grad) for name, p in model.named_parameters()}
    count_parameters(model, parse_method_config({"name": "lora", "rank": 2, "alpha": 4.0}))
    assert {name: (id(p), p.requires_grad) for name, p in model.named_parameters()} == before


def test_counts_are_those_of_a_real_injection(make_model, make_method, architecture, method_name):
    model = make_model(architecture)
    counted = count_parameters(model, build_method(make_method(method_name, make_model(architecture)).config).config)
    method = make_method(method_name, model)
    trained = sum(p.numel() for group in method.trainable(model) for p in group.parameters.values())
    assert counted.trainable + counted.head == trained
