"""FT‡: the weights of W_Q and W_V are fine-tuned, nothing else (no biases).

GPT-2 stores q, k and v in one weight. Masking the gradient of its K columns would not freeze them, since AdamW still
decays them, so the weight is split into three parameters of which two are trained.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from deltalora.methods.base import InjectedModule, Method, MethodConfig
from deltalora.methods.targets import find_projections, head_parameters


class QueryValueConfig(MethodConfig):
    """Fine-tuning of W_Q and W_V has no hyper-parameter of its own."""

    name: Literal["ft_qv"] = "ft_qv"


class SplitConv1D(InjectedModule):
    """A fused `c_attn` with q, k and v as three weights (d, d); its output is bit for bit the fused module's."""

    def __init__(self, fused: Conv1D) -> None:
        super().__init__()
        query, key, value = fused.weight.detach().chunk(3, dim=1)
        self.weight_q = nn.Parameter(query.clone(memory_format=torch.contiguous_format))
        self.weight_k = nn.Parameter(key.clone(memory_format=torch.contiguous_format), requires_grad=False)
        self.weight_v = nn.Parameter(value.clone(memory_format=torch.contiguous_format))
        self.bias = nn.Parameter(fused.bias.detach(), requires_grad=False)

    def _fused_weight(self) -> torch.Tensor:
        return torch.cat([self.weight_q, self.weight_k, self.weight_v], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps x (..., d) to q, k and v side by side, (..., 3d)."""
        weight = self._fused_weight()
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), weight).view(*x.shape[:-1], weight.size(1))

    def fold(self) -> nn.Module:
        """Returns the plain module with the present weights."""
        width = self.weight_q.size(0)
        # On the meta device the constructor's initialisation neither costs time nor moves the global random state.
        with torch.device("meta"):
            fused = Conv1D(3 * width, width)  # type: ignore[no-untyped-call]
        fused.weight = nn.Parameter(self._fused_weight().detach())
        fused.bias = nn.Parameter(self.bias.detach())
        plain: nn.Module = fused.train(self.training)
        return plain


class QueryValue(Method):
    """Trains the weights of W_Q and W_V, and a classification head."""

    group = "backbone"

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Freezes all but W_Q, W_V and the head, splitting fused weights; draws nothing.

        Raises:
            ModelError: The projections cannot be found; the model is as it was then.
        """
        modules = dict.fromkeys(projection.module for projection in find_projections(model))
        model.requires_grad_(False)
        for path in modules:
            module = model.get_submodule(path)
            if isinstance(module, Conv1D):
                model.set_submodule(path, SplitConv1D(module).train(module.training))
            else:
                module.get_parameter("weight").requires_grad_(True)
        for parameter in head_parameters(model).values():
            parameter.requires_grad_(True)
