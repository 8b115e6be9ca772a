"""Claims on lambda, K and the method itself: sections 4 and 5.4 and the appendix, against Tables 6, 8, 9 and 1."""

import random
from decimal import Decimal
from fractions import Fraction

from deltalora.audit.finding import Finding, Verdict, all_of, cell, claim, label, listed, rounded, setting
from deltalora.audit.generation import E2E, against, lead
from deltalora.audit.parameters import shape
from deltalora.report.paper import paper_table

LAMBDAS = tuple(row.row for row in paper_table("table8").rows)
STARTS = tuple(row.row for row in paper_table("table9").rows)


@claim(
    "section A.5, on Table 8",
    "All five metrics are best at lambda = 2.",
    quote="the 5 metrics rise rapidly after λ = 0 and reach best at λ = 2",
)
def lambda_best_at_two() -> Finding:
    """Lambda = 2 against every other, and lambda = 1 against 0."""
    best = against("table8", "2", [one for one in LAMBDAS if one != "2"], E2E)
    rise = against("table8", "1", ["0"], E2E)
    return Finding(
        all_of([best.verdict is Verdict.HOLDS, rise.verdict is Verdict.HOLDS]),
        f"In Table 8 BLEU is {', '.join(str(cell('table8', one, 'BLEU')) for one in LAMBDAS)} for lambda from 0 to 5; "
        f"lambda = 2 is the best and lambda = 1 above 0 in {_full_columns(best, rise)} of five metrics.",
        (*rise.lines, *best.lines),
        best.values,
    )


def _full_columns(*findings: Finding) -> int:
    names = [(name, value) for finding in findings for name, value in finding.values.items()]
    return sum(
        all(isinstance(value, Decimal) and value > 0 for name, value in names if name.endswith(f".{column}"))
        for column in E2E
    )


@claim(
    "section A.5, on Table 8",
    "From lambda = 3 to 5 the metrics drop a little.",
    quote="the performance has small drops on 5 evaluation scores if λ is chosen from 3 to 5",
    remark="A drop is small here if the number stays above that of lambda = 0.",
)
def lambda_small_drops() -> Finding:
    """Below lambda = 2 and above lambda = 0, in every column."""
    drops = {one: {column: lead("table8", "2", one, column) for column in E2E} for one in ("3", "4", "5")}
    kept = {one: {column: lead("table8", one, "0", column) for column in E2E} for one in ("3", "4", "5")}
    largest = max(drops, key=lambda one: drops[one]["BLEU"])
    return Finding(
        all_of(drops[one][column] > 0 and kept[one][column] > 0 for one in drops for column in E2E),
        f"In Table 8 the largest drop of BLEU from lambda = 2 is {drops[largest]['BLEU']} (lambda = {largest}); the "
        f"smallest lead over lambda = 0 is {min(of['BLEU'] for of in kept.values())}.",
        tuple(
            f"lambda = {one}: "
            + ", ".join(f"{column} {-drops[one][column]:+} from 2, {kept[one][column]:+} from 0" for column in E2E)
            for one in drops
        ),
        {f"{one}.{column}": -drop for one, of in drops.items() for column, drop in of.items()},
    )


@claim(
    "Table 8 and Table 1",
    "At lambda = 0 Delta-LoRA is LoRA, so the two rows have the same numbers.",
    remark="Delta-LoRA has no dropout in its branch and, by Table 10, no label smoothing; of LoRA (repr.) the paper "
    "states neither.",
)
def lambda_zero() -> Finding:
    """One method twice, in all five columns, beside the gain that is claimed for moving W."""
    differences = {column: cell("table8", "0", column) - cell("table1", "lora", column) for column in E2E}
    won = lead("table1", "delta_lora", "lora", "BLEU")
    return Finding(
        all_of(one == 0 for one in differences.values()),
        f"Delta-LoRA at lambda = 0 (Table 8) and LoRA (repr.) (Table 1) differ by "
        f"{', '.join(f'{one:+} {column}' for column, one in differences.items())}; the BLEU is "
        f"{rounded(Fraction(abs(differences['BLEU'])) / Fraction(won) * 100, 0)} % of the gain of {won} claimed for "
        "moving W.",
        values=differences,
    )


@claim(
    "section 4.2, against Tables 8 and 1",
    "Dropping the dropout of the branch helps by itself.",
    quote="it can alleviate under-fitting to some extent, thereby enhancing the learned representations of the "
    "networks",
    remark="lambda = 0 is LoRA without that dropout; what else the two rows differ in the paper does not say.",
)
def no_dropout_helps() -> Finding:
    """Lambda = 0 of Table 8 against LoRA (repr.), which LoRA's recipe gives a dropout of 0.1."""
    differences = {column: cell("table8", "0", column) - cell("table1", "lora", column) for column in E2E}
    below = [column for column, one in differences.items() if one < 0]
    return Finding(
        all_of(one > 0 for one in differences.values()),
        f"Without the dropout and with W at rest (lambda = 0) BLEU is {cell('table8', '0', 'BLEU')}, LoRA (repr.) "
        f"with it has {cell('table1', 'lora', 'BLEU')}; the former is below in {len(below)} of five metrics.",
        values=differences,
    )


@claim(
    "section A.5, on Table 9",
    "Start steps below K = 400 give no improvement over LoRA.",
    quote="our Delta-LoRA could not bring in any improvement before K = 400",
    remark="The text does not say over what; LoRA (repr.) of Table 1 is the baseline of all its other gains.",
)
def no_gain_before_400() -> Finding:
    """K = 0 to 300 against LoRA (repr.), column by column."""
    early = [one for one in STARTS if int(one) < 400]
    gains = {one: {c: cell("table9", one, c) - cell("table1", "lora", c) for c in E2E} for one in early}
    above = {one: [column for column, gained in of.items() if gained > 0] for one, of in gains.items()}
    return Finding(
        all_of(not found for found in above.values()),
        "Against LoRA (repr.) of Table 1, Table 9 is better in "
        f"{listed(f'{len(found)} of five metrics at K = {one}' for one, found in above.items())}.",
        tuple(
            f"K = {one}: " + ", ".join(f"{column} {gained:+}" for column, gained in of.items())
            for one, of in gains.items()
        ),
        {f"{one}.{column}": gained for one, of in gains.items() for column, gained in of.items()},
    )


@claim(
    "section A.5, on Table 9",
    "From K = 500 on Delta-LoRA does well.",
    quote="it will keep a relatively good performance when K is larger than 500",
    remark="Well is read as above LoRA (repr.) of Table 1 in all five metrics.",
)
def good_from_500() -> Finding:
    """K = 500 to 1000 against LoRA (repr.)."""
    late = [one for one in STARTS if int(one) >= 500]
    gains = {one: {c: cell("table9", one, c) - cell("table1", "lora", c) for c in E2E} for one in late}
    least = min(of["BLEU"] for of in gains.values())
    return Finding(
        all_of(gained > 0 for of in gains.values() for gained in of.values()),
        f"From K = 500 to 1000 Table 9 is above LoRA (repr.) of Table 1 in "
        f"{sum(all(gained > 0 for gained in of.values()) for of in gains.values())} of {len(late)} rows in all five "
        f"metrics, by {least} BLEU at least.",
        values={f"{one}.{column}": gained for one, of in gains.items() for column, gained in of.items()},
    )


@claim(
    "Table 9; the text does not say so",
    "No K of the sweep is better than K = 500, the one that Table 1 is run with.",
    remark="The paper nowhere calls K = 500 the best. The sweep is on the metrics that Table 1 reports.",
)
def best_start_step() -> Finding:
    """The best row of every column."""
    lines, parts, better = [], [], []
    for column in E2E:
        best = max(STARTS, key=lambda one: cell("table9", one, column))
        top, chosen = cell("table9", best, column), cell("table9", "500", column)
        parts.append(chosen == top)
        word = "the best" if chosen == top else f"{label('table9', best)} has {top}"
        lines.append(f"{column}: K = 500 has {chosen}, {word}")
        if chosen != top:
            better.append(f"{column} {chosen} to {top} at K = {best}")
    return Finding(
        all_of(parts),
        f"K = 500 is best or level in {sum(parts)} of the five metrics of Table 9; better elsewhere: {listed(better)}.",
        tuple(lines),
        {f"{column}.500": cell("table9", "500", column) for column in E2E},
    )


@claim(
    "Table 6",
    "The control's learning rate is 1 + lambda times LoRA's.",
)
def triple_rate() -> Finding:
    """6e-4 over 2e-4 beside 1 + lambda."""
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
    "LoRA at three times the rate takes the steps that Delta-LoRA takes at lambda = 2.",
    quote="making sure that [W] can be updated with [3 times the delta], which is equivalent to Delta-LoRA when λ is "
    "set to 2",
    remark="The control that is missing is LoRA at (1 + lambda) times alpha, without dropout: Delta-LoRA whose W "
    "moves from the start is that method exactly, but for Adam's epsilon and clipping.",
)
def triple_rate_equivalent() -> Finding:
    """Scalar A and B with constant gradients, in exact fractions: what each has added to W after t steps."""
    rate, ratio, steps = Fraction(2, 10_000), 2, 500
    a0, gradient = Fraction(1, 32), Fraction(1)

    def product(scale: int) -> Fraction:
        """A_T B_T with B_0 = 0 at `scale` times the rate."""
        return (a0 - steps * scale * rate * gradient) * (-steps * scale * rate * gradient)

    delta, tripled, alpha = (1 + ratio) * product(1), product(1 + ratio), (1 + ratio) * product(1)
    first_order = -(1 + ratio) * steps * rate * gradient * a0
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
        {"delta_lora": _number(delta), "rate": _number(tripled), "alpha": _number(alpha)},
    )


@claim(
    "section A.4, eq. 8",
    "The terms that the expansion of the update drops are small beside those it keeps.",
    quote="≈ −ηA(t)ĝB − ηĝAB(t)",
    remark="The dropped decay is absent at XSum's weight decay of 0. The next sentence of the appendix has the "
    "opposite sign of the update of W: △W = ηĝW + ηβW.",
)
def expansion_drops_decay() -> Finding:
    """The order in eta of every dropped term, from the exact product of scalars."""
    a, b, g_a, g_b, beta = Fraction(3), Fraction(5), Fraction(7), Fraction(11), Fraction(1, 10)

    def dropped(eta: Fraction) -> Fraction:
        exact = (a - eta * g_a - eta * beta * a) * (b - eta * g_b - eta * beta * b) - a * b
        return exact - (-eta * a * g_b - eta * g_a * b)

    eta = Fraction(1, 10**12)
    slope = dropped(eta) / eta  # tends to the coefficient of eta
    first_order = -2 * beta * a * b
    return Finding(
        all_of([abs(slope) < Fraction(1, 10**6)]),
        "Eq. 8 drops −2ηβAB, which is of first order in η like the two terms it keeps; only the other four dropped "
        "terms are of second order.",
        (
            f"scalars A, B, g_A, g_B, beta = 3, 5, 7, 11, 0.1: dropped / eta tends to {float(slope):.6f} as eta falls; "
            f"-2 beta A B = {float(first_order):.6f}",
            f"weight decay is {setting('table10', 'e2e', 'weight_decay')} on E2E, "
            f"{setting('table14', 'mnli', 'weight_decay')} "
            f"on GLUE and {setting('table12', 'xsum', 'weight_decay')} on XSum",
        ),
        {"slope": _number(slope), "first_order": _number(first_order)},
    )


@claim(
    "title, read as a statement on what is learnt",
    "The update of W is of high rank, not bounded by the rank of A and B.",
    quote="Fine-Tuning High-Rank Parameters with the Delta of Low-Rank Matrices",
    remark="A finished Delta-LoRA model is the pre-trained one with a low-rank update of rank 2r. High here is a "
    "rank of at least the matrix's width, which 2r would have to reach.",
)
def high_rank() -> Finding:
    """The bound in exact terms, and one trial in exact integers: the summed updates and their rank."""
    ranks = {
        "gpt2_medium": int(setting("table10", "e2e", "rank")),
        "bart_large": int(setting("table12", "xsum", "rank")),
        "roberta_base": int(setting("table14", "mnli", "rank")),
    }
    r, steps = ranks["gpt2_medium"], 50
    found = rank_of_summed_updates(r, 6 * r, steps)
    bounds = [f"{2 * rank} of {shape(backbone).width:,} ({backbone})" for backbone, rank in ranks.items()]
    return Finding(
        all_of(2 * rank >= shape(backbone).width for backbone, rank in ranks.items()),
        f"The updates telescope to A_TB_T - A_kB_k, so W_T - W_0 has rank at most 2r: {listed(bounds)}.",
        (f"trial in integers, r = {r}, {steps} updates of a {6 * r} x {6 * r} W: rank {found}",),
        {"trial_rank": found, "trial_bound": 2 * r},
    )


def rank_of_summed_updates(rank: int, width: int, steps: int) -> int:
    """Rank of the sum of (A' B' - A B) over `steps` steps in which A and B move at random, in exact integers."""
    draw = random.Random(0)

    def matrix(rows: int, columns: int) -> list[list[int]]:
        return [[draw.randint(-9, 9) for _ in range(columns)] for _ in range(rows)]

    A, B = matrix(width, rank), matrix(rank, width)
    total = [[0] * width for _ in range(width)]
    for _ in range(steps):
        before = _product(A, B)
        A, B = _sum(A, matrix(width, rank)), _sum(B, matrix(rank, width))
        total = [
            [t + q - p for t, q, p in zip(*rows, strict=True)]
            for rows in zip(total, _product(A, B), before, strict=True)
        ]
    return _rank([[Fraction(value) for value in row] for row in total])


def _number(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _product(A: list[list[int]], B: list[list[int]]) -> list[list[int]]:
    columns = list(zip(*B, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in A]


def _sum(A: list[list[int]], B: list[list[int]]) -> list[list[int]]:
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(A, B, strict=True)]


def _rank(rows: list[list[Fraction]]) -> int:
    """By elimination, without rounding."""
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank
