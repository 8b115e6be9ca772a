"""Where W_Q and W_V live in each architecture, which block of a weight they are, and what else is found by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from deltalora.config.architectures import ARCHITECTURES, Architecture
from deltalora.errors import ModelError

Role = Literal["q", "v"]


@dataclass(frozen=True)
class Projection:
    """One adapted matrix W (out_features, in_features): a whole `nn.Linear`, or a block of a fused GPT-2 `c_attn`."""

    name: str  # module path and role, such as `transformer.h.0.attn.c_attn.q`
    module: str  # path of the module that holds the weight
    role: Role
    in_features: int
    out_features: int  # of this matrix alone; with grouped-query attention v has fewer than q
    start: int  # first output of the module that belongs to this matrix (0 unless fused)
    transposed: bool  # whether the module stores (d_in, d_out), as GPT-2's `Conv1D` does

    def block(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the view of the module's weight that is this matrix, in the module's own layout."""
        return weight.narrow(1 if self.transposed else 0, self.start, self.out_features)

    def add_product(self, weight: torch.Tensor, left: torch.Tensor, right: torch.Tensor, scale: float) -> None:
        """Add scale · left right, (d_out, k)·(k, d_in), to this block of `weight` without a dense temporary.

        Where W is stored transposed the thin factors are turned, never W. A weight in half precision is added to in
        the factors' precision and rounded once, for which a dense matrix is formed.
        """
        block = self.block(weight)
        first, second = (right.T, left.T) if self.transposed else (left, right)
        if block.dtype == first.dtype:
            block.addmm_(first, second, alpha=scale)
        else:
            block.copy_(torch.addmm(block.to(first.dtype), first, second, alpha=scale))


def find_projections(model: nn.Module) -> list[Projection]:
    """Find every W_Q and W_V of an untouched model, module by module, q before v.

    BART has them in encoder self-, decoder self- and cross-attention.

    Raises:
        ModelError: The architecture is unknown, or the model has been injected already.
    """
    architecture = _architecture(model)
    projections: list[Projection] = []
    for path, module in model.named_modules():
        if hasattr(module, architecture.query) and hasattr(module, architecture.value):
            projections += _in_attention(path, module, architecture)
    if not projections:
        raise ModelError(
            f"expected attention modules with {architecture.query} and {architecture.value} in "
            f"{type(model).__name__}, found none: pass a transformers model with its own attention layers"
        )
    return projections


def token_embedding(model: nn.Module) -> nn.Parameter:
    """Return the weight (vocabulary, d_model) of the token embedding, which may be the LM head's too."""
    weight = model.get_input_embeddings().weight  # type: ignore[operator]
    assert isinstance(weight, nn.Parameter)
    return weight


def head_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the randomly initialised classification head by name; empty for a language model."""
    head = _architecture(model).head
    return {name: parameter for name, parameter in model.named_parameters() if name.split(".")[0] == head}


def output_layer(model: nn.Module) -> frozenset[str]:
    """Return the names of the classification head's last layer, which another set of classes must draw again."""
    output = _architecture(model).output
    return frozenset(name for name in head_parameters(model) if name.rpartition(".")[0] == output)


def _architecture(model: nn.Module) -> Architecture:
    model_type = str(getattr(getattr(model, "config", None), "model_type", None))
    if model_type not in ARCHITECTURES:
        raise ModelError(
            f"expected a transformers model of type {', '.join(ARCHITECTURES)}, found {model_type} in "
            f"{type(model).__name__}: use one of these, or add its family to config/architectures.py"
        )
    return ARCHITECTURES[model_type]


def _in_attention(path: str, attention: nn.Module, architecture: Architecture) -> Iterator[Projection]:
    if architecture.query == architecture.value:
        module = f"{path}.{architecture.query}"
        fused = attention.get_submodule(architecture.query)
        if not isinstance(fused, Conv1D) or fused.weight.shape[1] != 3 * fused.weight.shape[0]:
            raise _not_plain(module, fused, "a Conv1D of fused q, k and v")
        width = fused.weight.shape[0]
        yield Projection(f"{module}.q", module, "q", width, width, 0, transposed=True)
        yield Projection(f"{module}.v", module, "v", width, width, 2 * width, transposed=True)
        return
    roles: tuple[tuple[Role, str], ...] = (("q", architecture.query), ("v", architecture.value))
    for role, name in roles:
        module, linear = f"{path}.{name}", attention.get_submodule(name)
        if not isinstance(linear, nn.Linear):
            raise _not_plain(module, linear, "an nn.Linear")
        yield Projection(f"{module}.{role}", module, role, linear.in_features, linear.out_features, 0, transposed=False)


def _not_plain(module: str, found: nn.Module, expected: str) -> ModelError:
    return ModelError(
        f"expected {expected} at {module}, found {type(found).__name__}: "
        "inject into an untouched model (merge an earlier method first)"
    )
