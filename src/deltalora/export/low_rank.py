"""What a run learnt beside its pre-trained weights, as one low-rank matrix per adapted module.

Where q and v are blocks of one fused weight (GPT-2's `c_attn`), their factors are stacked and the second one stays in
block form,

    A = [A_q ; A_v]  (R_q + R_v, d_in)        B = [B_q 0 ; 0 0 ; 0 B_v]  (3 d, R_q + R_v)

so that B A is B_q A_q in q's columns, B_v A_v in v's and exactly zero in k's. An adapter with one pair of factors per
module can hold that only at the sum of both ranks: twice the rank, and a B with two thirds zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from deltalora.errors import ConfigError
from deltalora.export.restore import RestoredRun
from deltalora.methods.low_rank import Adapted, LowRankMethod, Product


@dataclass(frozen=True)
class ModuleUpdate:
    """The change of one module's weight: W + scaling · B A, in (d_out, d_in) orientation.

    Attributes:
        module: Path in the untouched model.
        A: (rank, d_in), fp32.
        B: (d_out of the whole module, rank), fp32.
        scaling: Factor of the product.
        transposed: Whether the module stores its weight as (d_in, d_out).
    """

    module: str
    A: Tensor
    B: Tensor
    scaling: float
    transposed: bool

    @property
    def rank(self) -> int:
        """Number of columns of B; 0 where the update is empty."""
        return self.A.size(0)


def module_updates(run: RestoredRun) -> list[ModuleUpdate]:
    """Return the change of every adapted module since pre-training, in the model's order.

    Components that add nothing (AdaLoRA's pruned ones) are left out, so ranks may differ between modules and be 0. The
    parent run's change of W is included, as two more factors.

    Raises:
        ConfigError: The method changes W in full rank.
    """
    method = run.method
    if not isinstance(method, LowRankMethod):
        raise ConfigError(
            f"run {run.record.run_id}: expected a low-rank method for a peft adapter, found {run.config.method.name}, "
            "whose change of W has full rank; use --to merged"
        )
    learnt = method.learnt()
    before = method.moved_by(run.inherited) if run.inherited is not None else {}
    by_module: dict[str, list[Adapted]] = {}
    for adapted in method.adapted:
        by_module.setdefault(adapted.projection.module, []).append(adapted)
    return [_module_update(module, blocks, learnt, before) for module, blocks in by_module.items()]


def _module_update(
    module: str, blocks: list[Adapted], learnt: Mapping[str, Product], before: Mapping[str, Product]
) -> ModuleUpdate:
    scaling = learnt[blocks[0].projection.name][2]
    width = blocks[0].weight.shape[1 if blocks[0].projection.transposed else 0]
    rights, lefts = [], []
    for adapted in blocks:
        name, start = adapted.projection.name, adapted.projection.start
        for A, B, own in (product for product in (learnt[name], before.get(name)) if product is not None):
            kept = (A != 0).any(dim=1) & (B != 0).any(dim=0)
            left = torch.zeros(width, int(kept.sum()))
            left[start : start + adapted.projection.out_features] = (own / scaling) * B[:, kept].detach().float()
            lefts.append(left)
            rights.append(A[kept].detach().float())
    A, B = torch.cat(rights), torch.cat(lefts, dim=1)
    return ModuleUpdate(module, A, B, scaling, blocks[0].projection.transposed)
