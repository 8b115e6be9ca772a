"""Records what the published AdaLoRA computes: `python record_adalora.py CHECKOUT` writes adalora.{safetensors,json}.

CHECKOUT is QingruZhang/AdaLoRA at d10f5eb; of it only loralib/loralib/adalora.py is imported (with the layers.py that
it imports), unchanged. The loop is that of its patched trainer: loss plus penalty, `optimizer.step()`, then
`update_and_mask` with the 0-based step, then the gradients are dropped.
"""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from network import KEY, VALUE, WIDTH, Batch, Network, adapted_modules, draw, load, pack, published
from safetensors.torch import save_file

SEED, RANK, ALPHA, WEIGHT = 2303, 4, 16.0, 0.1
LR, DECAY, BETA1, BETA2 = 2e-2, 0.1, 0.85, 0.7
HERE = Path(__file__).parent

#: Training runs. In the first, T - t_f is no multiple of the interval; the second prunes in every step from the first;
#: the third ends on a step that does not prune.
RUNS: dict[str, dict[str, int]] = {
    "interval": {"target_rank": 2, "init_warmup": 5, "final_warmup": 8, "mask_interval": 3, "total_step": 40},
    "every_step": {"target_rank": 1, "init_warmup": 0, "final_warmup": 0, "mask_interval": 1, "total_step": 20},
    "open_end": {"target_rank": 2, "init_warmup": 2, "final_warmup": 0, "mask_interval": 4, "total_step": 12},
}
#: Steps after which these are kept; the singular values are kept after every step.
KEPT_GRADIENTS = (0, 11)
KEPT_FACTORS = (0, 4, 11, 19, 31, 39)
KEPT_AVERAGES = (4, 31, 39)
FACTORS = ("lora_A", "lora_B", "lora_E")

#: Schedules alone: (matrices, initial rank, target rank, t_i, t_f, interval, T).
SCHEDULES = [
    (24, 8, 6, 600, 1800, 10, 3680),
    (36, 12, 8, 5000, 85000, 100, 150000),
    (6, 4, 1, 0, 0, 1, 17),
    (6, 4, 2, 3, 5, 7, 41),
    (1, 12, 1, 10, 1, 5, 400),
    (72, 3, 2, 0, 10, 2, 11),
]


def start() -> dict[str, torch.Tensor]:
    """The network, the batches, P and Q as the published code draws them, and a set of values far from the start."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = {f"start/{name}": tensor for name, tensor in draw(generator).items()}
    for name in adapted_modules():
        d_out = KEY if name.endswith("query") else VALUE
        for prefix, spread in (("start", 0.02), ("large", 0.4)):
            shapes = {"lora_A": (RANK, WIDTH), "lora_B": (d_out, RANK)}
            shapes |= {"lora_E": (RANK, 1)} if prefix == "large" else {}
            for factor, shape in shapes.items():
                value = torch.randn(shape, generator=generator, dtype=torch.float64)
                drawn[f"{prefix}/{name}.{factor}"] = spread * value
    return drawn


def adapted(module: ModuleType, tensors: dict[str, torch.Tensor], values: str) -> tuple[Network, list[Batch]]:
    """The network with a published layer in each place, at the recorded `values`."""
    network, batches = load(tensors)
    for name in adapted_modules():
        plain = network.get_submodule(name)
        layer = module.SVDLinear(plain.in_features, plain.out_features, r=RANK, lora_alpha=ALPHA).double()
        layer.load_state_dict(plain.state_dict(), strict=False)
        layer.bias.requires_grad_(False)
        own = dict(layer.named_parameters())
        for factor in ("lora_A", "lora_B", "lora_E"):
            if f"{values}/{name}.{factor}" in tensors:
                own[factor].data.copy_(tensors[f"{values}/{name}.{factor}"])
        network.set_submodule(name, layer)
    return network, batches


def trained(network: Network) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in network.named_parameters() if "lora_" in name}


def gradients(network: Network) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in trained(network).items() if p.grad is not None}


def merged(network: Network) -> torch.Tensor:
    """All six weights end to end, merged by the layers themselves; the network cannot be trained afterwards."""
    for name in adapted_modules():
        network.get_submodule(name).eval()
    return pack(network.state_dict(), ["weight"])


def single_answers(module: ModuleType, tensors: dict[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """Forward, gradients, penalty and merge far from the start."""
    network, batches = adapted(module, tensors, "large")
    yield "answer/forward", network(batches[0][0])
    network.loss(batches[0]).backward()
    yield "answer/gradient", pack(gradients(network), FACTORS)
    network.zero_grad()
    penalty = module.compute_orth_regu(network, regu_weight=WEIGHT)
    yield "answer/penalty", penalty
    penalty.backward()
    yield "answer/penalty_gradient", pack(gradients(network), FACTORS[:2])
    network.eval()  # reaches the layers as `train(False)`, which does not merge
    merged_by_the_root = any(layer.merged for layer in network.modules() if isinstance(layer, module.SVDLinear))
    yield "answer/merged_by_the_root", torch.tensor(merged_by_the_root)
    yield "answer/merged", merged(network)
    orthonormal, _ = adapted(module, tensors, "large")
    for name, parameter in trained(orthonormal).items():
        if "lora_E" not in name:
            parameter.data.copy_(torch.eye(*parameter.shape, dtype=torch.float64))
    penalty = module.compute_orth_regu(orthonormal, regu_weight=WEIGHT)
    penalty.backward()
    yield "answer/penalty_at_its_minimum", penalty
    yield "answer/penalty_gradient_at_its_minimum", pack(gradients(orthonormal), FACTORS[:2])


def run(
    module: ModuleType, tensors: dict[str, torch.Tensor], case: str
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """One training run: singular values after every step, everything after some, and the schedule's facts."""
    network, batches = adapted(module, tensors, "start")
    parameters = trained(network)
    settings = RUNS[case]
    allocator = module.RankAllocator(network, lora_r=RANK, beta1=BETA1, beta2=BETA2, **settings)
    allocator.set_total_step(settings["total_step"])
    optimizer = torch.optim.AdamW(parameters.values(), lr=LR, weight_decay=DECAY)
    found: dict[str, torch.Tensor] = {}
    budgets, thresholds, ranks, losses, values = [], [], [], [], []
    for step in range(settings["total_step"]):
        loss = network.loss(batches[step % len(batches)])
        (loss + module.compute_orth_regu(network, regu_weight=WEIGHT)).backward()
        if step in KEPT_GRADIENTS:
            found[f"{case}/{step}/gradient"] = pack(gradients(network), FACTORS)
        optimizer.step()
        budget, threshold = allocator.update_and_mask(network, step)
        optimizer.zero_grad()
        budgets.append(budget)
        thresholds.append(threshold)
        losses.append(loss.item())
        singular = torch.stack([parameters[f"{name}.lora_E"].detach().clone() for name in adapted_modules()])
        values.append(singular)
        ranks.append([int(count) for count in (singular != 0).sum((1, 2))])
        if step in KEPT_FACTORS:
            found[f"{case}/{step}/factors"] = pack(parameters, FACTORS)
        if step in KEPT_AVERAGES:
            found[f"{case}/{step}/sensitivity"] = pack(allocator.exp_avg_ipt, FACTORS)
            found[f"{case}/{step}/uncertainty"] = pack(allocator.exp_avg_unc, FACTORS)
    found[f"{case}/singular_values"] = torch.stack(values)
    found[f"{case}/losses"] = torch.tensor(losses, dtype=torch.float64)
    found[f"{case}/merged"] = merged(network)
    facts = {**settings, "budgets": budgets, "masks": [t is not None for t in thresholds], "ranks": ranks}
    return found, facts


def schedule(module: ModuleType, case: tuple[int, ...]) -> dict[str, Any]:
    """Budget of every step as [steps, budget] in their order, and the steps that prune as [first, last, distance]."""
    matrices, initial, target, init_warmup, final_warmup, interval, total = case
    stand_in = torch.nn.ModuleList(torch.nn.Module() for _ in range(matrices))
    for one in stand_in:
        one.lora_A = torch.nn.Parameter(torch.zeros(initial, 1))
    allocator = module.RankAllocator(stand_in, initial, target, init_warmup, final_warmup, interval, BETA1, BETA2)
    allocator.set_total_step(total)
    answers = [allocator.schedule_threshold(step) for step in range(total)]
    budgets = [[len(list(group)), budget] for budget, group in groupby(budget for budget, _ in answers)]
    return {
        "case": list(case),
        "budgets": budgets,
        "prunes": progressions([s for s, (_, on) in enumerate(answers) if on]),
    }


def progressions(steps: list[int]) -> list[list[int]]:
    """Writes increasing numbers as [first, last, distance]."""
    found: list[list[int]] = []
    for step in steps:
        if found and (found[-1][2] == 0 or step - found[-1][1] == found[-1][2]):
            found[-1] = [found[-1][0], step, step - found[-1][1]]
        else:
            found.append([step, step, 0])
    return found


def refusals(module: ModuleType, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """What the published allocator does where ours does another thing, and with scores that are all the same."""
    settings = {"lora_r": RANK, "final_warmup": 0, "mask_interval": 1, "beta1": BETA1, "beta2": BETA2}
    found: dict[str, Any] = {}
    network, _ = adapted(module, tensors, "large")
    for parameter in trained(network).values():
        parameter.data.fill_(1.0)
        parameter.grad = torch.ones_like(parameter)
    equal = module.RankAllocator(network, target_rank=RANK, init_warmup=0, total_step=9, **settings)
    try:
        equal.update_and_mask(network, 1)
    except RuntimeError as error:
        found["target_rank_equal_to_initial_rank"] = str(error).splitlines()[0]
    tied = module.RankAllocator(network, target_rank=1, init_warmup=0, total_step=9, **settings)
    tied.update_and_mask(network, 1)
    found["ranks_when_all_scores_tie"] = [int((p != 0).sum()) for n, p in trained(network).items() if "lora_E" in n]
    return found


def main() -> None:
    """Write both files beside this script."""
    checkout = Path(sys.argv[1])
    torch.set_num_threads(1)
    module = published(checkout / "loralib" / "loralib", "adalora")
    tensors = start()
    found = dict(tensors)
    found |= {key: value.detach().clone().contiguous() for key, value in single_answers(module, tensors)}
    facts: dict[str, Any] = {
        "origin": "QingruZhang/AdaLoRA@d10f5eb loralib/loralib/adalora.py",
        "made_by": "tests/golden/methods/record_adalora.py",
        "torch": torch.__version__,
        "seed": SEED,
        "method": {
            "initial_rank": RANK,
            "alpha": ALPHA,
            "orthogonality_weight": WEIGHT,
            "beta1": BETA1,
            "beta2": BETA2,
        },
        "optimizer": {"lr": LR, "weight_decay": DECAY},
    }
    runs = {}
    for case in RUNS:
        tensors_of_run, runs[case] = run(module, tensors, case)
        found |= tensors_of_run
    facts["runs"] = runs
    facts["schedules"] = [schedule(module, case) for case in SCHEDULES]
    facts |= refusals(module, tensors)
    save_file(found, HERE / "adalora.safetensors", metadata={"origin": facts["origin"]})  # more keys: any order
    (HERE / "adalora.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
