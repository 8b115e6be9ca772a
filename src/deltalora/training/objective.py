"""The loss of every form of task, as a sum over the labels that contribute to it.

The mean over the labels of a whole optimizer step is taken by the loop, once it knows their number: n micro-batches of
m examples then give exactly the gradient of one batch of n * m, whatever the lengths. An objective is a map from a
batch to its summed loss; it is what data-parallel training wraps.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from deltalora.config.task import Form
from deltalora.tasks import IGNORED, Batch
from deltalora.training.packing import PACKED_ATTENTION, Layout

#: Logits kept for the backward pass.
_LOGITS_AT_ONCE = 2**26


class Objective(nn.Module):
    """One form's loss over an injected or plain transformers model.

    Args:
        model: The backbone with its output layer.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @abstractmethod
    def forward(self, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
        """Return the batch's summed loss, a scalar; fp32 under autocast."""

    def labels(self, batch: Batch) -> int:
        """Return how many labels of a batch contribute to the loss."""
        return int((batch.labels != IGNORED).sum())

    def tokens(self, batch: Batch) -> int:
        """Return how many tokens go through the model, padding excluded."""
        return int(batch.attention_mask.sum())


class CausalObjective(Objective):
    """Every token of the completion from those before it.

    Args:
        model: The backbone with its output layer.
        packed: Whether the network computes nothing for padding; see `packing`.
    """

    def __init__(self, model: nn.Module, packed: bool = False) -> None:
        super().__init__(model)
        self._packed = packed
        if packed:
            plain: Any = model
            plain.set_attn_implementation(PACKED_ATTENTION)

    def forward(self, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
        """Nats, summed over the tokens of completion and end; see `summed_loss`."""
        model: Any = self.model
        output_layer = model.get_output_embeddings()
        if self._packed:
            layout = Layout.of(batch.attention_mask)
            packed = model.base_model(
                input_ids=batch.input_ids.flatten()[layout.places].unsqueeze(0),
                position_ids=layout.positions().unsqueeze(0),
                use_cache=False,
                layout=layout,
            )
            following = F.pad(batch.labels[:, 1:], (0, 1), value=IGNORED).flatten()[layout.places]
            return summed_loss(
                packed.last_hidden_state[0],
                output_layer,
                following,
                label_smoothing,
                _classes(output_layer),
            )
        hidden = model.base_model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)
        # Position i predicts label i + 1; this is the one place that shifts.
        return summed_loss(
            hidden.last_hidden_state[:, :-1],
            output_layer,
            batch.labels[:, 1:],
            label_smoothing,
            _classes(output_layer),
        )

    def labels(self, batch: Batch) -> int:
        """Count the tokens with a loss; the first position of a row has no predecessor to predict it from."""
        return int((batch.labels[:, 1:] != IGNORED).sum())


class Seq2SeqObjective(Objective):
    """Every token of the target from the source and the target's tokens before it."""

    def forward(self, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
        """Nats, summed over the target's tokens, special tokens included; see `summed_loss`."""
        model: Any = self.model
        hidden = model.base_model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            decoder_input_ids=_behind_start(batch.labels, model.config),
            use_cache=False,
        )
        output_layer = model.get_output_embeddings()
        bias = model.final_logits_bias  # zeros, but a part of BART's checkpoint
        return summed_loss(
            hidden.last_hidden_state,
            lambda states: output_layer(states) + bias,
            batch.labels,
            label_smoothing,
            _classes(output_layer),
        )

    def tokens(self, batch: Batch) -> int:
        """Count those of source and target."""
        return super().tokens(batch) + self.labels(batch)


class ClassificationObjective(Objective):
    """Every example's class, or its number where the output layer has one output."""

    def forward(self, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
        """Cross-entropy in nats, or the squared error of a regression, summed over the examples."""
        model: Any = self.model
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # up from half precision, never down
        counted = batch.labels != IGNORED
        if batch.labels.is_floating_point():
            return F.mse_loss(logits[counted].squeeze(-1), batch.labels[counted].to(logits.dtype), reduction="sum")
        return F.cross_entropy(logits[counted], batch.labels[counted], reduction="sum", label_smoothing=label_smoothing)


OBJECTIVES: Mapping[Form, type[Objective]] = {
    "causal": CausalObjective,
    "seq2seq": Seq2SeqObjective,
    "classification": ClassificationObjective,
}


def summed_loss(
    hidden: Tensor,
    output_layer: Callable[[Tensor], Tensor],
    labels: Tensor,
    label_smoothing: float = 0.0,
    vocabulary: int = 1,
) -> Tensor:
    """Return the sum over label positions of (1 - eps) * nll + eps * mean over the vocabulary of -log p, in nats.

    The output layer sees only the positions that predict a label: in E2E two in five, the rest being context and
    padding, and it is the widest matrix of the network.

    Args:
        hidden: (..., d_model); position i predicts label i.
        output_layer: (positions, d_model) -> logits (positions, vocabulary).
        labels: (...), IGNORED where there is no loss.
        label_smoothing: eps; the upstream recipe's definition (microsoft/LoRA@c4593f0 src/model.py) is torch's.
        vocabulary: Classes of the output layer; where the logits of all positions would be more than 2^26 numbers (256
            MiB), they are computed in parts, and again in the backward pass.

    Returns:
        A scalar; fp32 under autocast.
    """
    counted = labels != IGNORED
    states, wanted = hidden[counted], labels[counted]

    def part(states: Tensor, wanted: Tensor) -> Tensor:
        logits = output_layer(states)
        return F.cross_entropy(logits, wanted, reduction="sum", label_smoothing=label_smoothing)

    chunk = max(1, _LOGITS_AT_ONCE // vocabulary)
    if len(states) <= chunk or not torch.is_grad_enabled():
        return part(states, wanted)
    parts = zip(torch.split(states, chunk), torch.split(wanted, chunk), strict=True)
    return torch.stack([checkpoint(part, *one, use_reentrant=False) for one in parts]).sum()


def _classes(output_layer: Any) -> int:
    return getattr(output_layer, "out_features", 1)


def _behind_start(labels: Tensor, config: Any) -> Tensor:
    """Return what the decoder reads: the labels one place to the right, behind the model's start token."""
    shifted = torch.full_like(labels, config.pad_token_id)
    shifted[:, 1:] = labels[:, :-1].where(labels[:, :-1] != IGNORED, config.pad_token_id)
    shifted[:, 0] = config.decoder_start_token_id
    return shifted
