"""Claims on GLUE: section 5.3 and Table 4."""

from decimal import Decimal
from fractions import Fraction
from statistics import median

from deltalora.audit.facts import GLUE_TRAIN, GLUE_VALIDATION
from deltalora.audit.finding import (
    Finding,
    Value,
    all_of,
    cell,
    claim,
    cut,
    decimals,
    label,
    listed,
    printing,
    rounded,
)
from deltalora.audit.generation import FINE_TUNING, LOW_RANK, lead
from deltalora.report.paper import paper_table

TASKS = ("MNLI", "SST-2", "MRPC", "CoLA", "QNLI", "QQP", "RTE", "STS-B")
ROWS = tuple(row.row for row in paper_table("table4").rows)


def above_on_every_task(rows: tuple[str, ...]) -> Finding:
    """Is Delta-LoRA above all of these rows on every task? A tie is not above."""
    lines, worst = [], dict[str, Value]()
    for task in TASKS:
        leads = {row: lead("table4", "delta_lora", row, task) for row in rows}
        least = min(leads.values())
        worst[task] = "above" if least > 0 else "ties" if least == 0 else "below"
        word = {"above": "above all", "ties": "level with", "below": "below"}[str(worst[task])]
        named = [f"{label('table4', row)} ({cell('table4', row, task)})" for row, one in leads.items() if one <= 0]
        lines.append(f"{task}: {cell('table4', 'delta_lora', task)}, {word} {listed(named) if named else ''}".strip())
    won = [task for task in TASKS if worst[task] == "above"]
    return Finding(
        all_of(one == "above" for one in worst.values()),
        f"In Table 4 Delta-LoRA is above all {len(rows)} rows on {len(won)} of the 8 tasks ({listed(won)}), level on "
        f"{listed(task for task in TASKS if worst[task] == 'ties')} and below on "
        f"{listed(task for task in TASKS if worst[task] == 'below')}.",
        tuple(lines),
        worst,
    )


_ALL_TASKS = "our method outperforms existing methods on all 8 tasks in GLUE benchmark"


@claim("section 5.3, on Table 4", "Delta-LoRA is above every other method on all eight tasks.", quote=_ALL_TASKS)
def glue_all_tasks() -> Finding:
    """Every other row of Table 4, fine-tuning included."""
    return above_on_every_task((*FINE_TUNING, *LOW_RANK))


@claim(
    'section 5.3, on Table 4, read as "existing low-rank methods"',
    "Delta-LoRA is above LoRA, DyLoRA and AdaLoRA on all eight tasks.",
    quote=_ALL_TASKS,
)
def glue_all_tasks_low_rank() -> Finding:
    """The low-rank rows of Table 4 alone."""
    return above_on_every_task(LOW_RANK)


@claim(
    "section 5.3, on Table 4",
    "The improvement over LoRA is significant on SST-2, CoLA and RTE.",
    quote="our method demonstrates significant improvement on SST-2, CoLA and RTE",
    remark="The best case for significance over examples: no example that LoRA has right is lost. CoLA's correlation "
    "has no such test from one number. Over seeds nothing can be told: the paper has none.",
)
def glue_significant_on_three() -> Finding:
    """McNemar's exact test in the best case: all discordant examples in Delta-LoRA's favour, p = 2 / 2^n."""
    lines, parts, said, values = [], [], [], dict[str, Value]()
    for task in ("SST-2", "RTE"):
        n = GLUE_VALIDATION[task]
        won = lead("table4", "delta_lora", "lora", task)
        examples = round(Fraction(won) / 100 * n)
        p = best_case_p(examples)
        parts.append(p < 0.05)
        said.append(f"{won:+} on {task} is {examples} of {n} examples, p = {p:g} at best")
        lines.append(
            f"{task}: {won} % of {n} = {float(Fraction(won) / 100 * n):.2f} examples; p = {p:g} if none is lost"
        )
        values |= {f"{task}.examples": examples, f"{task}.best_p": Decimal(str(p))}
    won = lead("table4", "delta_lora", "lora", "CoLA")
    lines.append(f"CoLA: {won:+} of Matthews' correlation, times 100; no test from one number")
    return Finding(all_of(parts), f"Against LoRA, {' and '.join(said)} (exact McNemar test).", tuple(lines), values)


def best_case_p(examples: int) -> float:
    """Two-sided exact McNemar p value where all `examples` discordant pairs favour one side: min(1, 2 / 2^n)."""
    return min(1.0, 2.0 ** (1 - examples))


@claim("Table 4, last column", "AVG is the mean of the row's eight numbers.")
def glue_averages() -> Finding:
    """The exact mean of every row beside its print."""
    lines, values, wrong = [], dict[str, Value](), []
    for row in ROWS:
        mean = sum((Fraction(cell("table4", row, task)) for task in TASKS), Fraction(0)) / len(TASKS)
        printed = cell("table4", row, "AVG")
        right = rounded(mean, decimals(printed))
        exact = Decimal(mean.numerator) / Decimal(mean.denominator)
        how = "rounded" if right == printed else f"{printing(mean, printed) or 'one up'}: {right} as rounded"
        lines.append(f"{label('table4', row)}: {exact} printed as {printed}, {how}")
        values |= {f"{row}.mean": exact, f"{row}.printed": printed, f"{row}.rounded": right}
        if right != printed:
            wrong.append(f"{label('table4', row)} ({printed} for {exact})")
    return Finding(
        all_of([not wrong]),
        f"{len(ROWS) - len(wrong)} of the {len(ROWS)} averages of Table 4 are the rounded means of their rows; the "
        f"others: {listed(wrong)}.",
        tuple(lines),
        values,
    )


@claim(
    "Table 4, on the development sets",
    "An accuracy on n examples is k/n of them.",
    remark="A mean over several runs need not be k/n; the paper mentions no second run.",
)
def glue_accuracies() -> Finding:
    """Every printed accuracy of SST-2, MRPC and RTE, with the k that gives it, rounded or cut."""
    lines, values, none = [], dict[str, Value](), []
    for task, n in GLUE_VALIDATION.items():
        for row in ROWS:
            printed, name = cell("table4", row, task), f"{label('table4', row)}, {task}"
            digits = decimals(printed)
            shares = [Fraction(100 * k, n) for k in range(n + 1)]
            k = next((k for k, share in enumerate(shares) if rounded(share, digits) == printed), None)
            if k is None:
                k = next((k for k, share in enumerate(shares) if cut(share, digits) == printed), None)
            values[name] = k
            if k is None:
                near = int(printed * n / 100)
                beside = " and ".join(f"{one}/{n} = {float(shares[one]):.3f}" for one in (near, near + 1))
                lines.append(f"{name}: {printed} is no k/{n}; {beside} lie beside it")
                none.append(f"{name} ({printed})")
            else:
                lines.append(f"{name}: {printed} = {k}/{n} = {float(shares[k]):.3f}, {printing(shares[k], printed)}")
    return Finding(
        all_of([not none]),
        f"{len(values) - len(none)} of the {len(values)} accuracies of SST-2, MRPC and RTE in Table 4 are a share of "
        f"the development set, rounded or cut; no single run can have {listed(none)}.",
        tuple(lines),
        values,
    )


@claim(
    "section 5.3, on Table 4",
    "SST-2, CoLA and RTE are the small data sets.",
    quote="This is mainly due to the fact that these datasets contain less training data",
    remark="The paper does not say what small is; here it is what lies below the median of the eight.",
)
def glue_small_sets() -> Finding:
    """Each of the three against the median size."""
    middle = median(GLUE_TRAIN.values())
    named = {name: GLUE_TRAIN[name] for name in ("sst2", "cola", "rte")}
    smaller = [f"{name} {size:,}" for name, size in sorted(GLUE_TRAIN.items(), key=lambda one: one[1])]
    return Finding(
        all_of(size < middle for size in named.values()),
        f"SST-2 has {named['sst2']:,} training examples, the median of the eight tasks is {middle:,.0f}; MRPC and "
        f"STS-B, of {GLUE_TRAIN['mrpc']:,} and {GLUE_TRAIN['stsb']:,}, are smaller than CoLA and not named.",
        (f"sizes: {listed(smaller)}",),
        {**named, "median": Decimal(str(middle))},
    )
