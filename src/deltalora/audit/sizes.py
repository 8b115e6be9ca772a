"""Claims on sizes: parameter columns and their units, and data sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from deltalora.audit.finding import FACTS, Finding, all_of, claim, count, label, listed, printing, rounded, setting
from deltalora.results.table_request import heading

#: What an M may stand for.
UNITS = {"2^20": 2**20, "10^6": 10**6}


@dataclass(frozen=True)
class Shape:
    """What a backbone's count of parameters depends on, in closed form.

    With width d, feed-forward width f, and a attention blocks in a layer, a layer of all three families has
    a · (4d² + 4d) + (2df + f + d) + (a + 1) · 2d scalars: W_Q, W_K, W_V and the output projection with their biases,
    two linear layers, and a LayerNorm after each block. GPT-2's fused c_attn holds the same numbers. A tied output
    layer counts once.
    """

    width: int  #: of a layer (d)
    feed_forward: int  #: inner width of the two linear layers (f)
    vocabulary: int  #: rows of the token embedding
    positions: int  #: rows of a table of positions; there is one per stack
    types: int  #: token types
    layers: int  #: of each stack
    attentions: tuple[int, ...]  #: by stack, attention blocks in a layer: two in a decoder that has an encoder
    extra_norms: int  #: LayerNorms outside the layers
    labels: int | None  #: outputs of a classification head of two linear layers; None: no head

    @property
    def token_embedding(self) -> int:
        """The token embedding, which may be the output layer too."""
        return self.vocabulary * self.width

    @property
    def blocks(self) -> int:
        """Attention blocks, cross-attention included."""
        return self.layers * sum(self.attentions)

    def full(self) -> int:
        """Count everything: full fine-tuning."""
        d, f, stacks = self.width, self.feed_forward, len(self.attentions)
        embeddings = self.token_embedding + (stacks * self.positions + self.types) * d
        linear = stacks * self.layers * (2 * d * f + f + d)
        norms = (self.blocks + stacks * self.layers + self.extra_norms) * 2 * d
        head = 0 if self.labels is None else d * d + d + d * self.labels + self.labels
        return embeddings + self.blocks * (4 * d * d + 4 * d) + linear + norms + head

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
        square, wide = 2 * self.width, self.width + self.feed_forward
        return {
            f"{n} kinds of projections and {m} of linear layers": rank * self.layers * (n * square + m * wide)
            for n in range(4 * sum(self.attentions) + 1)
            for m in range(2 * len(self.attentions) + 1)
            if n + m
        }


#: The paper's three backbones, by config.json of openai-community/gpt2-medium, FacebookAI/roberta-base (with a head of
#: two labels) and facebook/bart-large (whose positions have two rows that no token takes).
SHAPES = {
    "gpt2_medium": Shape(1024, 4096, 50257, 1024, 0, 24, (1,), 1, None),
    "roberta_base": Shape(768, 3072, 50265, 514, 1, 12, (1,), 1, 2),
    "bart_large": Shape(1024, 4096, 50265, 1026, 0, 12, (1, 2), 2, None),
}


def units(exact: int, printed: Decimal) -> dict[str, str]:
    """Return the units of M in which `exact` prints as `printed`, with 'rounded' or 'cut'."""
    found = {unit: printing(Fraction(exact, size), printed) for unit, size in UNITS.items()}
    return {unit: how for unit, how in found.items() if how is not None}


_COUNTS = "columns of parameters"


def one_unit(table: str, backbone: str, rank: Decimal) -> Finding:
    """Check whether one unit of M gives every printed count of a column, rounded or cut."""
    of, r = SHAPES[backbone], int(rank)
    lines, values, shared, unexplained = [], dict[str, Decimal | int](), set(UNITS), []
    for row, column, exact in (
        ("full", "trainable", of.full()),
        ("ft_frozen_embeddings", "trainable", of.frozen_embedding()),
        ("ft_qv", "trainable", of.query_value()),
        ("lora", "trainable", of.low_rank(r)),
        ("dylora", "trainable", of.low_rank(r)),
        ("adalora", "trainable", of.singular_values(r)),
        ("delta_lora", "trainable", of.low_rank(r)),
        ("delta_lora", "extra_updatable", of.query_value()),
    ):
        printed = count(table, row, column)
        shared &= (found := units(exact, printed)).keys()
        said = " and ".join(f"M = {unit}, {how}" for unit, how in found.items()) or "neither"
        embedding, full = Fraction(of.token_embedding, UNITS["2^20"]), count(table, "full")
        if not found and row == "ft_frozen_embeddings" and printing(Fraction(full) - embedding, printed):
            said = f"neither; it is the printed {full} less the embedding's {rounded(embedding, 2)} in 2^20"
        both = ", ".join(f"{rounded(Fraction(exact, size), 3)} in {unit}" for unit, size in UNITS.items())
        lines.append(f"{label(table, row)}, {column.replace('_', ' ')}: {printed}M; exact {exact:,} ({both}): {said}")
        values |= {f"{row}.{column}": printed, f"{row}.{column}.exact": exact}
        if not found:
            unexplained.append(f"{label(table, row)} ({printed}M for {exact:,})")
    return Finding(
        all_of([bool(shared)]),
        f"{'One unit, M = ' + listed(sorted(shared)) if shared else 'No one unit of M'} gives the whole parameter "
        f"column of {heading(table)}; counts that no unit gives: {listed(unexplained)}.",
        tuple(lines),
        values,
    )


@claim(f"Tables 1 and 2, {_COUNTS}", remark="354.92M is what LoRA's paper prints. Tables 1 and 2 have the same column.")
def parameters_gpt2_medium() -> Finding:
    """GPT-2 medium's counts are in one unit of M."""
    return one_unit("table1", "gpt2_medium", setting("table10", "e2e", "rank"))


@claim(f"Table 3, {_COUNTS}")
def parameters_bart_large() -> Finding:
    """BART-large's counts are in one unit of M."""
    return one_unit("table3", "bart_large", setting("table12", "xsum", "rank"))


@claim(
    f"Table 4, {_COUNTS}",
    remark="Full counts are of two labels with the head; the other rows leave the head out, though every method trains "
    "it.",
)
def parameters_roberta_base() -> Finding:
    """RoBERTa-base's counts are in one unit of M."""
    return one_unit("table4", "roberta_base", setting("table14", "mnli", "rank"))


@claim("Tables 1 and 2, row LoRA", remark="0.35M is what LoRA's paper prints; Table 2 prints 0.375M for the same row.")
def parameters_published_lora() -> Finding:
    """LoRA as published trains 0.35M parameters on E2E."""
    rank = int(setting("table10", "e2e", "rank"))
    exact, printed = SHAPES["gpt2_medium"].low_rank(rank), count("table1", "lora_published")
    return Finding(
        all_of([bool(units(exact, printed))]),
        f"Rank {rank} on W_Q and W_V of GPT-2 medium is {exact:,} parameters, 0.375 times 2^20 or 0.393 million; "
        f"Table 1 prints {printed}M for LoRA and {count('table1', 'lora')}M for LoRA (repr.), Table 2 "
        f"{count('table2', 'lora_published')}M for both.",
        values={"printed": printed, "exact": exact},
    )


@claim("Table 3, row LoRA")
def parameters_xsum_lora() -> Finding:
    """LoRA trains 0.45M parameters on XSum."""
    of, printed, rank = SHAPES["bart_large"], count("table3", "lora"), int(setting("table12", "xsum", "rank"))
    sets, ranks = of.any_modules(rank), range(1, 65)
    by_set = [f"{name} ({exact:,})" for name, exact in sets.items() if units(exact, printed)]
    by_rank = [f"rank {r} ({of.low_rank(r):,})" for r in ranks if units(of.low_rank(r), printed)]
    return Finding(
        all_of([bool(by_set or by_rank)]),
        f"Table 3 prints {printed}M for LoRA and {count('table3', 'delta_lora')}M for the other low-rank methods; "
        f"rank {rank} on W_Q and W_V is {of.low_rank(rank):,}, and {len(by_set) + len(by_rank)} of {len(sets)} sets of "
        f"matrices and {len(ranks)} ranks give {printed}M.",
        (
            f"rank {rank} on any of {len(sets)} sets of kinds of matrices, in either unit: {listed(by_set)}",
            f"W_Q and W_V at any rank from 1 to {len(ranks)}, in either unit: {listed(by_rank)}",
        ),
        {"printed": printed, "exact": of.low_rank(rank)},
    )


@claim("sections 5.2 and 5.3", "We use RoBERTa-base with 118M parameters [...] GPT2-Medium has 354M parameters")
def parameters_one_unit() -> Finding:
    """RoBERTa-base has 118M parameters and GPT-2 medium 354M, in one unit of M."""
    stated = {"roberta_base": Decimal(118), "gpt2_medium": Decimal(354)}
    found = {backbone: units(SHAPES[backbone].full(), printed) for backbone, printed in stated.items()}
    said = [
        f"{stated[backbone]}M of {SHAPES[backbone].full():,} is {' and '.join(of) or 'neither 2^20 nor 10^6'}"
        for backbone, of in found.items()
    ]
    shared = set.intersection(*(set(of) for of in found.values()))
    return Finding(all_of([bool(shared)]), f"The text's units of M: {listed(said)}.", values=stated)


@claim(
    "section 5.2",
    "around 42,000 training examples, 4,600 validation examples, and 4,600 test examples",
    "Around is read as rounded or cut: to thousands in training, to hundreds in the other two.",
)
def e2e_size() -> Finding:
    """E2E has around 42,000 training, 4,600 validation and 4,600 test examples."""
    said, known = [], []
    for name, value, unit in (("train", 42, 1000), ("validation", 46, 100), ("test", 46, 100)):
        how = printing(Fraction(FACTS.e2e[name], unit), Decimal(value))
        said.append(f"{FACTS.e2e[name]:,} ({name}; {value * unit:,} {how or 'neither'})")
        known.append(how is not None)
    return Finding(all_of(known), f"E2E's official files have {listed(said)} rows.", values=FACTS.e2e)


@claim("section 5.2", "The WebNLG Challenge 2017 contains 21,855 training samples of 9 categories")
def webnlg_size() -> Finding:
    """WebNLG 2017 has 21,855 training samples."""
    stated, train = 21_855, FACTS.webnlg["train_texts"]
    texts = {split: FACTS.webnlg[f"{split}_texts"] for split in ("train", "validation", "test")}
    sets = [chosen for size in range(1, len(texts) + 1) for chosen in combinations(texts, size)]
    sums = [" + ".join(chosen) for chosen in sets if sum(texts[one] for one in chosen) == stated]
    return Finding(
        all_of([stated == train]),
        f"WebNLG 2017's training set has {train:,} texts, {stated - train:,} fewer than the {stated:,} stated; sums "
        f"of its splits that give the stated number: {listed(sums)}.",
        (f"texts by split: {listed(f'{split} {number:,}' for split, number in texts.items())}",),
        {"stated": stated, "train": train, "sums": len(sums)},
    )


@claim("section 5.2", "21,855 training samples of 9 categories, with a total of 14 categories in the test set")
def webnlg_categories() -> Finding:
    """WebNLG 2017 has 9 categories in training and 14 in test."""
    train, test = FACTS.webnlg["train_categories"], FACTS.webnlg["test_categories"]
    return Finding(
        all_of([train == 9, test == 14]),
        f"WebNLG 2017's files have {train} categories in training and {test} in test; the text states 9 and 14.",
        values={"train": train, "test": test},
    )


@claim("section 5.2", "204,045 samples for training, 11,332 samples for validation and 11,332 samples for test")
def xsum_size() -> Finding:
    """XSum has 204,045 training, 11,332 validation and 11,332 test samples."""
    stated, official = {"train": 204_045, "validation": 11_332, "test": 11_332}, FACTS.xsum
    return Finding(
        all_of([stated == official]),
        f"XSum's official split has {listed(f'{number:,} ({split})' for split, number in official.items())}; the text "
        f"states {listed(f'{number:,}' for number in stated.values())}.",
        values=official,
    )
