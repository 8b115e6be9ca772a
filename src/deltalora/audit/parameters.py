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

from deltalora.audit.finding import printing
from deltalora.errors import StoreError

#: What an M may stand for.
UNITS = {"2^20": 2**20, "10^6": 10**6}


@dataclass(frozen=True)
class Stack:
    """Layers of one kind, each with so many attention blocks (two in a decoder that has an encoder)."""

    layers: int
    attentions: int

    @property
    def blocks(self) -> int:
        """Attention blocks of all layers."""
        return self.layers * self.attentions


@dataclass(frozen=True)
class Shape:
    """What a backbone's count depends on.

    Attributes:
        width: Of a layer (d).
        feed_forward: Inner width of the two linear layers (f).
        vocabulary: Rows of the token embedding.
        positions: Rows of a table of positions; there is one per stack.
        types: Token types.
        stacks: Layers by kind.
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
        return sum(stack.blocks for stack in self.stacks)

    def full(self) -> int:
        """Everything: full fine-tuning."""
        d = self.width
        embeddings = self.token_embedding + (len(self.stacks) * self.positions + self.types) * d
        layers = sum(stack.layers * self._layer(stack.attentions) for stack in self.stacks)
        head = 0 if self.labels is None else d * d + d + d * self.labels + self.labels
        return embeddings + layers + self.extra_norms * 2 * d + head

    def frozen_embedding(self) -> int:
        """Everything but the token embedding (FT†); positions and types learn."""
        return self.full() - self.token_embedding

    def query_value(self) -> int:
        """W_Q and W_V without biases and head (FT‡): 2 · blocks · d²."""
        return 2 * self.blocks * self.width**2

    def low_rank(self, rank: int) -> int:
        """A and B beside W_Q and W_V: 2 · blocks · 2rd."""
        return 2 * self.blocks * 2 * rank * self.width

    def singular_values(self, rank: int) -> int:
        """As `low_rank`, and AdaLoRA's scalar for every rank of every matrix."""
        return self.low_rank(rank) + 2 * self.blocks * rank

    def any_modules(self, rank: int) -> Mapping[str, int]:
        """Low-rank counts over every set of kinds of matrices, by a description of the set.

        A kind is one of the four projections in all blocks of a stack's attention, or one of the two linear layers in
        all layers of a stack. What counts is how many of each are adapted, not which.
        """
        attentions = [stack.layers for stack in self.stacks for _ in range(stack.attentions)]
        linear = [stack.layers for stack in self.stacks for _ in range(2)]
        if len({*attentions, *linear}) > 1:
            raise StoreError(
                "audit: expected stacks of equal height, found others; count their kinds of matrices apart"
            )
        (height,) = set(attentions)
        return {
            f"{square} kinds of projections and {wide} of linear layers": rank
            * height
            * (square * 2 * self.width + wide * (self.width + self.feed_forward))
            for square in range(4 * len(attentions) + 1)
            for wide in range(len(linear) + 1)
            if square + wide
        }

    def _layer(self, attentions: int) -> int:
        d, f = self.width, self.feed_forward
        return attentions * (4 * d * d + 4 * d) + (2 * d * f + f + d) + (attentions + 1) * 2 * d


#: The paper's three backbones, from their published configurations.
_SHAPES = {
    # openai-community/gpt2-medium, config.json
    "gpt2_medium": Shape(1024, 4096, 50257, 1024, 0, (Stack(24, 1),), 1, None),
    # FacebookAI/roberta-base, config.json; a head of two labels
    "roberta_base": Shape(768, 3072, 50265, 514, 1, (Stack(12, 1),), 1, 2),
    # facebook/bart-large, config.json; positions with the two rows no token takes
    "bart_large": Shape(1024, 4096, 50265, 1026, 0, (Stack(12, 1), Stack(12, 2)), 2, None),
}


def shape(name: str) -> Shape:
    """The shape of that backbone.

    Raises:
        StoreError: There is none.
    """
    if name not in _SHAPES:
        raise StoreError(f"audit: expected one of {', '.join(_SHAPES)}, found {name!r}; fix the claim")
    return _SHAPES[name]


def units(exact: int, printed: Decimal) -> dict[str, str]:
    """The units of M in which `exact` prints as `printed`, with 'rounded' or 'cut'."""
    found = {unit: printing(Fraction(exact, size), printed) for unit, size in UNITS.items()}
    return {unit: how for unit, how in found.items() if how is not None}
