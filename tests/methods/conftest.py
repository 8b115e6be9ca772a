"""Tiny random backbones of the four architectures, one batch each, one configuration per method, and a plain loop."""

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from transformers import (
    BartForConditionalGeneration,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaForSequenceClassification,
)

from deltalora.methods import Method, build_method
from tiny_models import bart_config, gpt2_config, roberta_config

VOCABULARY = 40
METHOD_VALUES: dict[str, dict[str, object]] = {
    "full": {},
    "ft_frozen_embeddings": {},
    "ft_qv": {},
    "lora": {"rank": 3, "alpha": 6.0},
    "dylora": {"rank": 3, "alpha": 6.0},
    "adalora": {
        "initial_rank": 3,
        "target_rank": 1,
        "alpha": 6.0,
        "initial_warmup": 1,
        "final_warmup": 3,
        "mask_interval": 2,
    },
    "delta_lora": {"rank": 3, "alpha": 6.0, "update_ratio": 2.0, "start_step": 2},
}
METHOD_VALUES["delta_lora_closed_form"] = {
    "name": "delta_lora",
    **METHOD_VALUES["delta_lora"],
    "update": "closed_form",
}


def _gpt2() -> nn.Module:
    return GPT2LMHeadModel(gpt2_config(vocab_size=VOCABULARY, n_positions=16, bos_token_id=0, eos_token_id=2))


def _roberta() -> nn.Module:
    return RobertaForSequenceClassification(roberta_config(vocab_size=VOCABULARY, max_position_embeddings=20))


def _bart() -> nn.Module:
    shape = bart_config(vocab_size=VOCABULARY, max_position_embeddings=16, forced_eos_token_id=None)
    return BartForConditionalGeneration(shape)


def _llama() -> nn.Module:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16,
    )
    return LlamaForCausalLM(config)


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {"gpt2": _gpt2, "roberta": _roberta, "bart": _bart, "llama": _llama}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Matrices this small are many times slower on several threads that wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=list(ARCHITECTURES))
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=list(METHOD_VALUES))
def method_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def make_model() -> Callable[..., nn.Module]:
    """Returns a function of (architecture, dtype) that gives the same random model every time."""
    made: dict[str, nn.Module] = {}

    def make(architecture: str, dtype: torch.dtype = torch.float32) -> nn.Module:
        if architecture not in made:
            torch.manual_seed(0)
            model = ARCHITECTURES[architecture]()
            # Zero biases would hide a bias that is lost, and tiny weights give gradients too small to tell apart.
            for parameter in model.parameters():
                parameter.data.add_(0.1 * torch.randn_like(parameter))
            made[architecture] = model
        return copy.deepcopy(made[architecture]).to(dtype).train()

    return make


@pytest.fixture(scope="session")
def make_batch() -> Callable[[str], dict[str, torch.Tensor]]:
    def make(architecture: str) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(1)
        input_ids = torch.randint(3, VOCABULARY, (4, 8), generator=generator)
        labels = torch.tensor([0, 1, 1, 0]) if architecture == "roberta" else input_ids
        return {"input_ids": input_ids, "labels": labels}

    return make


@pytest.fixture(scope="session")
def make_method() -> Callable[..., Method]:
    """Returns a function of (name, model, **changed values) that builds, plans (12 steps) and injects a method."""

    def make(name: str, model: nn.Module, *, seed: int = 7, total_steps: int = 12, **values: object) -> Method:
        method = build_method({"name": name, **METHOD_VALUES[name], **values})
        method.plan(total_steps)
        method.inject(model, torch.Generator().manual_seed(seed))
        return method

    return make


@pytest.fixture(scope="session")
def make_optimizer() -> Callable[..., torch.optim.Optimizer]:
    def make(method: Method, model: nn.Module, lr: float = 1e-2, weight_decay: float = 0.1) -> torch.optim.Optimizer:
        groups = [{"params": list(group.parameters.values())} for group in method.trainable(model)]
        return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay)

    return make


@pytest.fixture(scope="session")
def train() -> Callable[..., list[float]]:
    """Returns the loop of the contract: steps `first` to `last`-1, explicit calls; the losses."""

    def run(
        method: Method,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        batch: dict[str, torch.Tensor],
        last: int,
        first: int = 0,
    ) -> list[float]:
        losses = []
        for step in range(first, last):
            method.before_step(step)
            loss = model(**batch).loss
            (loss + method.penalty()).backward()
            optimizer.step()
            method.after_step(step)
            optimizer.zero_grad()
            losses.append(float(loss.detach()))
        return losses

    return run
