"""Claims on sizes: parameter columns and their units, and data sets."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from deltalora.audit.facts import E2E_ROWS, WEBNLG, XSUM
from deltalora.audit.finding import Finding, Value, all_of, claim, count, label, listed, printing, rounded, setting
from deltalora.audit.parameters import UNITS, Shape, shape, units

#: Row, column, and the exact count that its cell is of.
Counts = Sequence[tuple[str, str, int]]


def one_unit(table: str, backbone: str, rows: Counts) -> Finding:
    """Does one unit of M give every printed count of a column, rounded or cut?"""
    of = shape(backbone)
    lines, values, shared, unexplained = [], dict[str, Value](), set(UNITS), []
    for row, column, exact in rows:
        printed = count(table, row, column)
        found = units(exact, printed)
        shared &= found.keys()
        said = " and ".join(f"M = {unit}, {how}" for unit, how in found.items()) or _mixed(table, of, row, printed)
        both = ", ".join(f"{rounded(Fraction(exact, size), 3)} in {unit}" for unit, size in UNITS.items())
        lines.append(f"{label(table, row)}, {column.replace('_', ' ')}: {printed}M; exact {exact:,} ({both}): {said}")
        values |= {f"{row}.{column}": printed, f"{row}.{column}.exact": exact}
        if not found:
            unexplained.append(f"{label(table, row)} ({printed}M for {exact:,})")
    return Finding(
        all_of([bool(shared)]),
        f"{'One unit, M = ' + listed(sorted(shared)) if shared else 'No one unit of M'} gives the whole parameter "
        f"column of {table.replace('table', 'Table ')}; counts that no unit gives: {listed(unexplained)}.",
        tuple(lines),
        values,
    )


def _mixed(table: str, of: Shape, row: str, printed: Decimal) -> str:
    """The two-unit difference behind a count of which no unit is right, if it is one."""
    if row == "ft_frozen_embeddings":
        embedding, full = Fraction(of.token_embedding, UNITS["2^20"]), count(table, "full")
        if printing(Fraction(full) - embedding, printed):
            return f"neither; it is the printed {full} less the embedding's {rounded(embedding, 2)} in 2^20"
    return "neither"


def _columns(backbone: str, rank: int) -> Counts:
    of = shape(backbone)
    return (
        ("full", "trainable", of.full()),
        ("ft_frozen_embeddings", "trainable", of.frozen_embedding()),
        ("ft_qv", "trainable", of.query_value()),
        ("lora", "trainable", of.low_rank(rank)),
        ("dylora", "trainable", of.low_rank(rank)),
        ("adalora", "trainable", of.singular_values(rank)),
        ("delta_lora", "trainable", of.low_rank(rank)),
        ("delta_lora", "extra_updatable", of.query_value()),
    )


@claim(
    "Tables 1 and 2, columns of parameters",
    "The counts of GPT-2 medium are in one unit of M.",
    remark="354.92M is what LoRA's paper prints. Tables 1 and 2 have the same column.",
)
def parameters_gpt2_medium() -> Finding:
    """Table 1's column, at rank 4."""
    return one_unit("table1", "gpt2_medium", _columns("gpt2_medium", int(setting("table10", "e2e", "rank"))))


@claim("Table 3, columns of parameters", "The counts of BART-large are in one unit of M.")
def parameters_bart_large() -> Finding:
    """Table 3's column, at rank 4."""
    return one_unit("table3", "bart_large", _columns("bart_large", int(setting("table12", "xsum", "rank"))))


@claim(
    "Table 4, columns of parameters",
    "The counts of RoBERTa-base are in one unit of M.",
    remark="Full counts are of two labels with the head; the other rows leave the head out, though every method "
    "trains it.",
)
def parameters_roberta_base() -> Finding:
    """Table 4's column, at rank 8."""
    return one_unit("table4", "roberta_base", _columns("roberta_base", int(setting("table14", "mnli", "rank"))))


@claim(
    "Tables 1 and 2, row LoRA",
    "LoRA as published trains 0.35M parameters on E2E.",
    remark="0.35M is what LoRA's paper prints; Table 2 prints 0.375M for the same row.",
)
def parameters_published_lora() -> Finding:
    """Rank 4 on W_Q and W_V of GPT-2 medium, in either unit."""
    rank = int(setting("table10", "e2e", "rank"))
    exact, printed = shape("gpt2_medium").low_rank(rank), count("table1", "lora_published")
    return Finding(
        all_of([bool(units(exact, printed))]),
        f"Rank {rank} on W_Q and W_V of GPT-2 medium is {exact:,} parameters, 0.375 times 2^20 or 0.393 million; "
        f"Table 1 prints {printed}M for LoRA and {count('table1', 'lora')}M for LoRA (repr.), Table 2 "
        f"{count('table2', 'lora_published')}M for both.",
        values={"printed": printed, "exact": exact},
    )


@claim("Table 3, row LoRA", "LoRA trains 0.45M parameters on XSum.")
def parameters_xsum_lora() -> Finding:
    """Two searches: all sets of kinds of matrices at the stated rank, and all ranks on W_Q and W_V."""
    of, printed, rank = shape("bart_large"), count("table3", "lora"), int(setting("table12", "xsum", "rank"))
    sets, ranks = of.any_modules(rank), range(1, 65)
    by_set = [f"{name} ({exact:,})" for name, exact in sets.items() if units(exact, printed)]
    by_rank = [f"rank {r} ({of.low_rank(r):,})" for r in ranks if units(of.low_rank(r), printed)]
    return Finding(
        all_of([bool(by_set or by_rank)]),
        f"Table 3 prints {printed}M for LoRA and {count('table3', 'delta_lora')}M for the other low-rank methods; "
        f"rank {rank} "
        f"on W_Q and W_V is {of.low_rank(rank):,}, and {len(by_set) + len(by_rank)} of {len(sets)} sets of matrices "
        f"and {len(ranks)} ranks give {printed}M.",
        (
            f"rank {rank} on any of {len(sets)} sets of kinds of matrices, in either unit: {listed(by_set)}",
            f"W_Q and W_V at any rank from 1 to {len(ranks)}, in either unit: {listed(by_rank)}",
        ),
        {"printed": printed, "exact": of.low_rank(rank)},
    )


@claim(
    "sections 5.2 and 5.3",
    "RoBERTa-base has 118M parameters and GPT-2 medium 354M, in one unit of M.",
    quote="We use RoBERTa-base with 118M parameters [...] GPT2-Medium has 354M parameters",
)
def parameters_one_unit() -> Finding:
    """The units of each, and what they share."""
    stated = {"roberta_base": Decimal(118), "gpt2_medium": Decimal(354)}
    found = {backbone: units(shape(backbone).full(), printed) for backbone, printed in stated.items()}
    shared = set.intersection(*(set(of) for of in found.values()))
    said = [
        f"{stated[backbone]}M of {shape(backbone).full():,} is {' and '.join(of) or 'neither 2^20 nor 10^6'}"
        for backbone, of in found.items()
    ]
    return Finding(
        all_of([bool(shared)]),
        f"The text's units of M: {listed(said)}.",
        values={backbone: printed for backbone, printed in stated.items()},
    )


@claim(
    "section 5.2",
    "E2E has around 42,000 training, 4,600 validation and 4,600 test examples.",
    quote="around 42,000 training examples, 4,600 validation examples, and 4,600 test examples",
    remark="Around is read as rounded or cut: to thousands in training, to hundreds in the other two.",
)
def e2e_size() -> Finding:
    """The rows of the official files."""
    stated = {"train": (42, 1000), "validation": (46, 100), "test": (46, 100)}
    how = {name: printing(Fraction(E2E_ROWS[name], unit), Decimal(value)) for name, (value, unit) in stated.items()}
    said = [
        f"{E2E_ROWS[name]:,} ({name}; {value * unit:,} {how[name] or 'neither'})"
        for name, (value, unit) in stated.items()
    ]
    return Finding(
        all_of(one is not None for one in how.values()),
        f"E2E's official files have {listed(said)} rows.",
        values=dict(E2E_ROWS),
    )


@claim(
    "section 5.2",
    "WebNLG 2017 has 21,855 training samples.",
    quote="The WebNLG Challenge 2017 contains 21,855 training samples of 9 categories",
)
def webnlg_size() -> Finding:
    """The training set decides; the sums of the splits say what else the number could have been."""
    stated, train = 21_855, WEBNLG["train_texts"]
    texts = {split: WEBNLG[f"{split}_texts"] for split in ("train", "validation", "test")}
    sums = [
        " + ".join(chosen)
        for size in range(1, len(texts) + 1)
        for chosen in combinations(texts, size)
        if sum(texts[one] for one in chosen) == stated
    ]
    return Finding(
        all_of([stated == train]),
        f"WebNLG 2017's training set has {train:,} texts, {stated - train:,} fewer than the {stated:,} stated; sums "
        f"of its splits that give the stated number: {listed(sums)}.",
        (f"texts by split: {listed(f'{split} {number:,}' for split, number in texts.items())}",),
        {"stated": stated, "train": train, "sums": len(sums)},
    )


@claim(
    "section 5.2",
    "WebNLG 2017 has 9 categories in training and 14 in test.",
    quote="21,855 training samples of 9 categories, with a total of 14 categories in the test set",
)
def webnlg_categories() -> Finding:
    """Counted in the official files."""
    train, test = WEBNLG["train_categories"], WEBNLG["test_categories"]
    return Finding(
        all_of([train == 9, test == 14]),
        f"WebNLG 2017's files have {train} categories in training and {test} in test; the text states 9 and 14.",
        values={"train": train, "test": test},
    )


@claim(
    "section 5.2",
    "XSum has 204,045 training, 11,332 validation and 11,332 test samples.",
    quote="204,045 samples for training, 11,332 samples for validation and 11,332 samples for test",
)
def xsum_size() -> Finding:
    """The official split."""
    stated = {"train": 204_045, "validation": 11_332, "test": 11_332}
    return Finding(
        all_of(XSUM[split] == number for split, number in stated.items()),
        f"XSum's official split has {listed(f'{number:,} ({split})' for split, number in XSUM.items())}; the text "
        f"states {listed(f'{number:,}' for number in stated.values())}.",
        values=dict(XSUM),
    )
