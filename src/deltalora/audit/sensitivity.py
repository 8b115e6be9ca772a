"""Claims on lambda, K and the method itself: sections 4 and 5.4 and the appendix, against Tables 6, 8, 9 and 1."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from deltalora.audit.finding import Finding, all_of, cell, claim, lead, listed, rounded, setting
from deltalora.audit.generation import E2E, Differences, against, flat
from deltalora.audit.sizes import SHAPES
from deltalora.report.paper import paper_table

LAMBDAS = tuple(row.row for row in paper_table("table8").rows)
STARTS = tuple(row.row for row in paper_table("table9").rows)


def minus_lora(table: str, rows: Sequence[str]) -> Differences:
    """Return each row's scores minus those of LoRA (repr.) in Table 1."""
    return {row: {column: cell(table, row, column) - cell("table1", "lora", column) for column in E2E} for row in rows}


@claim("section A.5, on Table 8", "the 5 metrics rise rapidly after λ = 0 and reach best at λ = 2")
def lambda_best_at_two() -> Finding:
    """All five metrics are best at lambda = 2."""
    others = [one for one in LAMBDAS if one != "2"]
    best, rise = against("table8", "2", others, E2E), against("table8", "1", ["0"], E2E)
    pairs = [("1", "0"), *(("2", one) for one in others)]
    full = [column for column in E2E if all(lead("table8", left, right, column) > 0 for left, right in pairs)]
    return Finding(
        all_of([len(full) == len(E2E)]),
        f"In Table 8 BLEU is {', '.join(str(cell('table8', one, 'BLEU')) for one in LAMBDAS)} for lambda from 0 to 5; "
        f"lambda = 2 is the best and lambda = 1 above 0 in {len(full)} of five metrics.",
        (*rise.lines, *best.lines),
        best.values,
    )


@claim(
    "section A.5, on Table 8",
    "the performance has small drops on 5 evaluation scores if λ is chosen from 3 to 5",
    "A drop is small here if the number stays above that of lambda = 0.",
)
def lambda_small_drops() -> Finding:
    """From lambda = 3 to 5 the metrics drop a little."""
    drops = {one: {column: lead("table8", one, "2", column) for column in E2E} for one in ("3", "4", "5")}
    kept = {one: {column: lead("table8", one, "0", column) for column in E2E} for one in drops}
    said = {one: [f"{name} {drops[one][name]:+} from 2, {kept[one][name]:+} from 0" for name in E2E] for one in drops}
    largest = min(drops, key=lambda one: drops[one]["BLEU"])
    return Finding(
        all_of(drops[one][column] < 0 < kept[one][column] for one in drops for column in E2E),
        f"In Table 8 the largest drop of BLEU from lambda = 2 is {-drops[largest]['BLEU']} (lambda = {largest}); the "
        f"smallest lead over lambda = 0 is {min(of['BLEU'] for of in kept.values())}.",
        tuple(f"lambda = {one}: {', '.join(columns)}" for one, columns in said.items()),
        flat(drops),
    )


@claim(
    "Table 8 and Table 1",
    remark="Delta-LoRA has no dropout in its branch and, by Table 10, no label smoothing; of LoRA (repr.) the paper "
    "states neither.",
)
def lambda_zero() -> Finding:
    """At lambda = 0 Delta-LoRA is LoRA, so the two rows have the same numbers."""
    differences = minus_lora("table8", ["0"])["0"]
    won = lead("table1", "delta_lora", "lora", "BLEU")
    share = rounded(Fraction(abs(differences["BLEU"])) / Fraction(won) * 100, 0)
    return Finding(
        all_of(one == 0 for one in differences.values()),
        f"Delta-LoRA at lambda = 0 (Table 8) and LoRA (repr.) (Table 1) differ by "
        f"{', '.join(f'{one:+} {column}' for column, one in differences.items())}; the BLEU is {share} % of the gain "
        f"of {won} claimed for moving W.",
        values=differences,
    )


@claim(
    "section 4.2, against Tables 8 and 1",
    "it can alleviate under-fitting to some extent, thereby enhancing the learned representations of the networks",
    "lambda = 0 is LoRA without that dropout; what else the two rows differ in the paper does not say.",
)
def no_dropout_helps() -> Finding:
    """LoRA's branch is better without dropout, even where W does not move."""
    differences = minus_lora("table8", ["0"])["0"]
    below = sum(one < 0 for one in differences.values())
    return Finding(
        all_of(one > 0 for one in differences.values()),
        f"Without the dropout and with W at rest (lambda = 0) BLEU is {cell('table8', '0', 'BLEU')}, LoRA (repr.) with "
        f"it has {cell('table1', 'lora', 'BLEU')}; the former is below in {below} of five metrics.",
        values=differences,
    )


@claim(
    "section A.5, on Table 9",
    "our Delta-LoRA could not bring in any improvement before K = 400",
    "The text does not say over what; LoRA (repr.) of Table 1 is the baseline of all its other gains.",
)
def no_gain_before_400() -> Finding:
    """Start steps below K = 400 give no improvement over LoRA."""
    gains = minus_lora("table9", [one for one in STARTS if int(one) < 400])
    above = {one: sum(gained > 0 for gained in of.values()) for one, of in gains.items()}
    said = {one: [f"{name} {gained:+}" for name, gained in of.items()] for one, of in gains.items()}
    return Finding(
        all_of(not number for number in above.values()),
        "Against LoRA (repr.) of Table 1, Table 9 is better in "
        f"{listed(f'{number} of five metrics at K = {one}' for one, number in above.items())}.",
        tuple(f"K = {one}: {', '.join(columns)}" for one, columns in said.items()),
        flat(gains),
    )


@claim(
    "section A.5, on Table 9",
    "it will keep a relatively good performance when K is larger than 500",
    "Well is read as above LoRA (repr.) of Table 1 in all five metrics.",
)
def good_from_500() -> Finding:
    """From K = 500 on Delta-LoRA does well."""
    gains = minus_lora("table9", [one for one in STARTS if int(one) >= 500])
    well = [all(gained > 0 for gained in of.values()) for of in gains.values()]
    return Finding(
        all_of(well),
        f"From K = 500 to 1000 Table 9 is above LoRA (repr.) of Table 1 in {sum(well)} of {len(well)} rows in all five "
        f"metrics, by {min(of['BLEU'] for of in gains.values())} BLEU at least.",
        values=flat(gains),
    )


@claim(
    "Table 9; the text does not say so",
    remark="The paper nowhere calls K = 500 the best. The sweep is on the metrics that Table 1 reports.",
)
def best_start_step() -> Finding:
    """No K of the sweep is better than K = 500, the one that Table 1 is run with."""
    lines, better = [], []
    for column in E2E:
        best = max(STARTS, key=lambda one: cell("table9", one, column))
        top, chosen = cell("table9", best, column), cell("table9", "500", column)
        lines.append(f"{column}: K = 500 has {chosen}, {'the best' if chosen == top else f'K = {best} has {top}'}")
        if chosen != top:
            better.append(f"{column} {chosen} to {top} at K = {best}")
    return Finding(
        all_of([not better]),
        f"K = 500 is best or level in {len(E2E) - len(better)} of the five metrics of Table 9; better elsewhere: "
        f"{listed(better)}.",
        tuple(lines),
        {f"{column}.500": cell("table9", "500", column) for column in E2E},
    )


@claim("Table 6")
def triple_rate() -> Finding:
    """Table 6's control has 1 + lambda times LoRA's learning rate."""
    high = Decimal(paper_table("table6").printed_in("lora_lr_triple")["learning_rate"])
    low, ratio = setting("table10", "e2e", "learning_rate"), setting("table10", "e2e", "update_ratio")
    return Finding(
        all_of([high / low == 1 + ratio]),
        f"Table 6 has {high:f} for the control and Table 10 {low:f} for LoRA, {high / low} times; 1 + lambda is "
        f"{1 + ratio}.",
        values={"quotient": high / low},
    )


@claim(
    "section 5.4, on Table 6",
    "making sure that [W] can be updated with [3 times the delta], which is equivalent to Delta-LoRA when λ is "
    "set to 2",
    "The control that is missing is LoRA at (1 + lambda) times alpha, without dropout: Delta-LoRA whose W moves from "
    "the start is that method exactly, but for Adam's epsilon and clipping.",
)
def triple_rate_equivalent() -> Finding:
    """LoRA at three times the rate takes the steps that Delta-LoRA takes at lambda = 2."""
    rate, ratio, steps, a0 = Fraction(2, 10_000), 2, 500, Fraction(1, 32)
    # A_T B_T with B_0 = 0 and unit gradients, at the rate and at three times the rate
    product, tripled = ((a0 - steps * scale * rate) * (-steps * scale * rate) for scale in (1, 1 + ratio))
    delta = alpha = (1 + ratio) * product
    first_order = -(1 + ratio) * steps * rate * a0
    return Finding(
        all_of([delta == tripled]),
        f"With constant unit gradients, {steps} steps of 2e-4 from A = 1/32 and B = 0 make Delta-LoRA add "
        f"{float(delta):.4f} to W, LoRA at three times the rate {float(tripled):.4f}, LoRA at three times alpha "
        f"{float(alpha):.4f}: only the last is equivalent, for the rate enters the product twice.",
        (
            f"after t steps Delta-LoRA has added (1 + lambda)(-eta t g_B A_0 + eta^2 t^2 g_A g_B) = {float(delta):.6f}",
            f"three times the rate: -3 eta t g_B A_0 + 9 eta^2 t^2 g_A g_B = {float(tripled):.6f}",
            f"both have the first-order term {float(first_order):.6f}; the second-order term is three times as large",
        ),
        {"delta_lora": delta, "rate": tripled, "alpha": alpha},
    )


@claim(
    "section A.4, eq. 8",
    "≈ −ηA(t)ĝB − ηĝAB(t)",
    "The dropped decay is absent at XSum's weight decay of 0. The next sentence of the appendix has the opposite sign "
    "of the update of W: △W = ηĝW + ηβW.",
)
def expansion_drops_decay() -> Finding:
    """Eq. 8 drops only terms that are small beside those it keeps."""
    a, b, g_a, g_b, beta, eta = map(Fraction, ("3", "5", "7", "11", "0.1", "1e-12"))
    exact = (a - eta * g_a - eta * beta * a) * (b - eta * g_b - eta * beta * b) - a * b
    slope = (exact + eta * a * g_b + eta * g_a * b) / eta  # tends to the coefficient of eta in what is dropped
    first_order = -2 * beta * a * b
    tasks = (("table10", "e2e"), ("table14", "mnli"), ("table12", "xsum"))
    e2e, glue, xsum = (setting(table, task, "weight_decay") for table, task in tasks)
    return Finding(
        all_of([abs(slope) < Fraction(1, 10**6)]),
        "Eq. 8 drops −2ηβAB, which is of first order in η like the two terms it keeps; only the other four dropped "
        "terms are of second order.",
        (
            f"scalars A, B, g_A, g_B, beta = 3, 5, 7, 11, 0.1: dropped / eta tends to {float(slope):.6f} as eta falls; "
            f"-2 beta A B = {float(first_order):.6f}",
            f"weight decay is {e2e} on E2E, {glue} on GLUE and {xsum} on XSum",
        ),
        {"slope": slope, "first_order": first_order},
    )


@claim(
    "title, read as a statement on what is learnt",
    "Fine-Tuning High-Rank Parameters with the Delta of Low-Rank Matrices",
    "A finished Delta-LoRA model is the pre-trained one with a low-rank update of rank 2r. High here is a rank of at "
    "least the matrix's width, which 2r would have to reach.",
)
def high_rank() -> Finding:
    """Delta-LoRA's update of W is of high rank, not bounded by the rank of A and B."""
    tasks = {"gpt2_medium": ("table10", "e2e"), "bart_large": ("table12", "xsum"), "roberta_base": ("table14", "mnli")}
    ranks = {backbone: int(setting(table, task, "rank")) for backbone, (table, task) in tasks.items()}
    bounds = [f"{2 * rank} of {SHAPES[backbone].width:,} ({backbone})" for backbone, rank in ranks.items()]
    r, steps = ranks["gpt2_medium"], 50
    found = rank_of_summed_updates(r, 6 * r, steps)
    return Finding(
        all_of(2 * rank >= SHAPES[backbone].width for backbone, rank in ranks.items()),
        f"The updates telescope to A_TB_T - A_kB_k, so W_T - W_0 has rank at most 2r: {listed(bounds)}.",
        (f"trial in integers, r = {r}, {steps} updates of a {6 * r} x {6 * r} W: rank {found}",),
        {"trial_rank": found, "trial_bound": 2 * r},
    )


def rank_of_summed_updates(rank: int, width: int, steps: int) -> int:
    """Return the rank of the sum of A' B' - A B over `steps` random moves of A and B; the sum is exact, of integers."""
    draw = np.random.default_rng(0)
    A, B = draw.integers(-9, 10, (width, rank)), draw.integers(-9, 10, (rank, width))
    total = np.zeros((width, width), dtype=np.int64)
    for _ in range(steps):
        before = A @ B
        A, B = A + draw.integers(-9, 10, A.shape), B + draw.integers(-9, 10, B.shape)
        total += A @ B - before
    return int(np.linalg.matrix_rank(total))
