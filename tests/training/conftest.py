"""Tiny random backbones of three architectures and random examples: the loop does not care what the tokens mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from transformers import (
    BartForConditionalGeneration,
    GPT2LMHeadModel,
    PreTrainedModel,
    RobertaForSequenceClassification,
)

from deltalora.config import TrainConfig
from deltalora.methods import Method, build_method
from deltalora.tasks import Collate, EncodedExample
from deltalora.tasks.forms import (
    CollateExamples,
    EncodedLabelledExample,
    EncodedPair,
    EncodedTransformation,
    collate_pairs,
    collate_transformations,
)
from deltalora.training.batches import TrainingBatches
from deltalora.training.loggers import NoLogger
from deltalora.training.loop import Trainer
from deltalora.training.objective import CausalObjective, ClassificationObjective, Objective, Seq2SeqObjective
from tiny_models import bart_config, gpt2_config, roberta_config

STEPS = 12
PAD = 0
VOCABULARY = 50

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
    "delta_lora_closed_form": {
        "name": "delta_lora",
        "rank": 2,
        "alpha": 8.0,
        "update_ratio": 2.0,
        "start_step": 3,
        "update": "closed_form",
    },
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

BuildTrainer = Callable[..., tuple[Trainer, PreTrainedModel, Method]]


def _gpt2(dropout: float) -> PreTrainedModel:
    dropouts = {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout}
    return GPT2LMHeadModel(gpt2_config(vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=0, **dropouts))


def _roberta(dropout: float) -> PreTrainedModel:
    dropouts = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    return RobertaForSequenceClassification(roberta_config(vocab_size=VOCABULARY, num_labels=3, **dropouts))


def _bart(dropout: float) -> PreTrainedModel:
    dropouts = {"dropout": dropout, "attention_dropout": dropout, "activation_dropout": dropout}
    layers = {"encoder_layers": 1, "decoder_layers": 1}  # three attention blocks
    return BartForConditionalGeneration(
        bart_config(vocab_size=VOCABULARY, forced_eos_token_id=None, **layers, **dropouts)
    )


def tiny_model(architecture: str, dtype: torch.dtype = torch.float32, dropout: float = 0.0) -> PreTrainedModel:
    """The same random backbone every time."""
    torch.manual_seed(0)
    model = ARCHITECTURES[architecture].build(dropout)
    # Zero biases would hide a bias that is lost, and weights of 0.02 attend to all places alike.
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.to(dtype)


def random_pairs(count: int, seed: int) -> list[EncodedPair]:
    """Sequences of 4 to 13 tokens whose completion is at least one token."""
    generator = torch.Generator().manual_seed(seed)
    pairs = []
    for _ in range(count):
        ids = _ids(4, 13, generator)
        pairs.append(EncodedPair(ids, int(torch.randint(1, len(ids), (1,), generator=generator))))
    return pairs


def random_judgements(count: int, seed: int) -> list[EncodedLabelledExample]:
    """Inputs of 2 to 13 tokens in three classes."""
    generator = torch.Generator().manual_seed(seed)
    return [
        EncodedLabelledExample(_ids(2, 13, generator), float(torch.randint(3, (1,), generator=generator)))
        for _ in range(count)
    ]


def random_transformations(count: int, seed: int) -> list[EncodedTransformation]:
    """Sources of 2 to 13 tokens and targets of 2 to 9."""
    generator = torch.Generator().manual_seed(seed)
    return [EncodedTransformation(_ids(2, 13, generator), _ids(2, 9, generator)) for _ in range(count)]


def _ids(shortest: int, longest: int, generator: torch.Generator) -> tuple[int, ...]:
    """Tokens from 3 on; those before are padding and borders to RoBERTa and BART."""
    length = int(torch.randint(shortest, longest + 1, (1,), generator=generator))
    return tuple(torch.randint(3, VOCABULARY, (length,), generator=generator).tolist())


@dataclass(frozen=True)
class Architecture:
    """One backbone and the form of task it is trained on."""

    build: Callable[[float], PreTrainedModel]
    objective: type[Objective]
    examples: Callable[[int, int], Sequence[EncodedExample]]
    collate: Collate
    pad_id: int


ARCHITECTURES = {
    "gpt2": Architecture(_gpt2, CausalObjective, random_pairs, collate_pairs, PAD),
    "roberta": Architecture(
        _roberta, ClassificationObjective, random_judgements, CollateExamples(regression=False), pad_id=1
    ),
    "bart": Architecture(_bart, Seq2SeqObjective, random_transformations, collate_transformations, pad_id=1),
}


def trainer_builder(folder: Path) -> BuildTrainer:
    """Returns a function of a method's settings, and of what is not as usual, that gives trainer, model and method."""

    def build(
        method: dict[str, object],
        architecture: str = "gpt2",
        *,
        dtype: torch.dtype = torch.float32,
        dropout: float = 0.0,
        objective: type[Objective] | None = None,
        collate: Collate | None = None,
        train: Sequence[EncodedExample] | None = None,
        validation: Sequence[EncodedExample] | None = None,
        **changes: object,
    ) -> tuple[Trainer, PreTrainedModel, Method]:
        config = TrainConfig.model_validate(TRAIN | changes)
        usual = ARCHITECTURES[architecture]
        chosen = build_method(method)
        steps = config.max_steps or STEPS
        chosen.plan(steps)
        model = tiny_model(architecture, dtype, dropout)
        chosen.inject(model, torch.Generator().manual_seed(1))
        torch.manual_seed(2)
        trainer = Trainer(
            config,
            chosen,
            model,
            (objective or usual.objective)(model),
            Accelerator(cpu=True),
            TrainingBatches(
                train or usual.examples(20, 3),
                collate or usual.collate,
                batch_size=config.batch_size,
                accumulation_steps=config.accumulation_steps,
                seed=4,
                pad_id=usual.pad_id,
            ),
            validation or usual.examples(7, 5),
            collate or usual.collate,
            total_steps=steps,
            pad_id=usual.pad_id,
            run_id="0123456789ab",
            checkpoint=folder / "checkpoint.pt",
            logger=NoLogger(),
        )
        return trainer, model, chosen

    return build


@pytest.fixture
def build_trainer(tmp_path: Path) -> BuildTrainer:
    """See `trainer_builder`."""
    return trainer_builder(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> BuildTrainer:
    """Returns a function of settings and architecture that gives a finished float64 run of 8 steps to look at.

    Without any dropout; trained once and shared by tests, none of which may change it.
    """
    build = trainer_builder(tmp_path_factory.mktemp("trained"))
    done: dict[str, tuple[Trainer, PreTrainedModel, Method]] = {}

    def make(settings: dict[str, object], architecture: str) -> tuple[Trainer, PreTrainedModel, Method]:
        without = {key: value for key, value in settings.items() if key != "dropout"}
        key = f"{without} {architecture}"
        if key not in done:
            done[key] = build(without, architecture, dtype=torch.float64, max_steps=8, label_smoothing=0.1)
            done[key][0].run()
        return done[key]

    return make


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[Trainer, int], None]:
    """Returns a function that trains a trainer until it is interrupted in the step after so many."""

    def stop(trainer: Trainer, steps: int) -> None:
        step, calls = trainer._step, iter(range(steps))

        def or_interrupt(*arguments: Any) -> float:
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return step(*arguments)

        monkeypatch.setattr(trainer, "_step", or_interrupt)
        with pytest.raises(KeyboardInterrupt):
            trainer.run()

    return stop


@pytest.fixture(params=list(ARCHITECTURES))
def architecture(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=list(METHODS))
def settings(request: pytest.FixtureRequest) -> dict[str, object]:
    """Of every method."""
    return METHODS[request.param]


@pytest.fixture
def make_model() -> Callable[..., PreTrainedModel]:
    """Returns `tiny_model`."""
    return tiny_model


@pytest.fixture
def architectures() -> dict[str, Architecture]:
    return ARCHITECTURES


@pytest.fixture
def tiny() -> PreTrainedModel:
    return tiny_model("gpt2")


@pytest.fixture
def method_settings() -> dict[str, dict[str, object]]:
    return METHODS


@pytest.fixture
def make_pairs() -> Callable[[int, int], list[EncodedPair]]:
    return random_pairs
