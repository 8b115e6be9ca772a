"""The loss of a causal language model, as a sum over tokens.

The mean over the tokens of a whole optimizer step is taken by the loop, once it knows their number: n micro-batches of
m examples then give exactly the gradient of one batch of n * m, whatever the lengths.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from deltalora.tasks.causal import IGNORED


def label_count(labels: Tensor) -> int:
    """How many positions bear a loss; the first position of a row has no predecessor to predict it from."""
    return int((labels[:, 1:] != IGNORED).sum())


def summed_loss(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Sum over label positions of (1 - eps) * nll + eps * mean over the vocabulary of -log p, in nats.

    Args:
        logits: (batch, seq, vocabulary); position i predicts label i + 1, and this is the one place that shifts.
        labels: (batch, seq), IGNORED where there is no loss.
        label_smoothing: eps; the upstream recipe's definition (microsoft/LoRA@c4593f0 src/model.py) is torch's.

    Returns:
        A scalar in fp32 (or float64 for float64 logits).
    """
    predicted = logits[:, :-1]
    kept = predicted.float() if predicted.dtype in (torch.bfloat16, torch.float16) else predicted
    return F.cross_entropy(
        kept.reshape(-1, kept.shape[-1]),
        labels[:, 1:].reshape(-1),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
