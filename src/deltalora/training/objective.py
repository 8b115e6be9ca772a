"""The loss of a causal language model, as a sum over the tokens that bear one.

The mean over the tokens of a whole optimizer step is taken by the loop, once it knows their number: n micro-batches of
m examples then give exactly the gradient of one batch of n * m, whatever the lengths.
"""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from deltalora.tasks import Batch
from deltalora.tasks.causal import IGNORED


def label_count(labels: Tensor) -> int:
    """How many positions bear a loss; the first position of a row has no predecessor to predict it from."""
    return int((labels[:, 1:] != IGNORED).sum())


def summed_loss(
    hidden: Tensor, output_layer: Callable[[Tensor], Tensor], labels: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Sum over label positions of (1 - eps) * nll + eps * mean over the vocabulary of -log p, in nats.

    The output layer sees only the positions that predict a label: in E2E two in five, the rest being context and
    padding, and it is the widest matrix of the network.

    Args:
        hidden: (batch, seq, d_model); position i predicts label i + 1, and this is the one place that shifts.
        output_layer: (positions, d_model) -> logits (positions, vocabulary).
        labels: (batch, seq), IGNORED where there is no loss.
        label_smoothing: eps; the upstream recipe's definition (microsoft/LoRA@c4593f0 src/model.py) is torch's.

    Returns:
        A scalar; fp32 under autocast.
    """
    following = labels[:, 1:]
    bearing = following != IGNORED
    logits = output_layer(hidden[:, :-1][bearing])
    return F.cross_entropy(logits, following[bearing], reduction="sum", label_smoothing=label_smoothing)


class CausalObjective(nn.Module):
    """A causal language model as a map from a batch to its summed loss; what data-parallel training wraps.

    Args:
        model: A transformers model with an output layer, injected or plain.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
        """The summed loss of a batch; see `summed_loss`."""
        model: Any = self.model
        hidden = model.base_model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)
        return summed_loss(hidden.last_hidden_state, model.get_output_embeddings(), batch.labels, label_smoothing)
