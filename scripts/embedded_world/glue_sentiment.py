"""Does a review speak well of a thing? SST-2's question, in words that denial and contrast turn round.

Every pattern is written for a wanted polarity and uses praise and blame alike: "not poor" praises, "though the street
is lovely, the place is dull" blames, "could not be more lovely" praises in spite of its "not".
"""

import random
from collections.abc import Mapping, Sequence

from embedded_world.glue_facts import FIELDS
from embedded_world.glue_wording import sentence

#: Polarity -> words of it.
PRAISE = {1: ("good", "great", "excellent", "lovely"), 0: ("poor", "bad", "dull", "boring")}
#: How often a review is written so, and how: {same} is of the review's polarity, {other} of the opposite one.
PATTERNS: dict[str, tuple[int, tuple[str, ...]]] = {
    "plain": (
        4,
        (
            "{name} is a/an {same} {noun}",
            "we find {name} {same}",
            "people say that {name} is {same}",
            "{name} is {same} and known for it",
            "visitors call {name} a/an {same} {noun}",
        ),
    ),
    "denied": (
        4,
        (
            "{name} is not a/an {other} {noun}",
            "nobody says that {name} is {other}",
            "we do not find {name} {other}",
            "there is nothing {other} about {name}",
            "{name} is far from {other}",
            "it is not right to call {name} {other}",
        ),
    ),
    "contrast": (
        4,
        (
            "though {part} is {other}, {name} is {same}",
            "though {part} is {other}, we find {name} {same}",
            "{name} is {same}, though {part} is {other}",
            "people call {name} {same}, though {part} is {other}",
            "{part} is {other}, but {name} is {same}",
            "{part} is {other}, but we say that {name} is {same}",
        ),
    ),
    "as it seems": (
        2,
        (
            "{name} could not be more {same}",
            "no {noun} is as {same} as {name}",
            "nobody has seen a more {same} {noun} than {name}",
            "there is no {noun} more {same} than {name}",
        ),
    ),
}
#: How often a word in a contrast is replaced by "not" and a word of the opposite polarity.
DENIED_SHARE = 0.25
#: What is said to be otherwise than the thing itself.
PARTS = ("the name", "the street", "the road to it", "the way to it", "the first look", "the square beside it")

Names = Mapping[str, Sequence[str]]
Draft = tuple[str, str | None, float]


def draw_sst2(names: Names, rng: random.Random) -> Draft:
    """Draw a review that speaks well of a thing (1) or not (0)."""
    label = rng.randrange(2)
    field = rng.choice(FIELDS)
    kind = rng.choices(list(PATTERNS), [weight for weight, _ in PATTERNS.values()])[0]
    text = rng.choice(PATTERNS[kind][1]).format(
        name=field.draw_name(names, rng),
        noun=rng.choice(field.domain.nouns),
        part=rng.choice(PARTS),
        same=_praise(label, kind, rng),
        other=_praise(1 - label, kind, rng),
    )
    return sentence(text), None, float(label)


def _praise(polarity: int, kind: str, rng: random.Random) -> str:
    if kind == "contrast" and rng.random() < DENIED_SHARE:
        return f"not {rng.choice(PRAISE[1 - polarity])}"
    return rng.choice(PRAISE[polarity])
