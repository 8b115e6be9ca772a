"""The source text: thirteen domains, none of them restaurants, on which the embedded models are pre-trained."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace

from embedded_world.realise import realise
from embedded_world.source_places import PLACES
from embedded_world.source_things import THINGS
from embedded_world.world import draw_entity, parse_domain

SOURCE_DOMAINS = tuple(parse_domain(text) for text in PLACES + THINGS)

OPENINGS = (
    "{name} is {np}{post}{rel}.",
    "{name} is {np}{post}{rel}.",
    "{name} {verbs}.",
    "{name} is {np}{post}, and it {verbs}.",
    "{front}, {name} is {np}{post}{rel}.",
    "{name}, {np}{post}, {verbs}.",
    "{np}{post}, {name} {verbs}.",
    "If you want {np}{post}, try {name}: it {verbs}.",
    "Have you heard of {name}? It is {np}{post}{rel}.",
    "One thing to know about {name}: {clause}, and it {verbs}.",
    "{name}, as it is called, is {np}{post}{rel}.",
    "{name}, a well-named {noun}, {verbs}.",
    "We like {name}, {np}{post}{rel}.",
    "There is {np}{post}, and it goes by the name of {name}.",
    "You will find that {name} {verbs}.",
    "Why not go and see {name}? It {verbs}.",
    "{loc} you come across {name}, {np}{rel}.",
)

FOLLOWING = (
    "It {verbs}.",
    "{clause}.",
    "The {noun} {verbs}.",
    "It also {verbs}.",
    "{front}, it {verbs}.",
    "{clause}, while the {noun} {verbs}.",
    "It is {np}{post}{rel}.",
    "What is more, {clause}.",
    "Note that {clause}.",
    "Also, the {noun} {verbs}.",
    "This {noun} also {verbs}.",
    "This is {np}{post}{rel}.",
    "The {noun} {verbs}, and {clause}.",
    "People say that {clause}.",
)

PLAIN_SHARE = 0.1
TOKENISED_SHARE = 0.15
LOWER_SHARE = 0.05
SHUFFLED_SHARE = 0.3
FEWEST_SLOTS, MOST_SLOTS = 2, 7
OTHER_THING_SHARE = 0.1
OTHER_VALUES_SHARE = 0.1

PUNCTUATION = re.compile(r"(?<!\d)([.,:?!])|([.,:?!])(?!\d)|(-)|('s\b)")


def pretraining_pairs(seed: int) -> Iterator[tuple[tuple[tuple[str, str], ...], str]]:
    """Yield (slots, text) without end; the same seed gives the same sequence everywhere.

    `slots` starts with the name and is empty for plain text (10 in 100), which then tells of one or two things. Of the
    texts 15 in 100 have their punctuation set apart, as tokenised corpora do ("family - friendly ,"), and 5 in 100
    are lower-cased as well. The slots stand in the domain's order, but in 30 of 100 cases in any order.
    """
    rng = random.Random(seed)
    while True:
        if rng.random() < PLAIN_SHARE:
            yield (), _styled(" ".join(_describe(rng)[1] for _ in range(rng.randint(1, 2))), rng)
        else:
            slots, text = _describe(rng)
            yield slots, _styled(text, rng)


def pretraining_twins(seed: int, most_slots: int) -> Iterator[tuple[str, str]]:
    """Yield two short texts on one thing without end: what stands in one can often be read in the other.

    One states one slot to `most_slots`, the other one to all of these; which comes first is random. In 10 of 100 cases
    one of them tells of another thing of the same domain, in 10 more of other slots under the same name. Texts are
    styled as in `pretraining_pairs`, each on its own.
    """
    rng = random.Random(seed)
    while True:
        whole = draw_entity(rng.choice(SOURCE_DOMAINS), rng, 1, most_slots)
        draw = rng.random()
        if draw < OTHER_THING_SHARE + OTHER_VALUES_SHARE:
            part = draw_entity(whole.domain, rng, 1, most_slots)
            if draw >= OTHER_THING_SHARE:
                part = replace(part, name=whole.name)
        else:
            part = replace(whole, slots=tuple(rng.sample(whole.slots, rng.randint(1, len(whole.slots)))))
        first, second = (whole, part) if rng.random() < 0.5 else (part, whole)
        yield (
            _styled(realise(first, OPENINGS, FOLLOWING, rng), rng),
            _styled(realise(second, OPENINGS, FOLLOWING, rng), rng),
        )


def linearise(slots: tuple[tuple[str, str], ...]) -> str:
    """Return the one-line form `slot : value | slot : value` with slot names as they are given.

    The separators are those of LoRA's E2E files; the names are not, since those files rename three of E2E's slots
    (eatType is Type there, priceRange is price, familyFriendly is family friendly).
    """
    return " | ".join(f"{slot} : {value}" for slot, value in slots)


def set_punctuation_apart(text: str) -> str:
    """Put spaces around punctuation: "it's child-friendly." becomes "it 's child - friendly ."."""
    return " ".join(PUNCTUATION.sub(lambda match: f" {match[0]} ", text).split())


def _describe(rng: random.Random) -> tuple[tuple[tuple[str, str], ...], str]:
    entity = draw_entity(rng.choice(SOURCE_DOMAINS), rng, FEWEST_SLOTS, MOST_SLOTS)
    if rng.random() < SHUFFLED_SHARE:
        entity = replace(entity, slots=tuple(rng.sample(entity.slots, len(entity.slots))))
    return (("name", entity.name), *entity.slots), realise(entity, OPENINGS, FOLLOWING, rng)


def _styled(text: str, rng: random.Random) -> str:
    draw = rng.random()
    if draw >= TOKENISED_SHARE + LOWER_SHARE:
        return text
    apart = set_punctuation_apart(text)
    return apart.lower() if draw < LOWER_SHARE else apart
