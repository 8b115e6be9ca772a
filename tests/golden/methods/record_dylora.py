"""Records what the published DyLoRA computes: `python record_dylora.py CHECKOUT` writes dylora.{safetensors,json}.

CHECKOUT is huawei-noah/Efficient-NLP at bb44348; of it only DyLoRA/loralib/layers.py is imported (with the DyLoRA.py
that it imports), unchanged. The package itself cannot be imported: its `__init__` asks for a utils.py that is not in
the repository. The loop is that of its run_glue.py: a rank for the whole model before every optimizer step.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from network import KEY, VALUE, WIDTH, Batch, Network, adapted_modules, draw, load, pack, published
from safetensors.torch import save_file

SEED, RANK, ALPHA, STEPS = 2210, 4, 8.0, 20
HERE = Path(__file__).parent
FACTORS = ("lora_A", "lora_B")
#: Steps after which the factors are kept.
KEPT = (4, 19)
#: Ranks whose merged weights are kept.
KEPT_MERGES = (2, RANK)
UPDATES = {"frozen": True, "all": False}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.5},
    "AdamW": {"lr": 2e-2, "weight_decay": 0.1},
}


def start() -> dict[str, torch.Tensor]:
    """The network, the batches, LoRA's start (A uniform, B zero), and a B far from it for single answers."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = {f"start/{name}": tensor for name, tensor in draw(generator).items()}
    for name in adapted_modules():
        A = torch.rand((RANK, WIDTH), generator=generator, dtype=torch.float64)
        drawn[f"start/{name}.lora_A"] = (2 * A - 1) / WIDTH**0.5
        d_out = KEY if name.endswith("query") else VALUE
        drawn[f"large/{name}.lora_B"] = 0.4 * torch.randn((d_out, RANK), generator=generator, dtype=torch.float64)
    return drawn


def adapted(module: ModuleType, tensors: dict[str, torch.Tensor], large: bool) -> tuple[Network, list[Batch]]:
    """The network with a published layer in each place."""
    network, batches = load(tensors)
    for name in adapted_modules():
        plain = network.get_submodule(name)
        layer = module.Linear(plain.in_features, plain.out_features, r=RANK, lora_alpha=ALPHA).double()
        layer.load_state_dict(plain.state_dict(), strict=False)
        layer.bias.requires_grad_(False)
        layer.lora_A.data.copy_(tensors[f"start/{name}.lora_A"])
        if large:
            layer.lora_B.data.copy_(tensors[f"large/{name}.lora_B"])
        network.set_submodule(name, layer)
    return network, batches


def set_rank(network: Network, b: int, frozen: bool) -> None:
    for name in adapted_modules():
        network.get_submodule(name).set_rank(b - 1, frozen=frozen)


def trained(network: Network) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in network.named_parameters() if "lora_" in name}


def single_answers(module: ModuleType, tensors: dict[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """Forward, gradients and merge at every rank."""
    for b in range(1, RANK + 1):
        for update, frozen in UPDATES.items():
            network, batches = adapted(module, tensors, large=True)
            set_rank(network, b, frozen)
            network.loss(batches[0]).backward()
            yield f"answer/{b}/gradient/{update}", pack({n: p.grad for n, p in trained(network).items()}, FACTORS)
        network.eval()
        yield f"answer/{b}/forward", network(batches[0][0])
        if b in KEPT_MERGES:
            for name in adapted_modules():
                network.get_submodule(name).eval()  # merges; `eval` of the whole network does not
            yield f"answer/{b}/merged", pack(network.state_dict(), ["weight"])


def scales(module: ModuleType, tensors: dict[str, torch.Tensor]) -> list[float]:
    """The factor by which the output exceeds the frozen layer's, over B[:, :b] A[:b] x."""
    network, batches = adapted(module, tensors, large=True)
    layer = network.get_submodule(adapted_modules()[0])
    found = []
    for b in range(1, RANK + 1):
        layer.set_rank(b - 1)
        x = batches[0][0]
        product = x @ layer.lora_A[:b].T @ layer.lora_B[:, :b].T
        added = layer(x) - torch.nn.functional.linear(x, layer.weight, layer.bias)
        found.append(((added * product).sum() / product.square().sum()).item())
    return found


def run(
    module: ModuleType, tensors: dict[str, torch.Tensor], optimizer_name: str, update: str
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """One training run, and how far the components that were not trained moved in each step."""
    network, batches = adapted(module, tensors, large=False)
    parameters = trained(network)
    values = OPTIMIZERS[optimizer_name]
    optimizer = getattr(torch.optim, optimizer_name)(parameters.values(), **values)
    torch.manual_seed(SEED)
    found: dict[str, torch.Tensor] = {}
    ranks, losses, moved, moved_untrained = [], [], [], []
    for step in range(STEPS):
        b = torch.randint(0, RANK, (1,)).item() + 1
        set_rank(network, b, UPDATES[update])
        before = {name: p.detach().clone() for name, p in parameters.items()}
        loss = network.loss(batches[step % len(batches)])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        ranks.append(b)
        losses.append(loss.item())
        learns = torch.zeros(RANK, dtype=torch.bool)
        learns[b - 1 if UPDATES[update] else 0 : b] = True
        steps = [(p.detach() - before[name]).abs().amax(1 if "lora_A" in name else 0) for name, p in parameters.items()]
        moved.append(max(one[learns].max().item() for one in steps))
        moved_untrained.append(max([one[~learns].max().item() for one in steps if not learns.all()], default=0.0))
        if step in KEPT:
            found[f"{optimizer_name}/{update}/{step}/factors"] = pack(parameters, FACTORS)
    found[f"{optimizer_name}/{update}/losses"] = torch.tensor(losses, dtype=torch.float64)
    return found, {"ranks": ranks, "largest_step": moved, "largest_step_of_the_untrained": moved_untrained}


def main() -> None:
    """Write both files beside this script."""
    checkout = Path(sys.argv[1])
    torch.set_num_threads(1)
    module = published(checkout / "DyLoRA" / "loralib", "layers")
    found = start()
    found |= {key: value.detach().clone().contiguous() for key, value in single_answers(module, dict(found))}
    facts: dict[str, Any] = {
        "origin": "huawei-noah/Efficient-NLP@bb44348 DyLoRA/loralib/layers.py, DyLoRA.py",
        "made_by": "tests/golden/methods/record_dylora.py",
        "torch": torch.__version__,
        "seed": SEED,
        "method": {"rank": RANK, "alpha": ALPHA},
        "optimizers": OPTIMIZERS,
        "scales": scales(module, found),
    }
    runs: dict[str, Any] = {}
    for optimizer_name in OPTIMIZERS:
        for update in UPDATES:
            tensors_of_run, runs[f"{optimizer_name}/{update}"] = run(module, found, optimizer_name, update)
            found |= tensors_of_run
    facts["runs"] = runs
    save_file(found, HERE / "dylora.safetensors", metadata={"origin": facts["origin"]})  # more keys: any order
    (HERE / "dylora.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
