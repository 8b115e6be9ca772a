"""The eight GLUE-like sets: their sizes, their seeds, and who writes each."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from embedded_world.glue_acceptability import draw_cola
from embedded_world.glue_inference import draw_mnli, draw_mnli_mismatched, draw_rte
from embedded_world.glue_names import glue_names
from embedded_world.glue_pairs import draw_mrpc, draw_stsb
from embedded_world.glue_questions import draw_qnli, draw_qqp
from embedded_world.glue_sentiment import draw_sst2

Draw = Callable[[Mapping[str, Sequence[str]], random.Random], tuple[str, str | None, float]]


@dataclass(frozen=True)
class GlueEntry:
    """One example.

    Attributes:
        id: Stable and unique within its data set, e.g. `validation-017`.
        first: The sentence, or the first of two.
        second: The second sentence; None for CoLA and SST-2.
        label: Class number as in GLUE, or for STS-B the similarity from 0 to 5.
    """

    id: str
    first: str
    second: str | None
    label: float


@dataclass(frozen=True)
class GlueSet:
    """How one data set is made: split -> (examples, who draws them), and what is added to the caller's seed."""

    offset: int
    splits: Mapping[str, tuple[int, Draw]]


def _simple(offset: int, draw: Draw, train: int, validation: int = 300) -> GlueSet:
    return GlueSet(offset, {"train": (train, draw), "validation": (validation, draw)})


GLUE_SETS: dict[str, GlueSet] = {
    "mnli": GlueSet(
        101,
        {
            "train": (6000, draw_mnli),
            "validation_matched": (300, draw_mnli),
            "validation_mismatched": (300, draw_mnli_mismatched),
        },
    ),
    "sst2": _simple(102, draw_sst2, 2000),
    "mrpc": _simple(103, draw_mrpc, 3000),
    "cola": _simple(104, draw_cola, 1500),
    "qnli": _simple(105, draw_qnli, 3000),
    "qqp": _simple(106, draw_qqp, 4000),
    "rte": _simple(107, draw_rte, 1000, 300),
    "stsb": _simple(108, draw_stsb, 3000),
}


def glue_splits(dataset: str, seed: int = 0) -> dict[str, list[GlueEntry]]:
    """Draw one of the eight data sets; its splits are `train` and `validation`, MNLI's are three.

    No input occurs twice, and no proper name of a validation example occurs in any train split of any data set.

    Raises:
        KeyError: There is no such data set.
    """
    chosen = GLUE_SETS[dataset]
    rng = random.Random(1000 * seed + chosen.offset)
    seen: dict[tuple[str, str | None], None] = {}
    return {split: _draw_split(split, size, draw, seen, rng) for split, (size, draw) in chosen.splits.items()}


def _draw_split(
    split: str, size: int, draw: Draw, seen: dict[tuple[str, str | None], None], rng: random.Random
) -> list[GlueEntry]:
    names = glue_names(validation=split != "train")
    entries: list[GlueEntry] = []
    while len(entries) < size:
        first, second, label = draw(names, rng)
        if first != second and (first, second) not in seen:
            seen[first, second] = None
            entries.append(GlueEntry(f"{split}-{len(entries):04d}", first, second, label))
    return entries
