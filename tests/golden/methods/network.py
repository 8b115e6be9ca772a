"""The small network on which the published layers and ours are trained: three attention blocks in plain torch.

Nothing of transformers is in it, so that a recording outlives that library's versions. W_Q and W_V are not square:
a mean over the wrong dimension, or a factor on the wrong side, would show. The scripts beside this file put a published
layer in the place of each of them; the tests put ours there, through `inject`, which knows the names `query` and
`value` by the model type.
"""

import importlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch
from torch import nn

WIDTH, KEY, VALUE, BLOCKS = 10, 6, 12, 3
BATCHES, BATCH, LENGTH = 4, 3, 5

#: One batch: inputs and targets, both (batch, length, width).
Batch = tuple[torch.Tensor, torch.Tensor]


class Attention(nn.Module):
    """One head of attention with a tanh behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, KEY)
        self.key = nn.Linear(WIDTH, KEY)
        self.value = nn.Linear(WIDTH, VALUE)
        self.output = nn.Linear(VALUE, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps (batch, length, width) to the same shape."""
        weights = (self.query(x) @ self.key(x).transpose(1, 2) / KEY**0.5).softmax(-1)
        return x + torch.tanh(self.output(weights @ self.value(x)))


class Network(nn.Module):
    """Three blocks whose names of W_Q and W_V are RoBERTa's."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(model_type="roberta")
        self.blocks = nn.ModuleList(Attention() for _ in range(BLOCKS))
        self.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps (batch, length, width) to the same shape."""
        for block in self.blocks:
            x = block(x)
        return x

    def loss(self, batch: Batch) -> torch.Tensor:
        """Mean squared distance of the outputs from the targets."""
        x, target = batch
        return (self(x) - target).square().mean()


def draw(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Draws the network's weights, under their names, and the batches."""
    drawn = {
        name: torch.randn(tensor.shape, generator=generator, dtype=torch.float64) / WIDTH**0.5
        for name, tensor in Network().state_dict().items()
    }
    shape = (BATCHES, 2, BATCH, LENGTH, WIDTH)
    return drawn | {"batches": torch.randn(shape, generator=generator, dtype=torch.float64)}


def load(tensors: dict[str, torch.Tensor]) -> tuple[Network, list[Batch]]:
    """Builds the network and the batches of a recording from `start/...`, all parameters frozen."""
    start = {key.removeprefix("start/"): value for key, value in tensors.items() if key.startswith("start/")}
    network = Network()
    network.load_state_dict({name: start[name] for name in network.state_dict()})
    return network.requires_grad_(False), [(x, target) for x, target in start["batches"]]


def adapted_modules() -> list[str]:
    """Names of the six adapted modules, block by block, query before value."""
    return [f"blocks.{block}.{name}" for block in range(BLOCKS) for name in ("query", "value")]


def pack(tensors: Mapping[str, torch.Tensor], factors: Iterable[str]) -> torch.Tensor:
    """Lays tensors named `<adapted module>.<factor>` end to end, module by module: one long row in a recording."""
    rows = [tensors[f"{name}.{factor}"].detach().flatten() for name in adapted_modules() for factor in factors]
    return torch.cat(rows)


def published(folder: Path, module: str) -> ModuleType:
    """Imports one module of a published package without running the package's `__init__`."""
    package = ModuleType("published")
    package.__path__ = [str(folder)]
    sys.modules["published"] = package
    return importlib.import_module(f"published.{module}")
