"""Which names the GLUE-like tasks use: kept back from the source, and shared out between train and validation."""

import random
from functools import lru_cache

from embedded_world.names import reserved_names

POOLS = ("house", "place", "sight", "title", "model")
VALIDATION_SHARE = 0.25


@lru_cache(maxsize=2)
def glue_names(validation: bool) -> dict[str, tuple[str, ...]]:
    """Pool -> names of several words that train, or that validation alone, may use; the same for every seed and task.

    Coined names of one word are left out: some of them stand in the source inside the names of products and sights.
    """
    names = list(dict.fromkeys(name for pool in POOLS for name in reserved_names(pool) if " " in name))
    random.Random(2018).shuffle(names)
    held_out = dict.fromkeys(names[: round(VALIDATION_SHARE * len(names))])
    return {
        pool: tuple(name for name in reserved_names(pool) if " " in name and (name in held_out) == validation)
        for pool in POOLS
    }
