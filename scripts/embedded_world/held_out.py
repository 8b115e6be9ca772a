"""Which split owns which of the names that are kept back from the source: for triples and for summaries."""

import random
from collections.abc import Sequence

from embedded_world.names import reserved_names

SPLITS = ("train", "validation", "test")
#: Share of each pool's names that a split owns alone, in SPLITS' order.
SHARES = (0.6, 0.1, 0.3)

#: Pool -> names.
Names = dict[str, list[str]]


def share_names(pools: Sequence[str], most: int, rng: random.Random) -> dict[str, Names]:
    """Share out at most `most` kept-back names of each pool; no name is given twice, not even inside another.

    Pools choose in the given order. Coined words stand in more than one pool and inside sights' names ("Indale
    Station"): they are towns here and nothing else.
    """
    towns = dict.fromkeys(reserved_names("town"))
    taken: dict[str, None] = {}
    shared: dict[str, Names] = {split: {} for split in SPLITS}
    for pool in pools:
        names = [
            name
            for name in reserved_names(pool)
            if name not in taken and (pool == "town" or not any(word in towns for word in name.split()))
        ]
        rng.shuffle(names)
        names = names[:most]
        taken.update(dict.fromkeys(names))
        start = 0.0
        for split, share in zip(SPLITS, SHARES, strict=True):
            shared[split][pool] = names[round(start * len(names)) : round((start + share) * len(names))]
            start += share
    return shared
