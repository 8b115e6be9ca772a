"""Parameter counts from a backbone's published shape, in closed form.

With width d, feed-forward width f, and a attention blocks in a layer, a layer of all three families has

    a · (4d² + 4d)  +  (2df + f + d)  +  (a + 1) · 2d

scalars: W_Q, W_K, W_V and the output projection with their biases, two linear layers, and a LayerNorm after each block.
GPT-2's fused c_attn holds the same numbers. A tied output layer counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from deltalora.audit.finding import printing

#: What an M may stand for.
UNITS = {"2^20": 2**20, "10^6": 10**6}


class Stack(NamedTuple):
    """Layers of one kind, each with so many attention blocks (two in a decoder that has an encoder)."""

    layers: int
    attentions: int


@dataclass(frozen=True)
class Shape:
    """What a backbone's count depends on.

    Attributes:
        width: Of a layer (d).
        feed_forward: Inner width of the two linear layers (f).
        vocabulary: Rows of the token embedding.
        positions: Rows of a table of positions; there is one per stack.
        types: Token types.
        stacks: Layers by kind; all stacks have as many.
        extra_norms: LayerNorms outside the layers.
        labels: Outputs of a classification head of two linear layers; None: no head.
    """

    width: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    stacks: tuple[Stack, ...]
    extra_norms: int
    labels: int | None

    @property
    def token_embedding(self) -> int:
        """The token embedding, which may be the output layer too."""
        return self.vocabulary * self.width

    @property
    def blocks(self) -> int:
        """Attention blocks, cross-attention included."""
        return sum(stack.layers * stack.attentions for stack in self.stacks)

    def full(self) -> int:
        """Count everything: full fine-tuning."""
        d, f = self.width, self.feed_forward
        layers = sum(stack.layers for stack in self.stacks)
        embeddings = self.token_embedding + (len(self.stacks) * self.positions + self.types) * d
        norms = (self.blocks + layers + self.extra_norms) * 2 * d
        head = 0 if self.labels is None else d * d + d + d * self.labels + self.labels
        return embeddings + self.blocks * (4 * d * d + 4 * d) + layers * (2 * d * f + f + d) + norms + head

    def frozen_embedding(self) -> int:
        """Count everything but the token embedding (FT†); positions and types learn."""
        return self.full() - self.token_embedding

    def query_value(self) -> int:
        """Count W_Q and W_V without biases and head (FT‡): 2 · blocks · d²."""
        return 2 * self.blocks * self.width**2

    def low_rank(self, rank: int) -> int:
        """Count A and B beside W_Q and W_V: 2 · blocks · 2rd."""
        return 2 * self.blocks * 2 * rank * self.width

    def singular_values(self, rank: int) -> int:
        """Count as `low_rank`, and AdaLoRA's scalar per rank of every matrix."""
        return self.low_rank(rank) + 2 * self.blocks * rank

    def any_modules(self, rank: int) -> Mapping[str, int]:
        """Count A and B over every set of kinds of matrices, by a description of the set.

        A kind is one of the four projections in all blocks of a stack's attention, or one of the two linear layers in
        all layers of a stack. Only how many of each are adapted matters, not which.
        """
        height = self.stacks[0].layers
        attentions = sum(stack.attentions for stack in self.stacks)
        return {
            f"{square} kinds of projections and {wide} of linear layers": rank
            * height
            * (square * 2 * self.width + wide * (self.width + self.feed_forward))
            for square in range(4 * attentions + 1)
            for wide in range(2 * len(self.stacks) + 1)
            if square + wide
        }


#: The paper's three backbones, from their published configurations.
SHAPES = {
    # openai-community/gpt2-medium, config.json
    "gpt2_medium": Shape(1024, 4096, 50257, 1024, 0, (Stack(24, 1),), 1, None),
    # FacebookAI/roberta-base, config.json; a head of two labels
    "roberta_base": Shape(768, 3072, 50265, 514, 1, (Stack(12, 1),), 1, 2),
    # facebook/bart-large, config.json; positions with the two rows no token takes
    "bart_large": Shape(1024, 4096, 50265, 1026, 0, (Stack(12, 1), Stack(12, 2)), 2, None),
}


def units(exact: int, printed: Decimal) -> dict[str, str]:
    """Return the units of M in which `exact` prints as `printed`, with 'rounded' or 'cut'."""
    found = {unit: printing(Fraction(exact, size), printed) for unit, size in UNITS.items()}
    return {unit: how for unit, how in found.items() if how is not None}
