"""What a run's seed starts: every random stream, named in one place.

    torch's global generator    dropout and whatever torch draws while it trains: seed, plus 1,000,003 per rank
    head or random weights      `models.load_backbone`, apart from the global generator: seed
    adapters                    A, and DyLoRA's ranks, from the method's own generator: seed
    order of the data           one generator per epoch: seed * 1,000,003 + epoch

The global generator and the method's start from the same integer; they are separate all the same, so that no draw of
one moves the other. Statistics have fixed seeds of their own, which no run's seed enters.
"""

import torch

#: Keeps the streams of two processes, or of two epochs, apart; a prime far above any seed, rank or epoch in use.
_STRIDE = 1_000_003


def seed_process(seed: int, rank: int = 0) -> None:
    """Seed torch's global generators; processes drop out different elements of their different examples."""
    torch.manual_seed(seed + _STRIDE * rank)


def method_generator(seed: int) -> torch.Generator:
    """Return the generator that a method draws from, equal on all processes."""
    return torch.Generator().manual_seed(seed)


def shuffled(count: int, seed: int, epoch: int) -> list[int]:
    """Return the order of `count` examples in an epoch: a function of (seed, epoch) alone."""
    generator = torch.Generator().manual_seed(seed * _STRIDE + epoch)
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    return order
