"""Parameter counts from a backbone's published shape, in closed form.

With width d, feed-forward width f, and a attention blocks in a layer, a layer of all three families has

    a · (4d² + 4d)  +  (2df + f + d)  +  (a + 1) · 2d

scalars: W_Q, W_K, W_V and the output projection with their biases, two linear layers, and a LayerNorm after each block.
GPT-2's fused c_attn holds the same numbers. A tied output layer counts once.
"""

from collections.abc import Mapping
from functools import cache

from pydantic import Field, TypeAdapter

from deltalora.errors import StoreError
from deltalora.report.audit_facts import AuditModel, load


class Stack(AuditModel):
    """Layers of one kind."""

    layers: int = Field(ge=1)
    attentions: int = Field(ge=1, le=2, description="Attention blocks in a layer.")

    @property
    def blocks(self) -> int:
        """Attention blocks of all layers."""
        return self.layers * self.attentions


class Shape(AuditModel):
    """What a backbone's count depends on; see report/paper/audit/shapes.yaml."""

    source: str
    width: int = Field(ge=1)
    feed_forward: int = Field(ge=1)
    vocabulary: int = Field(ge=1)
    positions: int = Field(ge=1, description="Rows of a table of positions; there is one a stack.")
    types: int = Field(ge=0)
    stacks: tuple[Stack, ...] = Field(min_length=1)
    extra_norms: int = Field(ge=0, description="LayerNorms outside the layers.")
    labels: int | None = Field(description="Outputs of a classification head; None: no head.")

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


def shape(name: str) -> Shape:
    """The shape of that backbone.

    Raises:
        StoreError: There is none, or the file is malformed.
    """
    known = _shapes()
    if name not in known:
        raise StoreError(f"audit: expected a backbone of audit/shapes.yaml, found {name!r}; mend the claim")
    return known[name]


@cache
def _shapes() -> Mapping[str, Shape]:
    return load("shapes", TypeAdapter(dict[str, Shape]))
