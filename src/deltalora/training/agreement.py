"""Whether all processes of a run still hold the same weights, bit for bit.

Data-parallel training sums gradients and nothing else: every process takes AdamW's step, AdaLoRA's pruning and
Delta-LoRA's move of W by itself. The same bits in give the same bits out on like machines; where they are not alike,
the copies drift apart silently, and gradients are then of no model at all. So the copies are compared.
"""

import hashlib
from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import Tensor


class DriftedError(RuntimeError):
    """The processes of a run hold different weights."""


def fingerprint(state: Mapping[str, Tensor]) -> bytes:
    """SHA-256 over names and bits of all tensors, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.digest()


def check_alike(accelerator: Accelerator, state: Mapping[str, Tensor]) -> None:
    """Compares everything a resumed run needs over all processes; a process alone has nothing to compare.

    Args:
        accelerator: Must be called by all its processes.
        state: `Method.state_dict`: what is trained, Delta-LoRA's W, AdaLoRA's averages, DyLoRA's generator.

    Raises:
        DriftedError: They differ; on all processes.
    """
    if accelerator.num_processes == 1:
        return
    mine = torch.tensor(list(fingerprint(state)), dtype=torch.uint8, device=accelerator.device)
    rows = accelerator.gather(mine.unsqueeze(0))
    different = [rank for rank, row in enumerate(rows) if not torch.equal(row, rows[0])]
    if different:
        raise DriftedError(
            f"expected the same weights on all {accelerator.num_processes} processes, found others than the first's on "
            f"{', '.join(map(str, different))}: use like processors, libraries and runtime.threads on all nodes"
        )
