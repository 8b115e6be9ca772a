"""Finding, naming and loading a pre-trained backbone.

Two traps of today's libraries are closed here. transformers 5 loads weights in the precision they were stored in, and
some hub weights are fp16, in which Delta-LoRA's update is rounded away: weights are asked for in fp32 and checked.
And a checkpoint that fits the network only in part loads with a warning: here any missing or left-over tensor is an
error.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from deltalora.config.schema import ModelConfig
from deltalora.errors import ModelError
from deltalora.models.embedded import embedded_model_dir
from deltalora.results import sha256_of_file

#: What a run reads of a model's folder beside its weights; another tokenizer or activation is another model.
_READ_BESIDES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
)

#: The only files of a hub repository that are wanted.
_WANTED = ["*.safetensors", *_READ_BESIDES]

#: Names of the three dropout probabilities in each architecture's transformers configuration.
_DROPOUT_KEYS = {"gpt2": {"residual": "resid_pdrop", "attention": "attn_pdrop", "embedding": "embd_pdrop"}}

#: A tokenizer for `weights=random`, whose vocabulary is a part of every backbone's.
_STAND_IN_TOKENIZER = {"gpt2": "gpt2"}

#: One of these holds a tokenizer's vocabulary.
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json")

Backbone = PreTrainedModel

disable_progress_bar()  # type: ignore[no-untyped-call]  # the run has a display of its own


@dataclass(frozen=True)
class ModelIdentity:
    """Which weights a run starts from.

    Attributes:
        folder: Where its files lie; None for random weights.
        revision: The hub commit that was found; None elsewhere.
        sha256: Of the weights, the configuration and the tokenizer, file by file; for random weights, of the shape.
    """

    folder: Path | None
    revision: str | None
    sha256: str


def identify(config: ModelConfig) -> ModelIdentity:
    """Finds the weights' files and hashes them; nothing is read into memory.

    Raises:
        ModelError: The files are not there; says how to point to a local folder.
    """
    if config.weights == "random":
        shape = f"random {config.architecture} {sorted((config.shape or {}).items())}"
        return ModelIdentity(None, None, hashlib.sha256(shape.encode()).hexdigest())
    folder = _folder(config)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*"))[:6]) or "nothing"
        raise ModelError(
            f"{folder}: expected config.json and *.safetensors of {config.name}, found {there}; "
            "give a folder in the hub's layout"
        )
    read = [*weights, *(folder / name for name in _READ_BESIDES if (folder / name).is_file())]
    digest = hashlib.sha256("".join(f"{path.name} {sha256_of_file(path)}\n" for path in read).encode()).hexdigest()
    return ModelIdentity(folder, folder.name if config.source == "hub" else None, digest)


def _folder(config: ModelConfig) -> Path:
    if config.source == "embedded":
        return embedded_model_dir(config.path)
    if config.source == "local":
        folder = Path(config.path)
        if not folder.is_dir():
            raise ModelError(
                f"{folder}: expected a folder with the weights of {config.name}, found none; mend model.path"
            )
        return folder
    try:
        return Path(snapshot_download(config.path, revision=config.revision, allow_patterns=_WANTED))
    except Exception as error:  # the hub client raises a dozen unrelated types; each means "not to be had"
        raise ModelError(
            f"{config.path}@{config.revision}: expected the weights of {config.name} in the local cache or on the hub, "
            f"found neither ({type(error).__name__}); with a copy of its files: model.source=local model.path=DIR"
        ) from error


def load_tokenizer(config: ModelConfig, identity: ModelIdentity) -> PreTrainedTokenizerBase:
    """The backbone's own tokenizer, from local files only.

    Raises:
        ModelError: The folder has none that can be read.
    """
    folder = identity.folder or embedded_model_dir(_STAND_IN_TOKENIZER[config.architecture])
    # Asked first, because transformers builds a tokenizer of no words where there are no files.
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(
            f"{folder}: expected a tokenizer ({' or '.join(_TOKENIZER_FILES)}), found none; add the backbone's own"
        )
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # each tokenizer class raises its own types
        raise ModelError(f"{folder}: expected a tokenizer that can be read, found: {_one_line(error)}") from error


def load_backbone(config: ModelConfig, identity: ModelIdentity, seed: int) -> Backbone:
    """The network in fp32, with the configured dropouts, every tensor accounted for.

    Args:
        config: What to build.
        identity: From `identify`.
        seed: Of the random weights, with `weights=random`; without effect otherwise.

    Raises:
        ModelError: A tensor is missing, left over, not fp32, or of another shape than `model.shape` says.
    """
    if identity.folder is None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return _from_config(_hf_config(config, None))
    hf_config = _hf_config(config, identity.folder)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            identity.folder,
            config=hf_config,
            dtype=torch.float32,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # only so that they are listed, and refused below by name
            output_loading_info=True,
        )
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{identity.folder}: expected whole safetensors files, found: {_one_line(error)}; copy them again"
        ) from error
    model: Backbone = loaded[0]
    loading: dict[str, Any] = loaded[1]
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        # A mismatched tensor comes with its two shapes.
        if tensors := sorted(key if isinstance(key, str) else key[0] for key in loading[kind]):
            raise ModelError(
                f"{identity.folder}: expected just the tensors of its config.json, found {len(tensors)} "
                f"{kind.replace('_', ' ')}, first {tensors[0]}; give the checkpoint that belongs to its config.json"
            )
    if other := {str(parameter.dtype) for parameter in model.parameters()} - {"torch.float32"}:
        raise ModelError(f"{identity.folder}: expected fp32 weights after loading, found {', '.join(sorted(other))}")
    return model


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def meta_backbone(config: ModelConfig) -> Backbone:
    """The network's shape without storage, for counting; needs no weights where `model.shape` is stated."""
    folder = None if config.shape is not None else identify(config).folder
    with torch.device("meta"):
        return _from_config(_hf_config(config, folder))


def _from_config(hf_config: PretrainedConfig) -> Backbone:
    model: Backbone = AutoModelForCausalLM.from_config(hf_config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    return model


def _hf_config(config: ModelConfig, folder: Path | None) -> PretrainedConfig:
    dropout = config.dropout.model_dump()
    keys = {key: dropout[name] for name, key in _DROPOUT_KEYS[config.architecture].items()}
    if folder is None:
        built: PretrainedConfig = AutoConfig.for_model(config.architecture, **(config.shape or {}), **keys)
        return built
    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: expected a config.json of transformers, found: {_one_line(error)}") from error
    if found.model_type != config.architecture:
        raise ModelError(f"{folder}: expected a {config.architecture} model, found {found.model_type}; mend model.path")
    for key, value in (config.shape or {}).items():
        if getattr(found, key) != value:
            raise ModelError(
                f"{folder}: expected {key}={value} for {config.name}, found {getattr(found, key)}; mend model.path"
            )
    for key, value in keys.items():
        setattr(found, key, value)
    return found
