"""Attention for a batch without padding: its tokens stand in one row, one example behind the other.

All of a causal network but attention looks at one token at a time and can run on the tokens alone: at E2E's lengths a
random batch of 8, padded to its longest, has 1.37 cells per token. For attention queries, keys and values are laid out
again as (examples, longest): each example sees itself alone, and no mask is needed, since padding comes last. The
losses are those of a padded batch to rounding; dropout draws other numbers.
"""

from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

#: The name of this attention in transformers; without a `layout` it is `sdpa`.
PACKED_ATTENTION = "deltalora_packed"


class Layout(NamedTuple):
    """Where the tokens of a packed row stand in the padded batch.

    Attributes:
        places: (tokens,), indices into the flattened batch.
        examples: Its rows.
        longest: Its columns.
    """

    places: Tensor
    examples: int
    longest: int

    @classmethod
    def of(cls, attention_mask: Tensor) -> "Layout":
        """Return the layout of a right-padded batch, given 1 on its tokens, (examples, longest)."""
        return cls(attention_mask.flatten().nonzero().squeeze(1), *attention_mask.shape)

    def positions(self) -> Tensor:
        """Return each token's position in its example, (tokens,)."""
        return self.places % self.longest

    def padded(self, packed: Tensor) -> Tensor:
        """Lay (1, heads, tokens, d) out as (examples, heads, longest, d), zeros behind an example."""
        _, heads, _, width = packed.shape
        rows = packed.new_zeros(self.examples * self.longest, heads, width)
        rows = rows.index_copy(0, self.places, packed[0].transpose(0, 1))
        return rows.view(self.examples, self.longest, heads, width).transpose(1, 2)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    layout: Layout | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Return softmax(scaling · QKᵀ, causal) V of every example, (1, tokens, heads, d)."""
    if layout is None:
        plain: Any = sdpa_attention_forward  # untyped upstream
        attended: Tensor = plain(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)[
            0
        ]
        return attended, None
    padded = F.scaled_dot_product_attention(
        layout.padded(query),
        layout.padded(key),
        layout.padded(value),
        dropout_p=dropout,
        is_causal=True,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return padded.transpose(1, 2).flatten(0, 1).index_select(0, layout.places).unsqueeze(0), None


AttentionInterface.register(PACKED_ATTENTION, _attention)
AttentionMaskInterface.register(PACKED_ATTENTION, sdpa_mask)
