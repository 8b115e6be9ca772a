"""Restore the model that a run ended with, from its record and its stored state."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from deltalora import models
from deltalora.config.schema import RunConfig
from deltalora.config.task import GlueConfig
from deltalora.errors import ModelError, StoreError
from deltalora.methods import Method, build_method, output_layer
from deltalora.methods.low_rank import LowRankMethod
from deltalora.models import Backbone
from deltalora.results import RunRecord, Store
from deltalora.training.checkpoint import load_state


@dataclass(frozen=True)
class RestoredRun:
    """The outcome of a finished run, ready to use.

    Attributes:
        record: Its record.
        config: Its configuration, with this machine's folders.
        identity: The pre-trained weights it started from, byte for byte.
        model: The injected backbone in evaluation mode, its trained state restored.
        method: Bound to `model`.
        inherited: The trained state of the run it started from; None without one, or where that did not move W.
    """

    record: RunRecord
    config: RunConfig
    identity: models.ModelIdentity
    model: Backbone
    method: Method
    inherited: Mapping[str, Tensor] | None

    def untouched(self) -> Backbone:
        """Load the pre-trained backbone again, as a user of an adapter does; a classification head is drawn."""
        model = models.load_backbone(self.config.model, self.identity, self.config.seed, num_labels(self.config))
        model.eval()  # type: ignore[no-untyped-call]
        return model

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Load the backbone's tokenizer."""
        return models.load_tokenizer(self.config.model, self.identity)


def restore(store: Store, run_id: str, model_path: Path | None = None) -> RestoredRun:
    """Restore a finished run.

    Args:
        store: Holds its record and state, and those of the run it started from.
        run_id: The run.
        model_path: Folder of the pre-trained weights if they came from a local folder, which records do not name.

    Raises:
        StoreError: There is no such run, it is not finished, or its state was not kept.
        ModelError: The pre-trained weights are missing, or are not those the run started from.
    """
    record = store.read(run_id)
    if record is None:
        raise StoreError(f"run {run_id}: expected its record in {store.root}, found none; `deltalora runs` lists them")
    if record.status != "finished":
        raise StoreError(f"run {run_id}: expected a finished run, found it {record.status}; run it to its end first")
    state = load_state(store.run_dir(run_id))
    config = _config(record, store, model_path)
    identity = models.identify(config.model)
    if identity.sha256 != record.model.sha256:
        raise ModelError(
            f"run {run_id}: expected the weights it started from (sha256 {record.model.sha256[:12]}…), found others "
            f"({identity.sha256[:12]}…) for {config.model.name}; give the same folder with --model"
        )
    model = models.load_backbone(config.model, identity, config.seed, num_labels(config))
    method = build_method(config.method)
    method.inject(model, torch.Generator().manual_seed(config.seed))
    inherited = None
    if record.parent is not None and isinstance(method, LowRankMethod) and method.moves_weights:
        inherited = load_state(store.run_dir(record.parent))
        method.warm_start(model, inherited, skip=output_layer(model))
    method.load_state_dict(model, state)
    model.eval()  # type: ignore[no-untyped-call]
    return RestoredRun(record, config, identity, model, method, inherited)


def num_labels(config: RunConfig) -> int | None:
    """Return the width of the classification head of a run's backbone; None for a language model."""
    return config.task.num_labels if isinstance(config.task, GlueConfig) else None


def _config(record: RunRecord, store: Store, model_path: Path | None) -> RunConfig:
    if record.model.source == "local" and model_path is None:
        raise StoreError(
            f"run {record.run_id}: expected the folder of its pre-trained weights, which came from a local folder and "
            "are not named in its record; give it with --model DIR"
        )
    return record.run_config(store.root, model_path or Path())
