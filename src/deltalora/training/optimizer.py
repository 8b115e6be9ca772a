"""AdamW over a method's parameter groups, and the learning rate over the steps."""

import re
from collections.abc import Sequence

import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from deltalora.config.schema import TrainConfig
from deltalora.methods import ParameterGroup

#: What transformers' Trainer spares (`get_decay_parameter_names`): these names, LLaMA's RMSNorms (`input_layernorm`,
#: `norm`) among them, and every LayerNorm, of which only GPT-2's (`ln_1`, `ln_2`, `ln_f`) has none of these names.
_BIAS_OR_NORM = re.compile(r"bias|layernorm|rmsnorm|(^|\.)norm(\.|$)|_norm(\.|$)|(^|\.)ln_")


def build_optimizer(groups: Sequence[ParameterGroup], config: TrainConfig) -> AdamW:
    """Return one AdamW over all groups; decay is decoupled and applied before the Adam step, as torch does.

    Differs from microsoft/LoRA@c4593f0 (src/optimizer.py) in two places. It decays after the step, which is the same to
    first order in learning_rate * weight_decay. And it adds epsilon to the root of the second moment before the bias is
    corrected, so that its 1e-6 acts as 1e-6 / sqrt(1 - beta2^t): 3e-5 in the first step, 1.6e-6 after 500.
    """
    decayed: list[torch.nn.Parameter] = []
    undecayed: list[torch.nn.Parameter] = []
    for group in groups:
        for name, parameter in group.parameters.items():
            bare = not config.decay_bias_and_norm and _is_bias_or_norm(name)
            (undecayed if bare else decayed).append(parameter)
    return AdamW(
        [
            {"params": decayed, "weight_decay": config.weight_decay},
            *([{"params": undecayed, "weight_decay": 0.0}] if undecayed else []),
        ],
        lr=config.learning_rate,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        fused=True,  # one kernel for all tensors: a tenth of a tiny model's step on a CPU
    )


def linear_schedule(optimizer: torch.optim.Optimizer, warmup_steps: int, total_steps: int) -> LambdaLR:
    """Return the schedule of factor t / warmup up to the warm-up's end, then (total - t) / (total - warmup).

    t is 0 for the first step.

    Counted in optimizer steps. The first step therefore has rate 0, as upstream and in transformers. Not handed to
    Accelerate, which would advance it once per process.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / warmup_steps
        return max(0.0, (total_steps - step) / max(1, total_steps - warmup_steps))

    return LambdaLR(optimizer, factor)


def _is_bias_or_norm(name: str) -> bool:
    return _BIAS_OR_NORM.search(name.lower()) is not None
