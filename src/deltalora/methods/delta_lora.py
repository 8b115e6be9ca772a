"""Delta-LoRA (arXiv 2309.02411): W learns from the change of the product A B, without a gradient of its own.

Algorithm 1, in loralib's order of factors, for t = 0, 1, ...:

    A_{t+1}, B_{t+1} <- AdamW(A_t, B_t)
    if t > K:  W <- W + lambda · (alpha/r) · (B_{t+1} A_{t+1} - B_t A_t)

The forward pass uses W + (alpha/r) B A without LoRA dropout, and so does inference: W_T alone is not the model.
Weight decay acts on A and B only, and reaches W through their change.

The sum telescopes: with k the step just before the first update and s = alpha/r,

    W_T = W_0 + lambda · s · (B_T A_T - B_k A_k)
    W_T + s · B_T A_T = W_0 + s · [(1 + lambda) B_T | -lambda B_k] · [A_T ; A_k]

so W_T - W_0 has rank 2r at most, and a trained model is W_0 with a LoRA of rank 2r. Hence two forms of one method:

`update="literal"` writes every update into W. The difference of products is never formed as a matrix, but as one
product of thin factors,

    B' A' - B A = [B' - B | B] · [A' ; A' - A]

added in place: exact in the deltas, and without a dense (d_out, d_in) temporary.

`update="closed_form"` writes nothing: A_k and B_k are kept, and the branch computes with the second line above, through
which A and B receive the gradients of s · B A alone, as W is a constant to them. It costs r · (d_in + d_out) numbers a
matrix and two more thin products a pass, and no update can be rounded away: W may be stored in half precision.
"""

from collections.abc import Collection, Mapping

import torch
from torch import nn

from deltalora.config.methods import DeltaLoRAConfig
from deltalora.errors import ModelError
from deltalora.methods.base import implements
from deltalora.methods.low_rank import Branch, LowRankMethod, Product, initial_factors
from deltalora.methods.targets import Projection


class DeltaBranch(Branch):
    """LoRA's branch, and A_k and B_k: the factors it had when W began to move, zeros until it is `moving`."""

    snapshot_A: torch.Tensor
    snapshot_B: torch.Tensor

    def __init__(self, A: torch.Tensor, B: torch.Tensor, config: DeltaLoRAConfig) -> None:
        super().__init__(A, B, config.alpha / config.rank)
        self.moving = False
        self._ratio = config.update_ratio
        self._closed_form = config.update == "closed_form"
        # In literal form the outputs do not depend on them: they belong to the method's state, not the model's.
        self.register_buffer("snapshot_A", torch.zeros_like(A), persistent=self._closed_form)
        self.register_buffer("snapshot_B", torch.zeros_like(B), persistent=self._closed_form)

    def factors(self) -> Product:
        """Return A, B and s; in closed form what W would have moved by stands beside them, as a constant."""
        if not (self._closed_form and self.moving):
            return super().factors()
        A = torch.cat([self.lora_A, self.lora_A.detach(), self.snapshot_A])
        B = torch.cat([self.lora_B, self._ratio * self.lora_B.detach(), -self._ratio * self.snapshot_B], dim=1)
        return A, B, self.scaling

    def inference_factors(self) -> Product:
        """Return what merging adds to the stored W: everything in closed form, s · B A where W itself moved."""
        return self.learnt_factors() if self._closed_form else self.factors()

    def learnt_factors(self) -> Product:
        """Return all that was learnt since injection, (A (2r, d_in), B (d_out, 2r), s), in either form."""
        if not self.moving:
            return self.factors()
        A = torch.cat([self.lora_A, self.snapshot_A])
        return A, torch.cat([(1 + self._ratio) * self.lora_B, -self._ratio * self.snapshot_B], dim=1), self.scaling

    def remember(self) -> None:
        """Keep the present factors as A_k and B_k."""
        self.snapshot_A.copy_(self.lora_A.detach())
        self.snapshot_B.copy_(self.lora_B.detach())


@implements(DeltaLoRAConfig)
class DeltaLoRA(LowRankMethod):
    """LoRA whose frozen weights follow lambda · (alpha/r) times each step's change of B A.

    With K = `start_step`, W first moves at 0-based step K+1 as Algorithm 1 has it (`start="algorithm"`: t > K), or at
    step K as the text of the paper has it (`start="text"`: t >= K). Under the former K = -1 moves it from the first
    step on, under the latter -1 and 0 both do.
    """

    moves_weights = True
    config: DeltaLoRAConfig

    def __init__(self, config: DeltaLoRAConfig) -> None:
        super().__init__(config)
        self._literal = config.update == "literal"
        self._updates = torch.zeros((), dtype=torch.int64)
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Return a branch like LoRA's.

        Raises:
            ModelError: W is stored in half precision and updates are to be written into it: most would be rounded away.
        """
        if self._literal and weight.dtype not in (torch.float32, torch.float64):
            raise ModelError(
                f"expected float32 weights for Delta-LoRA, found {weight.dtype} at {projection.name}: load the model "
                "with dtype=torch.float32 (use autocast for speed) or set update=closed_form, since half precision "
                "rounds the updates of W away"
            )
        A, B = initial_factors(projection, self.config.rank, weight, generator)
        return DeltaBranch(A, B, self.config)

    def before_step(self, step: int) -> None:
        """Remember A_t and B_t if W will move in this step, and for good if it is the first such step."""
        self._before = []
        if not self._moves_in(step):
            return
        if int(self._updates) == 0:
            for branch in self.branches(DeltaBranch):
                branch.remember()
        if self._literal:
            self._before = self.copied_factors()

    def after_step(self, step: int) -> None:
        """Move W by lambda · (alpha/r) · (B_{t+1} A_{t+1} - B_t A_t) if step t is past the start."""
        if not self._moves_in(step):
            return
        if self._literal:
            self._write_deltas()
        self._updates += 1
        self._tell_branches()

    def _moves_in(self, step: int) -> bool:
        first = self.config.start_step + (self.config.start == "algorithm")
        return self.config.update_ratio > 0 and step >= first

    def _write_deltas(self) -> None:
        with torch.no_grad():
            for adapted, (A, B) in zip(self.adapted, self._before, strict=True):
                branch = adapted.branch
                left = torch.cat([branch.lora_B - B, B], dim=1)
                right = torch.cat([branch.lora_A, branch.lora_A - A])
                scale = self.config.update_ratio * branch.scaling
                adapted.projection.add_product(adapted.weight, left, right, scale)

    def _tell_branches(self) -> None:
        for branch in self.branches(DeltaBranch):
            branch.moving = int(self._updates) > 0

    def extra_updatable(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return W_Q and W_V of every attention module, in the module's own layout; in closed form none changes."""
        if not self._literal:
            return {}
        return {adapted.projection.name: adapted.projection.block(adapted.weight) for adapted in self.adapted}

    def load_state_dict(self, model: nn.Module, state: dict[str, torch.Tensor]) -> None:
        """Restore A, B, A_k, B_k and the moved W; a step that is open starts from the restored factors."""
        super().load_state_dict(model, state)
        self._tell_branches()
        if self._before:
            self._before = self.copied_factors()

    def warm_start(self, model: nn.Module, state: Mapping[str, torch.Tensor], skip: Collection[str]) -> None:
        """Start where another run ended; in closed form its change of W is written into W, this once."""
        super().warm_start(model, state, skip)
        if not self._literal and (moved := self.moved_by(state)):
            with torch.no_grad():
                for adapted in self.adapted:
                    A, B, scaling = moved[adapted.projection.name]
                    adapted.projection.add_product(adapted.weight, B, A, scaling)

    def moved_by(self, state: Mapping[str, torch.Tensor]) -> dict[str, Product]:
        """Return what a run that ended in `state` has added to W itself."""
        if int(state["weight_updates"]) == 0:
            return {}
        ratio, moved = self.config.update_ratio, {}
        for adapted in self.adapted:
            name, branch = adapted.projection.name, adapted.branch
            keys = [f"{part}/{name}.{factor}" for part in ("parameter", "snapshot") for factor in ("lora_A", "lora_B")]
            A, B, A_k, B_k = (state[key].to(branch.lora_A) for key in keys)
            moved[name] = torch.cat([A, A_k]), torch.cat([ratio * B, -ratio * B_k], dim=1), branch.scaling
        return moved

    def diagnostics(self) -> dict[str, float | int | list[int]]:
        """Return how many times W has moved."""
        return {"weight_updates": int(self._updates)}

    def _live_state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        weights = {f"weight/{name}": weight for name, weight in self.extra_updatable(model).items()}
        snapshots: dict[str, torch.Tensor] = {}
        for adapted, branch in zip(self.adapted, self.branches(DeltaBranch), strict=True):
            name = f"snapshot/{adapted.projection.name}"
            snapshots |= {f"{name}.lora_A": branch.snapshot_A, f"{name}.lora_B": branch.snapshot_B}
        return super()._live_state(model) | weights | snapshots | {"weight_updates": self._updates}
