"""Claims on recipes: settings said to be another's, lengths, and the steps of a run."""

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from deltalora.audit.finding import FACTS, Finding, all_of, claim, listed, rounded, setting
from deltalora.report.paper import hyperparameter_table

GLUE = hyperparameter_table("table14").columns
ON_TABLE_14 = "section 5.3, on Table 14"


def beside(task: str, theirs: Mapping[str, Mapping[str, Decimal]]) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the paper's setting and theirs by key, from theirs by the paper's table and key."""
    return {key: (setting(table, task, key), one) for table, of in theirs.items() for key, one in of.items()}


def same_settings(recipe: str, settings: Mapping[str, tuple[Decimal | str, Decimal | str]]) -> Finding:
    """Compare the paper's settings (first) with those of the recipe it says it follows (second)."""
    same = [f"{name} ({mine})" for name, (mine, other) in settings.items() if mine == other]
    differ = [f"{name} ({mine} against {other})" for name, (mine, other) in settings.items() if mine != other]
    return Finding(
        all_of([not differ]),
        f"{len(differ)} of {len(settings)} settings are not those of {recipe}: {listed(differ)}.",
        (f"the same: {listed(same)}",),
        {f"{name}.paper": mine for name, (mine, _) in settings.items()}
        | {f"{name}.other": other for name, (_, other) in settings.items()},
    )


@claim(
    "section 5.2, on Tables 12 and 13",
    "we use the implementation of AdaLoRA and adopt the same training configurations",
    "AdaLoRA's rank is its initial one, which falls to 8; its 3,000 warm-up steps are ticks of 8 processes, 375 steps.",
)
def xsum_recipe() -> Finding:
    """XSum is trained with AdaLoRA's settings."""
    matrices = (str(hyperparameter_table("table12").column("xsum")["trainable_matrices"]), FACTS.adalora_xsum_matrices)
    return same_settings("AdaLoRA's script", {"matrices": matrices, **beside("xsum", FACTS.adalora_xsum)})


@claim("section 5.2, on Tables 10 and 11", "we use the same training configurations as adopted by LoRA")
def e2e_recipe() -> Finding:
    """E2E is trained and decoded with LoRA's recipe."""
    return same_settings("LoRA's README", beside("e2e", FACTS.lora_e2e))


@claim(
    ON_TABLE_14,
    "We mostly adopt the same training configurations of LoRA except for the input length",
    'The text says "mostly"; the differences that it does not name are counted here.',
)
def glue_recipe() -> Finding:
    """GLUE is trained as LoRA trains it, but for the input length."""
    numbers = {
        f"{key.replace('_', ' ')} of {task}": pair
        for task, theirs in FACTS.lora_glue.items()
        for key, pair in beside(task, {"table14": theirs}).items()
    }
    return same_settings("LoRA's scripts", numbers)


@claim(ON_TABLE_14, "the input length, which is reduced from 512 to 256")
def glue_length() -> Finding:
    """On GLUE the longest input is reduced from 512 to 256 tokens."""
    lengths = {task: setting("table14", task, "max_length") for task in GLUE}
    others = [f"{task} ({length})" for task, length in lengths.items() if length != 256]
    return Finding(
        all_of([not others]),
        f"Table 14 has 256 for {len(lengths) - len(others)} of the {len(lengths)} tasks; others: {listed(others)}.",
        values=lengths,
    )


@claim(ON_TABLE_14, "We set the rank to 8 [...] For Delta-LoRA, we set the update ratio to 0.5")
def glue_settings_in_text() -> Finding:
    """On GLUE lambda is 0.5 and the rank 8."""
    stated = {"update_ratio": Decimal("0.5"), "rank": Decimal(8)}
    found = {(task, key): setting("table14", task, key) for task in GLUE for key in stated}
    agree = [value == stated[key] for (_, key), value in found.items()]
    return Finding(
        all_of(agree),
        f"Table 14 agrees with the text in {sum(agree)} of {len(agree)} cells of rank and lambda.",
        values={f"{task}.{key}": value for (task, key), value in found.items()},
    )


class Run(NamedTuple):
    """Steps of a run, epochs · ceil(examples / batch), its warm-up, K, and the three as a sentence."""

    steps: int
    warmup: int
    start: int
    text: str


def runs() -> dict[str, Run]:
    """Return the eleven runs of Delta-LoRA by task."""
    found = {}
    for table, task, examples in (
        ("table10", "e2e", FACTS.e2e["train"]),
        ("table10", "webnlg", FACTS.webnlg["train_good"]),
        ("table12", "xsum", FACTS.xsum["train"]),
        *(("table14", task, FACTS.glue_train[task]) for task in GLUE),
    ):
        batch, epochs, start = (int(setting(table, task, key)) for key in ("batch_size", "epochs", "start_step"))
        steps = epochs * math.ceil(Fraction(examples, batch))
        key, unit = ("warmup_ratio", steps) if table == "table14" else ("warmup_steps", 1)
        warmup = math.ceil(setting(table, task, key) * unit)
        text = f"{task}: {epochs} x ceil({examples:,} / {batch}) = {steps:,} steps, warm-up {warmup:,}, K {start}"
        found[task] = Run(steps, warmup, start, text)
    return found


@claim(
    "Tables 10, 12 and 14, with the sizes of the data",
    remark="WebNLG's steps are those of a run of upstream's code (microsoft/LoRA issue 94), too.",
)
def run_lengths() -> Finding:
    """K and the end of the warm-up lie within every run."""
    found = runs()
    parts = [run.warmup <= run.steps and run.start < run.steps for run in found.values()]
    shortest = min(found, key=lambda task: found[task].steps)
    return Finding(
        all_of([*parts, found["webnlg"].steps == FACTS.lora_webnlg_steps]),
        f"K and the warm-up lie within {sum(parts)} of the {len(parts)} runs, of which {shortest} is the shortest with "
        f"{found[shortest].steps:,} steps.",
        tuple(run.text for run in found.values()),
        {f"{task}.{name}": getattr(run, name) for task, run in found.items() for name in ("steps", "warmup", "start")},
    )


@claim(
    "section 5.3, the start step",
    "choose different start steps K according to warmup steps used in individual tasks",
    "By one ratio (to 5 %), or at least in the same order.",
)
def start_steps() -> Finding:
    """Start steps were chosen by the warm-up steps."""
    found = runs()
    ratios = {task: Fraction(run.start, run.warmup) for task, run in found.items()}
    pairs = list(combinations(found.values(), 2))
    crossed = sum((one.start - other.start) * (one.warmup - other.warmup) < 0 for one, other in pairs)
    rising = sorted(found.items(), key=lambda one: ratios[one[0]])
    low, high = rising[0][0], rising[-1][0]
    return Finding(
        all_of([ratios[high] <= Fraction(105, 100) * ratios[low] or not crossed]),
        f"K is between {rounded(ratios[low], 2)} ({low}) and {rounded(ratios[high], 2)} ({high}) times the warm-up; in "
        f"{crossed} of {len(pairs)} pairs of tasks the longer warm-up has the smaller K.",
        tuple(f"{task}: K {run.start:,} / warm-up {run.warmup:,} = {rounded(ratios[task], 2)}" for task, run in rising),
        {**{task: rounded(ratio, 4) for task, ratio in ratios.items()}, "crossed_pairs": crossed},
    )
