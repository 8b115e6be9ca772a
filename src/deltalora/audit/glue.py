"""Claims on GLUE: section 5.3 and Table 4."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import mean, median

from deltalora.audit.finding import FACTS, Finding, Value, all_of, cell, claim, label, lead, listed, printing
from deltalora.audit.generation import FINE_TUNING, LOW_RANK
from deltalora.report.paper import paper_table

TASKS = ("MNLI", "SST-2", "MRPC", "CoLA", "QNLI", "QQP", "RTE", "STS-B")
ROWS = tuple(row.row for row in paper_table("table4").rows)

ON_TABLE_4 = "section 5.3, on Table 4"
_ALL_TASKS = "our method outperforms existing methods on all 8 tasks in GLUE benchmark"


def above_on_every_task(rows: tuple[str, ...]) -> Finding:
    """Check whether Delta-LoRA is above all of these rows on every task. A tie is not above."""
    lines, worst = [], dict[str, Value]()
    for task in TASKS:
        leads = {row: lead("table4", "delta_lora", row, task) for row in rows}
        least = min(leads.values())
        worst[task] = "above" if least > 0 else "ties" if least == 0 else "below"
        said = "above all" if least > 0 else "level with" if least == 0 else "below"
        named = [f"{label('table4', row)} ({cell('table4', row, task)})" for row, one in leads.items() if one <= 0]
        lines.append(f"{task}: {cell('table4', 'delta_lora', task)}, {said} {listed(named) if named else ''}".strip())
    won, level, lost = ([task for task in TASKS if worst[task] == one] for one in ("above", "ties", "below"))
    return Finding(
        all_of(one == "above" for one in worst.values()),
        f"In Table 4 Delta-LoRA is above all {len(rows)} rows on {len(won)} of the 8 tasks ({listed(won)}), level on "
        f"{listed(level)} and below on {listed(lost)}.",
        tuple(lines),
        worst,
    )


@claim(ON_TABLE_4, _ALL_TASKS)
def glue_all_tasks() -> Finding:
    """Delta-LoRA is above every other method on all eight tasks."""
    return above_on_every_task((*FINE_TUNING, *LOW_RANK))


@claim(f'{ON_TABLE_4}, read as "existing low-rank methods"', _ALL_TASKS)
def glue_all_tasks_low_rank() -> Finding:
    """Delta-LoRA is above LoRA, DyLoRA and AdaLoRA on all eight tasks."""
    return above_on_every_task(LOW_RANK)


@claim(
    ON_TABLE_4,
    "our method demonstrates significant improvement on SST-2, CoLA and RTE",
    "The best case for significance over examples: no example that LoRA has right is lost. CoLA's correlation has no "
    "such test from one number. Over seeds nothing can be told: the paper has none.",
)
def glue_significant_on_three() -> Finding:
    """Delta-LoRA's improvement over LoRA is significant on SST-2, CoLA and RTE."""
    lines, said, values = [], [], dict[str, Value]()
    for task in ("SST-2", "RTE"):
        n, won = FACTS.glue_validation[task], lead("table4", "delta_lora", "lora", task)
        exact = Fraction(won) / 100 * n
        examples = round(exact)
        p = best_case_p(examples)
        said.append(f"{won:+} on {task} is {examples} of {n} examples, p = {p:g} at best")
        lines.append(f"{task}: {won} % of {n} = {float(exact):.2f} examples; p = {p:g} if none is lost")
        values |= {f"{task}.examples": examples, f"{task}.best_p": Decimal(str(p))}
    won = lead("table4", "delta_lora", "lora", "CoLA")
    lines.append(f"CoLA: {won:+} of Matthews' correlation, times 100; no test from one number")
    return Finding(
        all_of(p < Decimal("0.05") for name, p in values.items() if name.endswith("best_p") and isinstance(p, Decimal)),
        f"Against LoRA, {' and '.join(said)} (exact McNemar test).",
        tuple(lines),
        values,
    )


def best_case_p(examples: int) -> float:
    """Return McNemar's two-sided exact p where all discordant examples favour one side: min(1, 2 / 2^examples)."""
    return min(1.0, 2.0 ** (1 - examples))


@claim("Table 4, last column")
def glue_averages() -> Finding:
    """AVG is the mean of the row's eight numbers."""
    lines, values, wrong = [], dict[str, Value](), []
    for row in ROWS:
        exact, printed = mean(cell("table4", row, task) for task in TASKS), cell("table4", row, "AVG")
        right = exact.quantize(printed, ROUND_HALF_UP)
        how = "rounded" if right == printed else f"{printing(exact, printed) or 'one up'}: {right} as rounded"
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
    remark="A mean over several runs need not be k/n; the paper mentions no second run.",
)
def glue_accuracies() -> Finding:
    """Every accuracy on n examples is k/n of them."""
    lines, values, none = [], dict[str, Value](), []
    for task, n in FACTS.glue_validation.items():
        shares = [Fraction(100 * k, n) for k in range(n + 1)]
        for row in ROWS:
            printed, name = cell("table4", row, task), f"{label('table4', row)}, {task}"
            made = {how: k for k in range(n, -1, -1) if (how := printing(shares[k], printed)) is not None}
            values[name] = k = made.get("rounded", made.get("cut"))
            if k is not None:
                lines.append(f"{name}: {printed} = {k}/{n} = {float(shares[k]):.3f}, {printing(shares[k], printed)}")
                continue
            near = int(printed * n / 100)
            beside = " and ".join(f"{one}/{n} = {float(shares[one]):.3f}" for one in (near, near + 1))
            lines.append(f"{name}: {printed} is no k/{n}; {beside} lie beside it")
            none.append(f"{name} ({printed})")
    return Finding(
        all_of([not none]),
        f"{len(values) - len(none)} of the {len(values)} accuracies of SST-2, MRPC and RTE in Table 4 are a share of "
        f"the development set, rounded or cut; no single run can have {listed(none)}.",
        tuple(lines),
        values,
    )


@claim(
    ON_TABLE_4,
    "This is mainly due to the fact that these datasets contain less training data",
    "The paper does not say what small is; here it is what lies below the median of the eight.",
)
def glue_small_sets() -> Finding:
    """SST-2, CoLA and RTE are the small data sets."""
    train = FACTS.glue_train
    middle = median(train.values())
    named = {name: train[name] for name in ("sst2", "cola", "rte")}
    sizes = [f"{name} {size:,}" for name, size in sorted(train.items(), key=lambda one: one[1])]
    return Finding(
        all_of(size < middle for size in named.values()),
        f"SST-2 has {train['sst2']:,} training examples, the median of the eight tasks is {middle:,.0f}; MRPC and "
        f"STS-B, of {train['mrpc']:,} and {train['stsb']:,}, are smaller than CoLA and not named.",
        (f"sizes: {listed(sizes)}",),
        {**named, "median": Decimal(str(middle))},
    )
