"""Load a pre-trained backbone, and its tokenizer.

Two traps of today's libraries are closed here. transformers 5 loads weights in the precision they were stored in, and
some hub weights are fp16 (BART-large's), in which Delta-LoRA's update is rounded away: fp32 is requested, and checked.
And a checkpoint that fits the network only in part loads with a warning: here every tensor is accounted for. A new
classification head, and nothing else, is drawn; what a masked language model has beside its backbone, and nothing else,
is left unread; any other missing, left-over or untied tensor is an error.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from deltalora.config.architectures import ARCHITECTURES, Architecture
from deltalora.config.schema import ModelConfig
from deltalora.errors import ModelError, one_line
from deltalora.methods import head_parameters
from deltalora.models.embedded import embedded_model_dir
from deltalora.models.locate import ModelIdentity, identify

#: Either of these holds a tokenizer's vocabulary.
_TOKENIZER_FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"))

if TYPE_CHECKING:  # takes two seconds to import, which asking for a finished run need not wait for
    from transformers import PreTrainedModel

Backbone: TypeAlias = "PreTrainedModel"

transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the run has a display of its own


def load_tokenizer(config: ModelConfig, identity: ModelIdentity) -> PreTrainedTokenizerBase:
    """Return the backbone's own tokenizer, from local files only; ModelError where the folder has none.

    Random weights take the embedded tokenizer of their architecture, whose vocabulary is a part of every backbone's.
    """
    folder = identity.folder or embedded_model_dir(config.architecture)
    # Checked first, because transformers builds a tokenizer of no words where there are no files.
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZER_FILES):
        expected = " or ".join(" with ".join(names) for names in _TOKENIZER_FILES)
        raise ModelError(f"{folder}: expected a tokenizer ({expected}), found none; add the backbone's own")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # each tokenizer class raises its own types
        raise ModelError(f"{folder}: expected a tokenizer that can be read, found: {one_line(error)[:200]}") from error


def load_backbone(config: ModelConfig, identity: ModelIdentity, seed: int, num_labels: int | None = None) -> Backbone:
    """Load the network in fp32, with the configured dropouts, every tensor accounted for.

    GPT-2 comes as a causal language model, BART as an encoder-decoder one, RoBERTa with a new classification head
    (weights from N(0, 0.02²) of its configuration, biases 0) of `num_labels` classes, 1 for a regression. `seed` is for
    all that is drawn: the head, or with `weights=random` the whole network; the global generator is left as it was.

    Raises:
        ModelError: A tensor is missing, left over, untied, not fp32, or of another shape than `model.shape` says; a
            head is requested of a language model, or none of RoBERTa.
    """
    architecture = _architecture(config, num_labels)
    network_config = _network_config(config, identity.folder, num_labels)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if identity.folder is None:
            return _from_config(architecture, network_config)
        model, loading = _from_folder(architecture, network_config, identity.folder)
    _account_for_every_tensor(model, loading, architecture, identity.folder)
    return model


def meta_backbone(config: ModelConfig, num_labels: int | None = None) -> Backbone:
    """Build the network without storage, for counting; needs no weights where `model.shape` is stated."""
    architecture = _architecture(config, num_labels)
    folder = None if config.shape is not None else identify(config).folder
    with torch.device("meta"):
        return _from_config(architecture, _network_config(config, folder, num_labels))


def max_positions(config: ModelConfig, identity: ModelIdentity) -> int:
    """Return the longest input in tokens, specials included (of BART: of either side)."""
    architecture = ARCHITECTURES[config.architecture]
    table: int = getattr(_network_config(config, identity.folder), architecture.positions)
    return table - architecture.reserved_positions


def _network_config(config: ModelConfig, folder: Path | None, num_labels: int | None = None) -> PretrainedConfig:
    """Return transformers' configuration, a folder's own or from `model.shape` alone, with our dropouts."""
    names = ARCHITECTURES[config.architecture].dropout
    ours: dict[str, Any] = {key: config.dropout[name] for name, key in names.items()}
    if num_labels is not None:
        kind = "regression" if num_labels == 1 else "single_label_classification"
        ours |= {"num_labels": num_labels, "problem_type": kind}
    if config.architecture == "gpt2":  # the same function as its `gelu_new`, in one operator instead of eight
        ours["activation_function"] = "gelu_pytorch_tanh"
    if folder is None:
        built: PretrainedConfig = AutoConfig.for_model(config.architecture, **(config.shape or {}), **ours)
        return built
    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: expected a config.json of transformers, found: {one_line(error)[:200]}") from error
    for key, value in {"model_type": config.architecture, **(config.shape or {})}.items():
        if (other := getattr(found, key)) != value:
            expected = f"expected {key}={value} for {config.name}"
            raise ModelError(f"{folder}: {expected}, found {other}; correct model.path")
    for key, value in ours.items():
        setattr(found, key, value)
    return found


def _architecture(config: ModelConfig, num_labels: int | None) -> Architecture:
    architecture = ARCHITECTURES[config.architecture]
    classifies = architecture.form == "classification"
    if classifies != (num_labels is not None):
        expected = "a number of labels" if classifies else "no number of labels"
        raise ModelError(
            f"{config.name}: expected {expected} for a {config.architecture} backbone, found {num_labels}; "
            "choose a model whose family does this form of task"
        )
    return architecture


def _from_config(architecture: Architecture, network_config: PretrainedConfig) -> Backbone:
    model: Backbone = getattr(transformers, architecture.network).from_config(network_config, dtype=torch.float32)
    return model


def _from_folder(
    architecture: Architecture, network_config: PretrainedConfig, folder: Path
) -> tuple[Backbone, dict[str, Any]]:
    """Load the network; return it with transformers' own account of what it found."""
    try:
        with _reports_off():
            loaded: tuple[Backbone, dict[str, Any]] = getattr(transformers, architecture.network).from_pretrained(
                folder,
                config=network_config,
                dtype=torch.float32,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # only so that they are listed, and refused by name
                output_loading_info=True,
            )
    except (OSError, SafetensorError) as error:
        found = one_line(error)[:200]
        raise ModelError(f"{folder}: expected whole safetensors files, found: {found}; copy them again") from error
    return loaded


@contextmanager
def _reports_off() -> Iterator[None]:
    """Silence the library, which prints a table of missing and left-over tensors; each of them is checked here."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)


def _account_for_every_tensor(model: Backbone, loading: dict[str, Any], known: Architecture, folder: Path) -> None:
    # A mismatched tensor comes with its two shapes.
    listed = {
        kind: {key if isinstance(key, str) else key[0] for key in loading[kind]}
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
    }
    head = set(head_parameters(model))
    if found := sorted(head - listed["missing_keys"]):
        raise ModelError(
            f"{folder}: expected a backbone without a classification head, found {found[0]}; give the checkpoint it "
            "was fine-tuned from"
        )
    listed["missing_keys"] -= head
    if known.left_over is not None:
        listed["unexpected_keys"] = {one for one in listed["unexpected_keys"] if not re.fullmatch(known.left_over, one)}
    for kind, tensors in listed.items():
        if tensors:
            raise ModelError(
                f"{folder}: expected just the tensors of its config.json, found {len(tensors)} "
                f"{kind.replace('_', ' ')}, first {min(tensors)}; give the checkpoint that belongs to its config.json"
            )
    if len({id(model.get_parameter(name)) for name in known.tied}) > 1:
        raise ModelError(
            f"{folder}: expected {', '.join(known.tied)} to be one tensor, found different ones; give a "
            "checkpoint with tied embeddings"
        )
    if other := {str(parameter.dtype) for parameter in model.parameters()} - {"torch.float32"}:
        raise ModelError(f"{folder}: expected fp32 weights after loading, found {', '.join(sorted(other))}")
