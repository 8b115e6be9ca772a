"""A tiny random GPT-2 and random token sequences: the loop does not care what the tokens mean."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from transformers import GPT2LMHeadModel

from deltalora.config import TrainConfig
from deltalora.methods import Method, build_method
from deltalora.tasks import EncodedPair, collate_pairs
from deltalora.training.batches import TrainingBatches
from deltalora.training.loggers import NoLogger
from deltalora.training.loop import Trainer
from deltalora.training.objective import CausalObjective
from tiny_models import gpt2_config

STEPS = 12
PAD = 0

METHODS = {
    "full": {"name": "full"},
    "ft_frozen_embeddings": {"name": "ft_frozen_embeddings"},
    "ft_qv": {"name": "ft_qv"},
    "lora": {"name": "lora", "rank": 2, "alpha": 8.0, "dropout": 0.3},
    "dylora": {"name": "dylora", "rank": 3, "alpha": 8.0},
    "adalora": {
        "name": "adalora",
        "initial_rank": 3,
        "target_rank": 2,
        "alpha": 8.0,
        "initial_warmup": 2,
        "final_warmup": 4,
        "mask_interval": 1,
        "beta1": 0.85,
        "beta2": 0.85,
        "orthogonality_weight": 0.1,
    },
    "delta_lora": {"name": "delta_lora", "rank": 2, "alpha": 8.0, "update_ratio": 2.0, "start_step": 3},
}

TRAIN = {
    "epochs": 1,
    "max_steps": STEPS,
    "batch_size": 6,
    "accumulation_steps": 1,
    "learning_rate": 5e-3,
    "schedule": "linear",
    "warmup_steps": 2,
    "weight_decay": 0.1,
    "decay_bias_and_norm": True,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-6,
    "clip_norm": None,
    "label_smoothing": 0.0,
    "precision": "fp32",
    "evaluate_every": "end",
    "selection": "last",
    "checkpoint_every": 0,
}

BuildTrainer = Callable[..., tuple[Trainer, GPT2LMHeadModel, Method]]


def tiny_gpt2(dtype: torch.dtype = torch.float32, dropout: float = 0.0) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    dropouts = {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout}
    config = gpt2_config(vocab_size=50, bos_token_id=0, eos_token_id=0, **dropouts)
    return GPT2LMHeadModel(config).to(dtype)


def random_pairs(count: int, seed: int) -> list[EncodedPair]:
    """Sequences of 4 to 13 tokens whose completion is at least one token."""
    generator = torch.Generator().manual_seed(seed)
    pairs = []
    for _ in range(count):
        length = int(torch.randint(4, 14, (1,), generator=generator))
        ids = torch.randint(1, 50, (length,), generator=generator).tolist()
        pairs.append(EncodedPair(tuple(ids), int(torch.randint(1, length, (1,), generator=generator))))
    return pairs


@pytest.fixture
def build_trainer(tmp_path: Path) -> BuildTrainer:
    def build(
        method: dict[str, object], *, dtype: torch.dtype = torch.float32, dropout: float = 0.0, **changes: object
    ) -> tuple[Trainer, GPT2LMHeadModel, Method]:
        config = TrainConfig.model_validate(TRAIN | changes)
        chosen = build_method(method)
        steps = config.max_steps or STEPS
        chosen.plan(steps)
        model = tiny_gpt2(dtype, dropout)
        chosen.inject(model, torch.Generator().manual_seed(1))
        torch.manual_seed(2)
        trainer = Trainer(
            config,
            chosen,
            model,
            CausalObjective(model),
            Accelerator(cpu=True),
            TrainingBatches(
                random_pairs(20, seed=3),
                collate_pairs,
                batch_size=config.batch_size,
                accumulation_steps=config.accumulation_steps,
                seed=4,
                pad_id=PAD,
            ),
            random_pairs(7, seed=5),
            collate_pairs,
            total_steps=steps,
            pad_id=PAD,
            run_id="0123456789ab",
            checkpoint=tmp_path / "checkpoint.pt",
            logger=NoLogger(),
        )
        return trainer, model, chosen

    return build


@pytest.fixture
def tiny() -> GPT2LMHeadModel:
    return tiny_gpt2()


@pytest.fixture
def method_settings() -> dict[str, dict[str, object]]:
    return METHODS


@pytest.fixture
def make_pairs() -> Callable[[int, int], list[EncodedPair]]:
    return random_pairs
