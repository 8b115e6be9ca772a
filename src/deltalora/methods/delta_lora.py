"""Delta-LoRA (arXiv 2309.02411): W learns from the change of the product A B, without a gradient of its own.

Algorithm 1, in loralib's order of factors, for t = 0, 1, ...:

    A_{t+1}, B_{t+1} <- AdamW(A_t, B_t)
    if t > K:  W <- W + lambda · (alpha/r) · (B_{t+1} A_{t+1} - B_t A_t)

The forward pass uses W + (alpha/r) B A without LoRA dropout, and so does inference: W_T alone is not the model.
Weight decay acts on A and B only, and reaches W through their change.

The sum telescopes: with k the step just before the first update, W_T = W_0 + lambda · (alpha/r) · (B_T A_T - B_k A_k),
so W_T - W_0 has rank 2r at most.

The difference of products is never formed as a matrix, but as one product of thin factors,

    B' A' - B A = [B' - B | B] · [A' ; A' - A]

added in place into W: exact in the deltas, and without a dense (d_out, d_in) temporary.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import nn

from deltalora.errors import ModelError
from deltalora.methods.low_rank import Branch, LowRankConfig, LowRankMethod, add_product, initial_factors
from deltalora.methods.targets import Projection


class DeltaLoRAConfig(LowRankConfig):
    """Hyper-parameters of Delta-LoRA; `dropout` is 0 but for the ablation "Delta-LoRA + LoRA Module" (Table 5)."""

    name: Literal["delta_lora"] = "delta_lora"
    rank: int = Field(ge=1, description="Rank of A and B (r).")
    update_ratio: float = Field(ge=0, description="Weight of the delta in W's update (lambda); 0 is LoRA.")
    start_step: int = Field(
        ge=-1, description="K: W first moves at 0-based step K+1 (start=algorithm: t > K) or K (start=text: t >= K)."
    )
    start: Literal["algorithm", "text"] = Field(
        default="algorithm",
        description="Whether W moves at 0-based step t when t > K (Algorithm 1) or when t >= K (the text's wording).",
    )
    update: Literal["literal"] = Field(default="literal", description="Every update is written into W.")


class DeltaLoRA(LowRankMethod):
    """LoRA whose frozen weights follow lambda · (alpha/r) times each step's change of B A.

    With K = `start_step`, W first moves at 0-based step K+1 as Algorithm 1 has it (`start="algorithm"`: t > K), or at
    step K as the text of the paper has it (`start="text"`: t >= K). Under the former K = -1 moves it from the first
    step on, under the latter -1 and 0 both do.
    """

    config: DeltaLoRAConfig

    def __init__(self, config: DeltaLoRAConfig) -> None:
        super().__init__(config)
        self._updates = torch.zeros((), dtype=torch.int64)
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Returns a branch as LoRA's, on a weight that can hold small updates.

        Raises:
            ModelError: W is stored in half precision, where most updates are lost to rounding.
        """
        if weight.dtype not in (torch.float32, torch.float64):
            raise ModelError(
                f"expected float32 weights for Delta-LoRA, found {weight.dtype} at {projection.name}: load the model "
                "with dtype=torch.float32 (use autocast for speed), since half precision rounds the updates of W away"
            )
        A, B = initial_factors(projection, self.config.rank, weight, generator)
        return Branch(A, B, self.config.alpha / self.config.rank)

    def before_step(self, step: int) -> None:
        """Remembers A_t and B_t if W will move in this step."""
        self._before = []
        if self._moves_weights(step):
            self._remember()

    def after_step(self, step: int) -> None:
        """Moves W by lambda · (alpha/r) · (B_{t+1} A_{t+1} - B_t A_t) if step t is past the start."""
        if not self._moves_weights(step):
            return
        with torch.no_grad():
            for adapted, (A, B) in zip(self.adapted, self._before, strict=True):
                branch = adapted.branch
                left = torch.cat([branch.lora_B - B, B], dim=1)
                right = torch.cat([branch.lora_A, branch.lora_A - A])
                add_product(adapted.projection, adapted.weight, left, right, self.config.update_ratio * branch.scaling)
        self._updates += 1

    def extra_updatable(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Returns W_Q and W_V of every attention module, by projection name, in the module's own layout."""
        return {adapted.projection.name: adapted.projection.block(adapted.weight) for adapted in self.adapted}

    def load_state_dict(self, model: nn.Module, state: dict[str, torch.Tensor]) -> None:
        """Restores A, B and the moved W; a step that is open starts from the restored factors."""
        super().load_state_dict(model, state)
        if self._before:
            self._remember()

    def diagnostics(self) -> dict[str, float | int | list[int]]:
        """Returns how many times W has moved."""
        return {"weight_updates": int(self._updates)}

    def _moves_weights(self, step: int) -> bool:
        first = self.config.start_step + (self.config.start == "algorithm")
        return self.config.update_ratio > 0 and step >= first

    def _remember(self) -> None:
        self._before = [(a.branch.lora_A.detach().clone(), a.branch.lora_B.detach().clone()) for a in self.adapted]

    def _live_state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        weights = {f"weight/{name}": weight for name, weight in self.extra_updatable(model).items()}
        return super()._live_state(model) | weights | {"weight_updates": self._updates}
