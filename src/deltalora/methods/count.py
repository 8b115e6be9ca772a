"""How many parameters a method trains, as exact integers, from an injection on the meta device."""

import copy
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from deltalora.config.methods import MethodConfig
from deltalora.methods.base import build_method


@dataclass(frozen=True)
class ParameterCount:
    """Exact numbers of scalars; a tied parameter counts once."""

    trainable: int  # what the method's table row counts: everything trained but a separately counted head
    extra_updatable: int  # weights that change without being optimized (Delta-LoRA's W_Q and W_V)
    head: int  # a trained classification head that `trainable` leaves out; 0 where full fine-tuning counts it in
    total: int  # parameters of the untouched backbone, head included


def count_parameters(model: nn.Module, config: MethodConfig) -> ParameterCount:
    """Count what `config` trains in an untouched transformers model, which is neither changed nor copied."""
    outline = _on_meta(model)
    total = _scalars(outline.parameters())
    method = build_method(config)
    method.inject(outline, torch.Generator())
    trained = Counter({group.name: _scalars(group.parameters.values()) for group in method.trainable(outline)})
    own, head = trained[method.group], trained["head"]
    if method.counts_head:
        own, head = own + head, 0
    return ParameterCount(own, _scalars(method.extra_updatable(outline).values()), head, total)


def _scalars(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _on_meta(model: nn.Module) -> nn.Module:
    """Return a copy without data; the memo replaces each tensor once, so ties survive."""
    memo: dict[int, object] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, memo)
