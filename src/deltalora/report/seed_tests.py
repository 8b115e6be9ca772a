"""What stands behind the effects of a table: tests over paired seeds, and Holm's correction across all of a family."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deltalora.report.paper import MetricColumn
from deltalora.report.statistics import holm, minimum_detectable_difference, paired_t_test, probability_of_improvement
from deltalora.report.table import Effect, Family, SeedEvidence

#: One seed has neither interval nor test.
NOT_ENOUGH_SEEDS = "not enough seeds"
#: Every seed shows the same difference.
NO_SPREAD = "no spread over seeds"


def seed_evidence(left: Mapping[int, float], right: Mapping[int, float], column: MetricColumn) -> SeedEvidence | None:
    """What the seeds both sides have say of left - right, before any correction; None if they share none."""
    differences = [left[seed] - right[seed] for seed in sorted(left.keys() & right.keys())]
    if len(differences) < 2:
        return SeedEvidence(1, note=NOT_ENOUGH_SEEDS) if differences else None
    p_value = paired_t_test(differences)
    return SeedEvidence(
        n=len(differences),
        p_value=p_value,
        probability_of_improvement=probability_of_improvement(differences, higher_is_better=column.higher_is_better),
        minimum_detectable=minimum_detectable_difference(differences),
        note=NO_SPREAD if p_value is None else "",
    )


def adjust(effects: Sequence[Effect], across: str) -> tuple[list[Effect], Family]:
    """Add Holm's adjusted p values, over seeds and over examples as one family each, and count the tests of both.

    A cell without a p value is no test and does not count.
    """
    cells: list[dict[str, Any]] = [dict(effect.cells) for effect in effects]
    numbers = {}
    for kind in ("over_seeds", "over_examples"):
        evidence = {
            (place, column): found
            for place, of_effect in enumerate(cells)
            for column, cell in of_effect.items()
            if getattr(found := getattr(cell, kind), "p_value", None) is not None
        }
        adjusted = holm([found.p_value for found in evidence.values()])
        for ((place, column), found), p in zip(evidence.items(), adjusted, strict=True):
            cells[place][column] = replace(cells[place][column], **{kind: replace(found, p_holm=p)})
        numbers[kind] = len(evidence)
    family = Family(across, **numbers)
    return [replace(effect, cells=found) for effect, found in zip(effects, cells, strict=True)], family
