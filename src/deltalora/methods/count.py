"""How many parameters a method trains, as exact integers, from an injection on the meta device."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn

from deltalora.config.methods import MethodConfig
from deltalora.methods.build import build_method


@dataclass(frozen=True)
class ParameterCount:
    """Exact numbers of scalars; a tied parameter counts once.

    Attributes:
        trainable: What the method's table row counts: everything trained, but without a separately counted head.
        extra_updatable: Weights that change without being optimized (Delta-LoRA's W_Q and W_V).
        head: A trained classification head that `trainable` leaves out; 0 where full fine-tuning counts it in.
        total: Parameters of the untouched backbone, head included.
    """

    trainable: int
    extra_updatable: int
    head: int
    total: int


def count_parameters(model: nn.Module, config: MethodConfig) -> ParameterCount:
    """Counts what `config` trains in `model`, which is neither changed nor copied.

    Args:
        model: An untouched transformers model, on the meta device or with real weights.
        config: The method's configuration.

    Raises:
        ModelError: The method cannot be injected into this model.
    """
    outline = _on_meta(model)
    total = sum(parameter.numel() for parameter in outline.parameters())
    method = build_method(config)
    method.inject(outline, torch.Generator())
    groups = {group.name: sum(p.numel() for p in group.parameters.values()) for group in method.trainable(outline)}
    head = groups.get("head", 0)
    own = groups.get(method.group, 0)
    return ParameterCount(
        trainable=own + head if method.counts_head else own,
        extra_updatable=sum(weight.numel() for weight in method.extra_updatable(outline).values()),
        head=0 if method.counts_head else head,
        total=total,
    )


def _on_meta(model: nn.Module) -> nn.Module:
    """Returns a copy without data; the memo replaces each tensor once, so ties survive."""
    memo: dict[int, object] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, memo)
