"""From a run's record and its kept state back to the model it ended with."""

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
    """What a finished run ended with.

    Attributes:
        record: Its record.
        config: Its configuration, with this machine's folders.
        identity: The pre-trained weights it started from, the same bytes as then.
        model: The injected backbone in evaluation mode, its trained state restored.
        method: Bound to `model`.
        inherited: The trained state of the run it started from; None where there is none or W kept still in it.
    """

    record: RunRecord
    config: RunConfig
    identity: models.ModelIdentity
    model: Backbone
    method: Method
    inherited: Mapping[str, Tensor] | None

    def untouched(self) -> Backbone:
        """The pre-trained backbone anew, as a user of an adapter has it; a classification head is drawn."""
        model = models.load_backbone(self.config.model, self.identity, self.config.seed, num_labels(self.config))
        model.eval()  # type: ignore[no-untyped-call]
        return model

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The backbone's own."""
        return models.load_tokenizer(self.config.model, self.identity)


def restore(store: Store, run_id: str, model_path: Path | None = None) -> RestoredRun:
    """Restores a finished run.

    Args:
        store: Where its record and state lie, and those of the run it started from.
        run_id: The run.
        model_path: Folder of the pre-trained weights where they came from a local folder, which records do not name.

    Raises:
        StoreError: There is no such run, it is not finished, or its state was not kept.
        ModelError: The pre-trained weights are not there, or are not those the run started from.
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
    """Width of the classification head of a run's backbone; None for a language model."""
    return config.task.num_labels if isinstance(config.task, GlueConfig) else None


def _config(record: RunRecord, store: Store, model_path: Path | None) -> RunConfig:
    if record.model.source == "local" and model_path is None:
        raise StoreError(
            f"run {record.run_id}: expected the folder of its pre-trained weights, which came from a local folder and "
            "are not named in its record; give it with --model DIR"
        )
    return record.run_config(store.root, model_path or Path())
