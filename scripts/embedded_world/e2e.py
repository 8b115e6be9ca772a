"""The target sets: restaurants in E2E's eight slots, with several references, held-out names and combinations."""

import random
from dataclasses import dataclass
from itertools import combinations

from embedded_world.names import reserved_names
from embedded_world.realise import realise
from embedded_world.restaurants import FOLLOWING, OPENINGS, RESTAURANT
from embedded_world.world import Entity, parse_domain

RESTAURANTS = parse_domain(RESTAURANT)

#: Share of the names and of the slot combinations, and number of names, that each split owns alone.
SPLITS = ("train", "validation", "test")
COMBINATION_SHARES = {"train": 0.65, "validation": 0.15, "test": 0.20}
NAMES = {"train": 240, "validation": 40, "test": 80}
NEAR_NAMES = {"train": 120, "validation": 20, "test": 40}
#: How often an MR has so many slots, the name included; E2E's own MRs have mostly five to seven.
SIZE_WEIGHTS = {3: 1, 4: 3, 5: 5, 6: 5, 7: 3, 8: 1}
FEWEST_REFERENCES, MOST_REFERENCES = 3, 6


@dataclass(frozen=True)
class CorpusEntry:
    """A meaning representation and what people might write for it.

    Attributes:
        id: Stable and unique, e.g. `test-017`.
        slots: (E2E slot name, value) in E2E's order, the name first.
        references: Three to six different texts, each of which says every slot.
    """

    id: str
    slots: tuple[tuple[str, str], ...]
    references: tuple[str, ...]

    @property
    def meaning_representation(self) -> str:
        """E2E's own notation: `name[The Eagle], eatType[pub], near[Café Sicilia]`."""
        return ", ".join(f"{slot}[{value}]" for slot, value in self.slots)


def e2e_splits(
    seed: int = 0, train_mrs: int = 800, validation_mrs: int = 100, test_mrs: int = 200
) -> dict[str, list[CorpusEntry]]:
    """Draw the three target sets.

    No name, no `near` name and no combination of slots (which slots are stated) of one split occurs in another. The
    full set of eight slots exists only once and belongs to train. Within a split all MRs differ; even the smallest,
    validation, has room for more than a hundred thousand.
    """
    rng = random.Random(seed)
    combos = _share_combinations(rng)
    names = _share_names("house", NAMES, rng, taken=())
    taken = tuple(name for split in SPLITS for name in names[split])
    near = _share_names("near", NEAR_NAMES, rng, taken)
    sizes = {"train": train_mrs, "validation": validation_mrs, "test": test_mrs}
    return {split: _draw_split(split, sizes[split], combos[split], names[split], near[split], rng) for split in SPLITS}


def _draw_split(
    split: str, size: int, combos: list[tuple[str, ...]], names: list[str], near: list[str], rng: random.Random
) -> list[CorpusEntry]:
    weights = [SIZE_WEIGHTS[len(combo) + 1] / sum(len(c) == len(combo) for c in combos) for combo in combos]
    drawn: dict[tuple[tuple[str, str], ...], CorpusEntry] = {}
    while len(drawn) < size:
        name = rng.choice(names)
        combo = rng.choices(combos, weights)[0]
        stated = tuple(
            (slot, rng.choice(near) if slot == "near" else rng.choice(RESTAURANTS.slot(slot).values)) for slot in combo
        )
        slots = (("name", name), *stated)
        if slots not in drawn:
            entity = Entity(RESTAURANTS, name, stated)
            drawn[slots] = CorpusEntry(f"{split}-{len(drawn):04d}", slots, _references(entity, rng))
    return list(drawn.values())


def _references(entity: Entity, rng: random.Random) -> tuple[str, ...]:
    wanted = rng.randint(FEWEST_REFERENCES, MOST_REFERENCES)
    texts: dict[str, None] = {}
    while len(texts) < wanted:
        texts[realise(entity, OPENINGS, FOLLOWING, rng)] = None
    return tuple(texts)


def _share_combinations(rng: random.Random) -> dict[str, list[tuple[str, ...]]]:
    """Share out the sets of two to seven slots beside the name, size by size; a size with one set goes to train."""
    shared: dict[str, list[tuple[str, ...]]] = {split: [] for split in SPLITS}
    slots = [slot.name for slot in RESTAURANTS.slots]
    for size in range(2, len(slots) + 1):
        combos = list(combinations(slots, size))
        rng.shuffle(combos)
        for split in ("validation", "test"):
            count = round(COMBINATION_SHARES[split] * len(combos))
            shared[split] += combos[:count]
            combos = combos[count:]
        shared["train"] += combos
    return shared


def _share_names(pool: str, counts: dict[str, int], rng: random.Random, taken: tuple[str, ...]) -> dict[str, list[str]]:
    names = [name for name in reserved_names(pool) if name not in taken]
    rng.shuffle(names)
    shared: dict[str, list[str]] = {}
    for split in SPLITS:
        shared[split], names = names[: counts[split]], names[counts[split] :]
    return shared
