"""Full fine-tuning, with (FT) or without (FT†) the token embedding. The paper's tables 1 to 4, first two rows.

FT† freezes the token embedding alone: position and type embeddings train. In GPT-2 and BART the LM head is tied to
it, hence frozen as well.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from deltalora.methods.base import Method, MethodConfig
from deltalora.methods.targets import token_embedding


class FullConfig(MethodConfig):
    """Full fine-tuning has no hyper-parameter of its own."""

    name: Literal["full"] = "full"


class FrozenEmbeddingsConfig(MethodConfig):
    """Full fine-tuning without token embeddings has no hyper-parameter of its own."""

    name: Literal["ft_frozen_embeddings"] = "ft_frozen_embeddings"


class Full(Method):
    """Trains every parameter; the model stays as it is."""

    group = "backbone"
    counts_head = True

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Marks every parameter as trained; draws nothing."""
        model.requires_grad_(True)


class FrozenEmbeddings(Full):
    """Trains every parameter but the token embedding and what is tied to it."""

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Marks every parameter but the token embedding as trained; draws nothing."""
        super().inject(model, generator)
        token_embedding(model).requires_grad_(False)
