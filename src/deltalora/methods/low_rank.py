"""LoRA (Hu et al. 2021), and what DyLoRA, AdaLoRA and Delta-LoRA share with it: branches beside frozen W_Q and W_V.

    h = W x + b + scaling · B A dropout(x)        (LoRA, eq. 3; the Delta-LoRA paper writes the product as A·B)

with A (r, d_in) and B (d_out, r) as in loralib. Two branches in a fused `c_attn` are two independent LoRAs that see
the same dropped-out x, which is what loralib's `MergedLinear` computes with a grouped convolution.

LoRA starts with A random and B zero and scales by alpha/r. Same as loralib except that merging happens on request,
never inside `train()`/`eval()`, where every evaluation would round W, and that each layer draws its own A (loralib's
GPT-2 deep-copies one block, so all its layers start alike).
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

import torch
from torch import nn
from torch.nn import functional as F

from deltalora.config.methods import LoRAConfig, LowRankConfig
from deltalora.methods.base import InjectedModule, Method, implements
from deltalora.methods.targets import Projection, find_projections, head_parameters

#: A low-rank matrix scaling · B A as (A (k, d_in), B (d_out, k), scaling).
Product = tuple[torch.Tensor, torch.Tensor, float]


class Branch(nn.Module):
    """One low-rank branch x -> scaling · B A x: lora_A (rank, d_in), lora_B (d_out, rank), scaling alpha/r in LoRA."""

    def __init__(self, A: torch.Tensor, B: torch.Tensor, scaling: float) -> None:
        super().__init__()
        self.lora_A = nn.Parameter(A)
        self.lora_B = nn.Parameter(B)
        self.scaling = scaling

    def factors(self) -> Product:
        """Return A (k, d_in), B (d_out, k) and the scaling as they act now; a subclass may cut, weigh or detach."""
        return self.lora_A, self.lora_B, self.scaling

    def inference_factors(self) -> Product:
        """Return the factors that a merged model has, whatever the mode."""
        return self.factors()

    def learnt_factors(self) -> Product:
        """Return all that was learnt since injection as one low-rank matrix on the weight as it was then."""
        return self.inference_factors()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x (..., d_in) to scaling · B A x (..., d_out), in the factors' precision."""
        A, B, scaling = self.factors()
        return F.linear(F.linear(x.to(A.dtype), A) * scaling, B)


class LowRankProjection(InjectedModule):
    """A frozen `nn.Linear` or `Conv1D` with one branch per adapted block, named `q` or `v`."""

    def __init__(self, base: nn.Module, branches: Sequence[tuple[Projection, Branch]], dropout: float) -> None:
        super().__init__()
        self.base = base
        self.dropout = nn.Dropout(dropout)
        self._projections = tuple(projection for projection, _ in branches)
        for projection, branch in branches:
            self.add_module(projection.role, branch)

    def branches(self) -> list[tuple[Projection, Branch]]:
        """Return each adapted block with its branch."""
        return [(one, cast(Branch, self.get_submodule(one.role))) for one in self._projections]

    @property
    def weight(self) -> torch.Tensor:
        """The frozen weight in the base module's own layout."""
        return self.base.get_parameter("weight")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x (..., d_in) to the base's output with every branch added to its own block of columns."""
        result: torch.Tensor = self.base(x)
        dropped = self.dropout(x)
        for projection, branch in self.branches():
            if projection.out_features == result.size(-1):
                result.add_(branch(dropped))
            else:
                result.narrow(-1, projection.start, projection.out_features).add_(branch(dropped))
        return result

    def fold(self) -> nn.Module:
        """Add the branches into the base's weight, in place, and return the base."""
        with torch.no_grad():
            for projection, branch in self.branches():
                A, B, scaling = branch.inference_factors()
                projection.add_product(self.weight, B, A, scaling)
        return self.base


def initial_factors(
    projection: Projection, rank: int, like: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return LoRA's start: A ~ U(−1/√d_in, 1/√d_in) by kaiming_uniform(a=√5), and B = 0.

    The numbers are drawn in float32 where the generator lives, so that one seed means one start on any device and in
    any precision. Over a weight in half precision they stay float32: an optimizer's steps would be rounded away.
    """
    A = torch.empty(rank, projection.in_features, dtype=torch.float32, device=generator.device)
    nn.init.kaiming_uniform_(A, a=math.sqrt(5), generator=generator)
    return beside(like, A), beside(like, torch.zeros(projection.out_features, rank))


def beside(weight: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return a factor on the device of `weight` and in its precision, but never below float32."""
    return factor.to(weight.device, torch.promote_types(weight.dtype, torch.float32))


@dataclass(frozen=True)
class Adapted:
    """One adapted matrix of the injected model: where it is, the frozen weight of the module there, and its branch."""

    projection: Projection
    weight: torch.Tensor
    branch: Branch


BranchKind = TypeVar("BranchKind", bound=Branch)


class LowRankMethod(Method):
    """A method that freezes the backbone and puts a branch beside every W_Q and W_V: `adapted`, once injected."""

    group = "adapter"
    moves_weights: ClassVar[bool] = False  # whether W itself changes without a gradient
    config: LowRankConfig

    def __init__(self, config: LowRankConfig) -> None:
        super().__init__(config)
        self.adapted: tuple[Adapted, ...] = ()  # in the order of `find_projections`

    @abstractmethod
    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Return a fresh branch on the device and in the precision of `weight`."""

    def branches(self, kind: type[BranchKind]) -> list[BranchKind]:
        """Return the branches, all of one kind, in the order of `adapted`."""
        return [adapted.branch for adapted in self.adapted if isinstance(adapted.branch, kind)]

    def copied_factors(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return copies of A and B of every branch as they are now, since the optimizer writes in place."""
        return [(one.branch.lora_A.detach().clone(), one.branch.lora_B.detach().clone()) for one in self.adapted]

    def learnt(self) -> dict[str, Product]:
        """Return all that was learnt since injection, by projection name: W + scaling · B A is what inference uses.

        Of DyLoRA at its evaluation rank, of AdaLoRA with what was pruned as zeros, of Delta-LoRA in rank 2r.
        """
        return {adapted.projection.name: adapted.branch.learnt_factors() for adapted in self.adapted}

    def moved_by(self, state: Mapping[str, torch.Tensor]) -> dict[str, Product]:
        """Return by how much a run that ended in `state` moved W itself, by projection name."""
        return {}

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Freeze everything but a classification head and wrap the modules that hold W_Q and W_V.

        After a ModelError over a weight (Delta-LoRA's in half precision) those before it are wrapped: load it again.
        """
        by_module: dict[str, list[Projection]] = {}
        for projection in find_projections(model):
            by_module.setdefault(projection.module, []).append(projection)
        model.requires_grad_(False)
        for parameter in head_parameters(model).values():
            parameter.requires_grad_(True)
        adapted = []
        for path, projections in by_module.items():
            base = model.get_submodule(path)
            weight = base.get_parameter("weight")
            branches = [(projection, self.make_branch(projection, weight, generator)) for projection in projections]
            model.set_submodule(path, LowRankProjection(base, branches, self.config.dropout).train(base.training))
            adapted += [Adapted(projection, weight, branch) for projection, branch in branches]
        self.adapted = tuple(adapted)


@implements(LoRAConfig)
class LoRA(LowRankMethod):
    """Trains A and B of every W_Q and W_V with scaling alpha/r."""

    config: LoRAConfig

    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Return a branch of rank r with scaling alpha/r."""
        A, B = initial_factors(projection, self.config.rank, weight, generator)
        return Branch(A, B, self.config.alpha / self.config.rank)
