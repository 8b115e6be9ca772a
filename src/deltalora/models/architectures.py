"""What differs between the backbones: the network that is built, its configuration keys, its positions, its ties."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
)

from deltalora.config.schema import ModelConfig
from deltalora.errors import ModelError
from deltalora.models.locate import ModelIdentity


@dataclass(frozen=True)
class Architecture:
    """One family of backbones in transformers.

    Attributes:
        network: The class that builds the network the suite fine-tunes.
        judges: Whether that network classifies, and so has a head of its own to be drawn.
        dropout: The configuration key of each dropout probability, by the suite's name for it.
        positions: The configuration key of the length of the position table.
        reserved_positions: Rows of that table that no token ever takes (RoBERTa counts on from its padding id, 1).
        tied: The names of one and the same tensor.
        left_over: Pattern of a checkpoint's tensors that this network has no use for.
    """

    network: Any
    judges: bool
    dropout: Mapping[str, str]
    positions: str
    reserved_positions: int
    tied: tuple[str, ...]
    left_over: str | None


ARCHITECTURES: Mapping[str, Architecture] = {
    "gpt2": Architecture(
        network=AutoModelForCausalLM,
        judges=False,
        dropout={"residual": "resid_pdrop", "attention": "attn_pdrop", "embedding": "embd_pdrop"},
        positions="n_positions",
        reserved_positions=0,
        tied=("transformer.wte.weight", "lm_head.weight"),
        left_over=None,
    ),
    "roberta": Architecture(
        network=AutoModelForSequenceClassification,
        judges=True,
        dropout={
            "hidden": "hidden_dropout_prob",
            "attention": "attention_probs_dropout_prob",
            "classifier": "classifier_dropout",
        },
        positions="max_position_embeddings",
        reserved_positions=2,
        tied=(),
        left_over=r"lm_head\..*|(roberta\.)?pooler\..*",  # of the masked language model that the hub has
    ),
    "bart": Architecture(
        network=AutoModelForSeq2SeqLM,
        judges=False,
        dropout={
            "residual": "dropout",
            "attention": "attention_dropout",
            "activation": "activation_dropout",
            "classifier": "classifier_dropout",
        },
        positions="max_position_embeddings",
        reserved_positions=0,
        tied=(
            "model.shared.weight",
            "model.encoder.embed_tokens.weight",
            "model.decoder.embed_tokens.weight",
            "lm_head.weight",
        ),
        left_over=None,
    ),
}


def max_positions(config: ModelConfig, identity: ModelIdentity) -> int:
    """The longest input in tokens, specials included (of BART: of either side).

    Raises:
        ModelError: The folder's config.json cannot be read or is of another model.
    """
    architecture = ARCHITECTURES[config.architecture]
    table: int = getattr(hf_config(config, identity.folder), architecture.positions)
    return table - architecture.reserved_positions


def hf_config(config: ModelConfig, folder: Path | None, num_labels: int | None = None) -> PretrainedConfig:
    """The network's configuration for transformers: a folder's own, or of `model.shape` alone, with our dropouts.

    Raises:
        ModelError: The folder's config.json cannot be read, or is not of the stated architecture and shape.
    """
    ours: dict[str, Any] = {
        key: config.dropout[name] for name, key in ARCHITECTURES[config.architecture].dropout.items()
    }
    if num_labels is not None:
        kind = "regression" if num_labels == 1 else "single_label_classification"
        ours |= {"num_labels": num_labels, "problem_type": kind}
    if folder is None:
        built: PretrainedConfig = AutoConfig.for_model(config.architecture, **(config.shape or {}), **ours)
        return built
    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder}: expected a config.json of transformers, found: {cause}") from error
    if found.model_type != config.architecture:
        raise ModelError(f"{folder}: expected a {config.architecture} model, found {found.model_type}; mend model.path")
    for key, value in (config.shape or {}).items():
        if getattr(found, key) != value:
            raise ModelError(
                f"{folder}: expected {key}={value} for {config.name}, found {getattr(found, key)}; mend model.path"
            )
    for key, value in ours.items():
        setattr(found, key, value)
    return found
