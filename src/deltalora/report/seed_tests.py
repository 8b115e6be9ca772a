"""What stands behind the effects of a table: tests over paired seeds, and Holm's correction across all of a family."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deltalora.report.paper import MetricColumn
from deltalora.report.statistics import (
    holm,
    minimum_detectable_difference,
    paired_t_test,
    probability_of_improvement,
)
from deltalora.report.table import Effect, ExampleComparison, Family, SeedEvidence

#: One seed has neither interval nor test.
NOT_ENOUGH_SEEDS = "not enough seeds"
#: Every seed shows the same difference.
NO_SPREAD = "no spread over seeds"

_MIN_SEEDS = 2


def seed_evidence(left: Mapping[int, float], right: Mapping[int, float], column: MetricColumn) -> SeedEvidence | None:
    """What the seeds both sides have say of left - right, before any correction; None if they share none.

    Args:
        left: Seed -> value.
        right: Seed -> value.
        column: Says which direction is better.
    """
    common = sorted(left.keys() & right.keys())
    differences = [left[seed] - right[seed] for seed in common]
    if not common:
        return None
    if len(common) < _MIN_SEEDS:
        return SeedEvidence(len(common), None, None, None, None, NOT_ENOUGH_SEEDS)
    p_value = paired_t_test(differences)
    return SeedEvidence(
        n=len(common),
        p_value=p_value,
        p_holm=None,
        probability_of_improvement=probability_of_improvement(differences, higher_is_better=column.higher_is_better),
        minimum_detectable=minimum_detectable_difference(differences),
        note=NO_SPREAD if p_value is None else "",
    )


def adjust(effects: Sequence[Effect]) -> list[Effect]:
    """The effects with Holm's adjusted p values: those over seeds as one family, those over examples as another.

    A cell without a p value is no test and does not count.
    """
    over_seeds, over_examples = _seed_tests(effects), _example_tests(effects)
    seeds = dict(zip(over_seeds, holm(list(over_seeds.values())), strict=True))
    examples = dict(zip(over_examples, holm(list(over_examples.values())), strict=True))
    adjusted = []
    for place, effect in enumerate(effects):
        cells = {}
        for name, cell in effect.cells.items():
            if cell.over_seeds is not None and (place, name) in seeds:
                cell = replace(cell, over_seeds=replace(cell.over_seeds, p_holm=seeds[place, name]))
            if isinstance(cell.over_examples, ExampleComparison):
                cell = replace(cell, over_examples=replace(cell.over_examples, p_holm=examples[place, name]))
            cells[name] = cell
        adjusted.append(replace(effect, cells=cells))
    return adjusted


def family(name: str, effects: Sequence[Effect]) -> Family:
    """How many tests `adjust` takes for one family."""
    return Family(name, len(_seed_tests(effects)), len(_example_tests(effects)))


def _seed_tests(effects: Sequence[Effect]) -> dict[tuple[int, str], float]:
    return {
        (place, name): cell.over_seeds.p_value
        for place, effect in enumerate(effects)
        for name, cell in effect.cells.items()
        if cell.over_seeds is not None and cell.over_seeds.p_value is not None
    }


def _example_tests(effects: Sequence[Effect]) -> dict[tuple[int, str], float]:
    return {
        (place, name): cell.over_examples.p_value
        for place, effect in enumerate(effects)
        for name, cell in effect.cells.items()
        if isinstance(cell.over_examples, ExampleComparison)
    }
