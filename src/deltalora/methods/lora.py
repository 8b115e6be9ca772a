"""LoRA (Hu et al. 2021): W + (alpha/r) B A with A (r, d_in) random, B (d_out, r) zero at the start, W frozen.

Same as loralib except that merging happens on request, never inside `train()`/`eval()`, where every evaluation would
round W, and that each layer draws its own A (loralib's GPT-2 deep-copies one block, so all its layers start alike).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from deltalora.methods.low_rank import Branch, LowRankConfig, LowRankMethod, initial_factors
from deltalora.methods.targets import Projection


class LoRAConfig(LowRankConfig):
    """Hyper-parameters of LoRA; the suite's controls are configurations of it."""

    name: Literal["lora"] = "lora"
    rank: int = Field(ge=1, description="Rank of every update (r).")


class LoRA(LowRankMethod):
    """Trains A and B of every W_Q and W_V with scaling alpha/r."""

    config: LoRAConfig

    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Returns a branch of rank r, scaling alpha/r."""
        A, B = initial_factors(projection, self.config.rank, weight, generator)
        return Branch(A, B, self.config.alpha / self.config.rank)
