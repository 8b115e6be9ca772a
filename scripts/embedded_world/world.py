"""The world: domains with slots, the phrases that can say a slot, and the things drawn from them.

A domain is written down as a small text (see `parse_domain`), so that a reader sees its whole language on one page:

    domain hotel: place, house
    name = house
    area = riverside | old town
    area loc: in the {v} | around the {v}
    area [riverside] verb: looks out over the river
    area [all but riverside] mod: dry

Kinds of phrases, and where the realiser may put them:

    noun     head noun                              "a {noun}"
    mod      before the noun                        "a {mod} hotel"
    post     after the noun                         "a hotel {post}"
    loc      after the noun, or fronted             "a hotel {loc}", "{loc}, there is a hotel"
    front    fronted only                           "{front}, it has a garden"
    verb     third person singular verb phrase      "It {verb}."
    clause   a sentence without its full stop       "{clause}."
    said     the words by which a reader knows the value; defaults to the value itself
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from embedded_world.names import draw_name

KINDS = ("noun", "mod", "post", "loc", "front", "verb", "clause", "said")
EVERY_VALUE = "*"


@dataclass(frozen=True, eq=False)
class Slot:
    """One attribute of a domain: its closed values (or a pool of names) and its phrases by (value, kind)."""

    name: str
    values: tuple[str, ...]
    pool: str | None
    templates: Mapping[tuple[str, str], tuple[str, ...]]

    def phrases(self, value: str, kind: str) -> tuple[str, ...]:
        """Phrases of `kind` that express `value`: those of every value first, then the value's own."""
        found = self.templates.get((EVERY_VALUE, kind), ()) + self.templates.get((value, kind), ())
        return tuple(template.replace("{v}", value) for template in found)

    def said(self, value: str) -> tuple[str, ...]:
        """Strings of which at least one stands, letter case aside, in every text that expresses `value`."""
        return self.phrases(value, "said") or (value,)

    @property
    def is_head(self) -> bool:
        """Whether the slot supplies the head noun, as the kind of a hotel or of a restaurant does."""
        return any(kind == "noun" for _, kind in self.templates)


@dataclass(frozen=True, eq=False)
class Domain:
    """A kind of thing: the nouns that fit any of them, the pool of their names, and their slots in order."""

    name: str
    nouns: tuple[str, ...]
    name_pool: str
    slots: tuple[Slot, ...]

    def slot(self, name: str) -> Slot:
        """Return the slot called `name`."""
        return next(slot for slot in self.slots if slot.name == name)


@dataclass(frozen=True)
class Entity:
    """A thing of the world: its domain, its name, and the slots that are stated of it, name excluded."""

    domain: Domain
    name: str
    slots: tuple[tuple[str, str], ...]


def parse_domain(text: str) -> Domain:
    """Read one domain from the notation in this module's docstring.

    Every value of every slot must own a verb phrase or be a head noun, so that the realiser can always say it.

    Raises:
        ValueError: A line is not in the notation, a bracket names a value that the slot does not have, or a value has
            no verb phrase.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    header, nouns = lines[0].removeprefix("domain ").split(":")
    name_pool = ""
    values: dict[str, tuple[str, ...]] = {}
    pools: dict[str, str] = {}
    templates: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {}
    for line in lines[1:]:
        left, mark, right = line.partition(" = ")
        if mark:
            if left == "name":
                name_pool = right
                continue
            templates[left] = {}
            if right.startswith("@"):
                pools[left], values[left] = right[1:], ()
            else:
                values[left] = _split(right)
            continue
        left, _, right = line.partition(": ")
        target, _, kind = left.rpartition(" ")
        slot, _, bracket = target.partition(" [")
        if kind not in KINDS or slot not in templates:
            raise ValueError(f"expected 'slot [values] kind: phrases' with kind one of {KINDS}, found {line!r}")
        for value in _expand(bracket.rstrip("]"), values[slot], line):
            templates[slot][value, kind] = templates[slot].get((value, kind), ()) + _split(right)
    slots = tuple(Slot(name, values[name], pools.get(name), templates[name]) for name in values)
    for one in slots:
        for value in one.values or (EVERY_VALUE,):
            if not one.phrases(value, "verb") and not one.is_head:
                raise ValueError(f"expected a verb phrase for every value, found none for {header}/{one.name}={value}")
    return Domain(header.strip(), tuple(noun.strip() for noun in nouns.split(",")), name_pool, slots)


def draw_entity(domain: Domain, rng: random.Random, fewest: int, most: int) -> Entity:
    """Draw a thing with `fewest` to `most` stated slots and a name that is not kept back for the target domain.

    Closed values may be the target's too, as "riverside" and "Italian" are; the phrases that say them differ.
    """
    size = rng.randint(fewest, min(most, len(domain.slots)))
    kept = sorted(rng.sample(range(len(domain.slots)), size))
    stated = []
    for index in kept:
        slot = domain.slots[index]
        value = draw_name(slot.pool, rng) if slot.pool else rng.choice(slot.values)
        stated.append((slot.name, value))
    return Entity(domain, draw_name(domain.name_pool, rng), tuple(stated))


def _expand(bracket: str, values: tuple[str, ...], line: str) -> tuple[str, ...]:
    """Return the values that a bracket means: `` (every value), `low, high`, or `all but low`."""
    if not bracket:
        return (EVERY_VALUE,)
    named = tuple(bracket.removeprefix("all but ").split(", "))
    for value in named:
        if value not in values:
            raise ValueError(f"expected one of the values {values}, found {value!r} in {line!r}")
    return tuple(value for value in values if value not in named) if bracket.startswith("all but ") else named


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))
