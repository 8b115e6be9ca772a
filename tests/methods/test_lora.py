"""LoRA held against loralib: same start, same outputs, same gradients, same 20 AdamW steps, same merged weight."""

import copy
import math
from importlib.metadata import version

import loralib
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from deltalora.config.methods import LoRAConfig
from deltalora.methods.low_rank import LoRA, LowRankProjection
from deltalora.methods.targets import Projection

pytestmark = pytest.mark.parity

RANK, ALPHA, D_IN, D_OUT = 3, 6.0, 10, 14
ORACLE = f"loralib {version('loralib')}"
LAYERS = {"linear": "Linear", "fused": "fused QKV"}


def _branch(projection: Projection, weight: torch.Tensor):
    return LoRA(LoRAConfig(rank=RANK, alpha=ALPHA)).make_branch(projection, weight, torch.Generator().manual_seed(0))


def _linear_pair() -> tuple[nn.Module, nn.Module, list[tuple[str, str]]]:
    base = nn.Linear(D_IN, D_OUT, dtype=torch.float64).requires_grad_(False)
    theirs = loralib.Linear(D_IN, D_OUT, r=RANK, lora_alpha=ALPHA, merge_weights=False).double()
    theirs.weight.data.copy_(base.weight)
    theirs.bias.data.copy_(base.bias)
    projection = Projection("m.q", "m", "q", D_IN, D_OUT, 0, transposed=False)
    return LowRankProjection(base, [(projection, _branch(projection, base.weight))], 0.0), theirs, [("q", "")]


def _fused_pair() -> tuple[nn.Module, nn.Module]:
    base = Conv1D(3 * D_IN, D_IN).double().requires_grad_(False)
    base.bias.data.normal_()
    theirs = loralib.MergedLinear(
        D_IN,
        3 * D_IN,
        r=RANK,
        lora_alpha=ALPHA,
        enable_lora=[True, False, True],
        fan_in_fan_out=True,
        merge_weights=False,
    ).double()
    theirs.weight.data.copy_(base.weight)
    theirs.bias.data.copy_(base.bias)
    blocks = [Projection(f"m.{r}", "m", r, D_IN, D_IN, s, transposed=True) for r, s in (("q", 0), ("v", 2 * D_IN))]
    return LowRankProjection(base, [(block, _branch(block, base.weight)) for block in blocks], 0.0), theirs


def _stacked(ours: LowRankProjection, what: str) -> torch.Tensor:
    """q's and v's factors one below the other, as loralib stores them."""
    return torch.cat([getattr(branch, what) for _, branch in ours.branches()])


def _stacked_grad(ours: LowRankProjection, what: str) -> torch.Tensor:
    return torch.cat([getattr(branch, what).grad for _, branch in ours.branches()])


@pytest.mark.parametrize("pair", ["linear", "fused"])
def test_forward_gradients_twenty_adamw_steps_and_merge_equal_loralibs(pair, fidelity):
    torch.manual_seed(3)
    layer = LAYERS[pair]
    ours, theirs = _linear_pair()[:2] if pair == "linear" else _fused_pair()
    theirs.bias.requires_grad_(False)
    with torch.no_grad():
        theirs.lora_A.copy_(_stacked(ours, "lora_A"))
    target = torch.randn(5, 7, theirs.weight.shape[1 if pair == "fused" else 0], dtype=torch.float64)
    optimizers = [
        torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
        for module in (ours, theirs)
    ]
    for _ in range(20):
        x = torch.randn(5, 7, D_IN, dtype=torch.float64)
        outputs = [module(x) for module in (ours, theirs)]
        fidelity.close("lora", ORACLE, f"{layer}: forward", *outputs, 1e-12)
        for output in outputs:
            (output - target).square().mean().backward()
        for what in ("lora_A", "lora_B"):
            gradients = _stacked_grad(ours, what), getattr(theirs, what).grad
            fidelity.close("lora", ORACLE, f"{layer}: gradients", *gradients, 1e-12)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    for what in ("lora_A", "lora_B"):
        factors = _stacked(ours, what), getattr(theirs, what)
        fidelity.close("lora", ORACLE, f"{layer}: 20 AdamW steps", *factors, 1e-12)
    assert _stacked(ours, "lora_B").abs().min() > 1e-4
    before = theirs.weight.detach().clone()
    theirs.merge_weights = True
    theirs.eval()  # merges, in place
    merged = ours.fold().weight
    fidelity.close("lora", ORACLE, f"{layer}: merged weight", merged, theirs.weight, 1e-13)
    assert (merged - before).abs().max() > 1e-2


def test_the_start_is_loralibs_distribution_and_a_function_of_the_seed(make_model, make_method):
    model = make_model("gpt2")
    method = make_method("lora", model, seed=5, rank=16)
    drawn = torch.stack([adapted.branch.lora_A.detach() for adapted in method.adapted])
    bound = 1 / math.sqrt(16)
    assert drawn.abs().max() <= bound
    assert abs(float(drawn.std()) - bound / math.sqrt(3)) < 0.01
    assert all(torch.count_nonzero(adapted.branch.lora_B) == 0 for adapted in method.adapted)
    assert not torch.equal(drawn[0], drawn[1]), "every matrix draws its own A"
    double = make_model("gpt2", torch.float64)
    same = make_method("lora", double, seed=5, rank=16)
    assert torch.equal(drawn.double(), torch.stack([adapted.branch.lora_A for adapted in same.adapted]))


def test_query_and_value_of_a_fused_weight_see_the_same_dropped_input():
    ours = _fused_pair()[0]
    ours.dropout.p = 0.5
    with torch.no_grad():
        ours.q.lora_B.normal_()
        ours.v.lora_A.copy_(ours.q.lora_A)
        ours.v.lora_B.copy_(ours.q.lora_B)
    x = torch.randn(6, D_IN, dtype=torch.float64)
    delta = ours(x) - ours.base(x)
    query, key, value = delta.chunk(3, dim=-1)
    assert torch.equal(key, torch.zeros_like(key))
    torch.testing.assert_close(query, value)
    assert not torch.allclose(delta, ours(x) - ours.base(x)), "dropout is alive in training mode"
    ours.eval()
    assert torch.equal(ours(x), copy.deepcopy(ours)(x))
