"""Fine-tuning of the backbone's own weights: all (FT), all but the token embedding (FT†), W_Q and W_V alone (FT‡).

FT† freezes the token embedding alone: position and type embeddings train. In GPT-2 and BART the LM head is tied to
it, hence frozen as well. FT‡ trains weights, no biases. GPT-2 stores q, k and v in one weight. Masking the gradient of
its K columns would not freeze them, since AdamW still decays them, so the weight is split into three parameters of
which two are trained.
"""

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from deltalora.config.methods import FrozenEmbeddingsConfig, FullConfig, QueryValueConfig
from deltalora.methods.base import InjectedModule, Method, implements
from deltalora.methods.targets import find_projections, head_parameters, token_embedding


@implements(FullConfig)
class Full(Method):
    """Trains every parameter; the model stays as it is."""

    group = "backbone"
    counts_head = True

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Mark every parameter as trained; draws nothing."""
        model.requires_grad_(True)


@implements(FrozenEmbeddingsConfig)
class FrozenEmbeddings(Full):
    """Trains every parameter but the token embedding and what is tied to it."""

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Mark every parameter but the token embedding as trained; draws nothing."""
        super().inject(model, generator)
        token_embedding(model).requires_grad_(False)


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
        """Map x (..., d) to q, k and v side by side, (..., 3d)."""
        weight = self._fused_weight()
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), weight).view(*x.shape[:-1], weight.size(1))

    def fold(self) -> nn.Module:
        """Return the plain module with the present weights."""
        width = self.weight_q.size(0)
        # On the meta device the constructor's initialisation neither costs time nor moves the global random state.
        with torch.device("meta"):
            fused = Conv1D(3 * width, width)  # type: ignore[no-untyped-call]
        fused.weight = nn.Parameter(self._fused_weight().detach())
        fused.bias = nn.Parameter(self.bias.detach())
        plain: nn.Module = fused.train(self.training)
        return plain


@implements(QueryValueConfig)
class QueryValue(Method):
    """Trains the weights of W_Q and W_V, and a classification head."""

    group = "backbone"

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Freeze all but W_Q, W_V and the head, splitting fused weights; draws nothing."""
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
