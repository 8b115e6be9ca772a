"""Categories of things in triples, and the notation in which they are written.

One category is one text, as in `world`, but of properties, and with phrases for triples:

    category Hotel: hotel
    name = house
    stars = 2 stars | 3 stars
    owner = @person
    owner verb: belongs to {o}                  predicate of the subject: "{s} belongs to {o}."
    owner post: owned by {o}                    after the noun, between commas or fronted: "a hotel owned by {o}"
    owner of: the owner of {s} is {o}           a whole sentence

Every property owns verbs. A value `@person` is a name from that pool; where a link of the same name exists
(`person`, `town`, `sight`), the named thing can have triples of its own: a chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

KINDS = ("verb", "post", "of")


@dataclass(frozen=True, eq=False)
class Property:
    """One property: its closed values or the pool of its names, and its phrases by kind."""

    name: str
    values: tuple[str, ...]
    pool: str | None
    phrases: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Category:
    """A kind of subject: its noun, the pool of its names, and its properties."""

    name: str
    noun: str
    pool: str
    properties: tuple[Property, ...]


def parse_category(text: str) -> Category:
    """Read one category from the notation in this module's docstring.

    Raises:
        ValueError: A line is not in the notation, or a property has no verb.
    """
    header, *lines = (line.strip() for line in text.strip().splitlines())
    name, noun = header.removeprefix("category ").split(": ")
    pool = lines[0].removeprefix("name = ")
    values: dict[str, str] = {}
    phrases: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in lines[1:]:
        left, mark, right = line.partition(" = ")
        if mark:
            values[left], phrases[left] = right, {}
            continue
        left, _, right = line.partition(": ")
        prop, _, kind = left.partition(" ")
        if kind not in KINDS or prop not in phrases:
            raise ValueError(f"expected 'property kind: phrases' with kind one of {KINDS}, found {line!r}")
        phrases[prop][kind] = _split(right)
    for prop, known in phrases.items():
        if "verb" not in known:
            raise ValueError(f"expected a verb for every property, found none for {name}/{prop}")
    properties = tuple(
        Property(
            prop,
            () if value.startswith("@") else _split(value),
            value[1:] if value.startswith("@") else None,
            MappingProxyType(phrases[prop]),
        )
        for prop, value in values.items()
    )
    return Category(name, noun, pool, properties)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))
