"""AdaLoRA (Zhang et al. 2023): a budget of singular values, allocated over all matrices by importance.

    W + scaling · P Λ Q,   P = lora_B (d_out, r),  Λ = diag(lora_E) (r, 1),  Q = lora_A (r, d_in)

with scaling = alpha/(r + 1e-5) for the initial rank r, which pruning does not change. Λ = 0 and P, Q ~ N(0, 0.02²)
at the start. The penalty keeps P and Q near orthogonal: weight · mean over all P and Q of ‖M Mᵀ − I‖_F (the paper
writes the square; the official code does not square).

After each optimizer step t, for every element p with gradient g (both as the optimizer leaves them):

    I = |p g|;  Ī <- β1 Ī + (1−β1) I;  Ū <- β2 Ū + (1−β2) |I − Ī|;  s = Ī Ū                 (eq. 9 to 11)
    score of triplet i = s(Λ_i) + mean_j s(Q_ij) + mean_k s(P_ki)                             (eq. 7)

and the budget b(t) of `Schedule`; where b(t) asks for it, Λ_i <- 0 for all scores up to the k-th smallest, with
k = total rank − b(t); ties are all pruned, and a matrix may lose all its triplets.

Same as the official code at d10f5eb, its un-squared penalty and unchanged scaling included, except: with k = 0 (no
pruning due, or target rank = initial rank) nothing is masked, where the official `kthvalue(0)` stops the run.
"""

from dataclasses import dataclass

import torch
from torch import nn

from deltalora.config.methods import AdaLoRAConfig
from deltalora.errors import ConfigError, ModelError
from deltalora.methods.base import implements
from deltalora.methods.low_rank import Branch, LowRankMethod, Product, beside
from deltalora.methods.targets import Projection


@dataclass(frozen=True)
class Schedule:
    """The cubic fall of the total rank over all matrices from `initial` to `target` (eq. 12)."""

    initial: int
    target: int
    fall_begins: int  # last step at the full budget (t_i)
    fall_ends: int  # step at which the target is reached (T − t_f); importance is frozen from here on
    mask_interval: int  # steps between two allocations while the budget falls

    def budget(self, step: int) -> int:
        """Return the total rank allowed after optimizer step `step` (0-based)."""
        if step <= self.fall_begins:
            return self.initial
        if step > self.fall_ends:
            return self.target
        remaining = 1 - (step - self.fall_begins) / (self.fall_ends - self.fall_begins)
        return int(self.target + (self.initial - self.target) * remaining**3)

    def masks(self, step: int) -> bool:
        """Return whether step `step` prunes: never in the warm-up, at intervals in the fall, always in the end."""
        return step > self.fall_begins and (step > self.fall_ends or step % self.mask_interval == 0)


class SVDBranch(Branch):
    """A branch P Λ Q with P = lora_B (d_out, r), Q = lora_A (r, d_in), and Λ = lora_E (r, 1), zero at the start."""

    def __init__(self, A: torch.Tensor, B: torch.Tensor, scaling: float) -> None:
        super().__init__(A, B, scaling)
        self.lora_E = nn.Parameter(A.new_zeros(A.size(0), 1))

    def factors(self) -> Product:
        """Return Λ Q, P and the scaling."""
        return self.lora_A * self.lora_E, self.lora_B, self.scaling


@implements(AdaLoRAConfig)
class AdaLoRA(LowRankMethod):
    """Trains P, Λ and Q and prunes Λ to a falling budget."""

    config: AdaLoRAConfig

    def __init__(self, config: AdaLoRAConfig) -> None:
        super().__init__(config)
        self._total_steps: int | None = None
        self._parameters: list[torch.Tensor] = []
        self._sensitivity: list[torch.Tensor] = []
        self._uncertainty: list[torch.Tensor] = []
        self._last_step = torch.tensor(-1)

    def plan(self, total_steps: int) -> None:
        """Place the fall of the budget between the two warm-ups.

        A pruned Λ_i grows back in the next optimizer step. The last step must therefore prune, or the model ends with
        more than its budget: with intervals between the allocations only a final phase of two steps sees to that.

        Raises:
            ConfigError: The warm-ups leave no step between them, or what was pruned last would grow back.
        """
        initial, final, interval = self.config.initial_warmup, self.config.final_warmup, self.config.mask_interval
        if total_steps <= initial + final:
            raise ConfigError(
                f"expected more optimizer steps than AdaLoRA's initial_warmup ({initial}) + final_warmup ({final}), "
                f"found {total_steps}: lower method.initial_warmup or method.final_warmup, or train longer"
            )
        if final < 2 and interval > 1:
            raise ConfigError(
                f"expected AdaLoRA's final_warmup to be at least 2 with mask_interval {interval}, found {final}: else "
                f"the last of {total_steps} steps may not prune and pruned values grow back; raise "
                "method.final_warmup to 2, or set method.mask_interval to 1"
            )
        if total_steps == initial + 1:
            raise ConfigError(
                f"expected at least two more optimizer steps than AdaLoRA's initial_warmup ({initial}), found "
                f"{total_steps}: no step would prune; lower method.initial_warmup or train longer"
            )
        self._total_steps = total_steps

    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Return a branch of the initial rank, P and Q drawn from N(0, 0.02²)."""
        rank = self.config.initial_rank
        A, B = (
            torch.empty(shape, dtype=torch.float32, device=generator.device).normal_(0.0, 0.02, generator=generator)
            for shape in ((rank, projection.in_features), (projection.out_features, rank))
        )
        return SVDBranch(beside(weight, A), beside(weight, B), self.config.alpha / (rank + 1e-5))

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Wrap W_Q and W_V; the model must already be on its device, where the averages are kept too."""
        super().inject(model, generator)
        self._parameters = [p for b in self.branches(SVDBranch) for p in (b.lora_A, b.lora_B, b.lora_E)]
        self._sensitivity = [torch.zeros_like(parameter.detach()) for parameter in self._parameters]
        self._uncertainty = [torch.zeros_like(parameter.detach()) for parameter in self._parameters]

    def before_step(self, step: int) -> None:
        """Refuse to open a step before the schedule is known, before any weight has moved."""
        self._planned()

    def penalty(self) -> torch.Tensor | float:
        """Return weight · mean over all P and Q of ‖M Mᵀ − I‖_F, in full precision even under autocast."""
        if self.config.orthogonality_weight == 0:
            return 0.0
        factors = [M for b in self.branches(SVDBranch) for M in (b.lora_A, b.lora_B.T)]
        with torch.autocast(factors[0].device.type, enabled=False):
            grams = torch.stack([M @ M.T for M in factors])
            identity = torch.eye(self.config.initial_rank, dtype=grams.dtype, device=grams.device)
            distances: torch.Tensor = torch.linalg.matrix_norm(grams - identity)
        return self.config.orthogonality_weight * distances.mean()

    def after_step(self, step: int) -> None:
        """Update the importance of every triplet and prune to the budget where the schedule says so."""
        schedule = self._planned()
        with torch.no_grad():
            if step < schedule.fall_ends:
                self._update_importance()
            if schedule.masks(step):
                self._prune(schedule.initial - schedule.budget(step))
        self._last_step.fill_(step)

    def diagnostics(self) -> dict[str, float | int | list[int]]:
        """Return the rank every matrix has now (its non-zero Λ_i), their sum, and the budget after the last step.

        Between two allocations pruned values grow back, so that the ranks exceed the budget; at the end they do not.
        Before the first step all are 0, as Λ is.
        """
        schedule = self._planned()
        ranks = [int(torch.count_nonzero(branch.lora_E)) for branch in self.branches(SVDBranch)]
        return {"budget": schedule.budget(int(self._last_step)), "total_rank": sum(ranks), "ranks": ranks}

    def _planned(self) -> Schedule:
        if self._total_steps is None:
            raise ConfigError(
                "expected AdaLoRA to know the number of optimizer steps, found none: call plan(total_steps) first"
            )
        config, matrices = self.config, len(self.adapted)
        initial, target = config.initial_rank * matrices, config.target_rank * matrices
        fall_ends = self._total_steps - config.final_warmup
        return Schedule(initial, target, config.initial_warmup, fall_ends, config.mask_interval)

    def _update_importance(self) -> None:
        gradients = [parameter.grad for parameter in self._parameters]
        present = [gradient for gradient in gradients if gradient is not None]
        if len(present) < len(gradients):
            raise ModelError(
                f"expected a gradient for each of AdaLoRA's {len(gradients)} tensors, found {len(present)}: "
                "call after_step between optimizer.step() and zero_grad(), and train with at least one batch"
            )
        beta1, beta2 = self.config.beta1, self.config.beta2
        importance = list(torch._foreach_mul(self._parameters, present))
        torch._foreach_abs_(importance)
        torch._foreach_mul_(self._sensitivity, beta1)
        torch._foreach_add_(self._sensitivity, importance, alpha=1 - beta1)
        torch._foreach_sub_(importance, self._sensitivity)
        torch._foreach_abs_(importance)
        torch._foreach_mul_(self._uncertainty, beta2)
        torch._foreach_add_(self._uncertainty, importance, alpha=1 - beta2)

    def _prune(self, surplus: int) -> None:
        """Set Λ_i to zero for the `surplus` least important triplets and all that tie with the last of them."""
        if surplus == 0:
            return
        products = torch._foreach_mul(self._sensitivity, self._uncertainty)
        scores = torch.stack(
            [A.mean(1) + B.mean(0) + E.squeeze(1) for A, B, E in zip(*(products[i::3] for i in range(3)), strict=True)]
        )
        pruned = scores <= scores.flatten().kthvalue(surplus).values
        for branch, mask in zip(self.branches(SVDBranch), pruned, strict=True):
            branch.lora_E.masked_fill_(mask.unsqueeze(1), 0.0)

    def _live_state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        state = super()._live_state(model) | {"last_step": self._last_step}
        names = [f"{a.projection.name}.{factor}" for a in self.adapted for factor in ("lora_A", "lora_B", "lora_E")]
        for kind, averages in (("sensitivity", self._sensitivity), ("uncertainty", self._uncertainty)):
            state |= {f"{kind}/{name}": average for name, average in zip(names, averages, strict=True)}
        return state
