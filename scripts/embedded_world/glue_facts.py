"""Facts that a reader can hold against each other: five slots of a place, whose values exclude one another.

The world of the GLUE-like tasks is small on purpose, so that a network of 0.8 M parameters can learn in some hundred
steps what it takes to compare two texts: six kinds of place share five slots, every value is a word of the source's,
and every wording fits every value. The table's notation:

    area / harbour, old town / stands in the {v} | is located in the {v} / its address is ... / Where is {n}? | ...
    prices / low < average < high / ...                          values in order, neighbours being similar

slot / values / verb phrases / clauses / questions.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedded_world.pretraining import SOURCE_DOMAINS
from embedded_world.world import Domain

#: Kinds of place, by the source domain that lends nouns and names.
KINDS = ("hotel", "museum", "shop", "club", "garden", "caterer")

TABLE = """
area / riverside, harbour, old town, city centre / stands in the {v} | is located in the {v} | has its home in the {v} \
/ its address is in the {v} / Where is {n}? | What is the address of {n}?
prices / low < average < high / keeps its prices {v} | asks {v} prices | has {v} prices / the bills are {v} \
/ What are the prices at {n}? | Do you pay much at {n}?
reviews / poor < fair < good < excellent / gets {v} reviews | has earned a/an {v} name among visitors \
/ visitors find it {v} | the reviews are {v} / What reviews has {n}? | What do visitors say about {n}?
guests / children, adults, families / welcomes {v} | is meant for {v} / {v} like it \
/ Who likes {n}? | Who is {n} meant for?
day / Mondays, Tuesdays, Fridays, Sundays / opens on {v} | is open on {v} / its doors open on {v} \
/ When is {n} open? | On what day can you go to {n}?
"""


@dataclass(frozen=True, eq=False)
class Topic:
    """One slot as the tasks use it.

    Attributes:
        slot: Its name.
        values: They exclude one another.
        ordered: Whether they stand in an order, neighbours being similar.
        questions: About a thing {n}.
        verbs: Value -> verb phrases; the same wordings at the same places for every value.
        clauses: Value -> clauses, likewise.
    """

    slot: str
    values: tuple[str, ...]
    ordered: bool
    questions: tuple[str, ...]
    verbs: Mapping[str, tuple[str, ...]]
    clauses: Mapping[str, tuple[str, ...]]

    def other_value(self, value: str, rng: random.Random) -> str:
        """Return a value that excludes `value`."""
        return rng.choice([other for other in self.values if other != value])

    def agreement(self, one: str, other: str) -> float:
        """1 for the same value, 0.5 for neighbours in an order of at least three, else 0."""
        if one == other:
            return 1.0
        near = abs(self.values.index(one) - self.values.index(other)) == 1
        return 0.5 if self.ordered and near and len(self.values) > 2 else 0.0

    def in_wording_of(self, phrase: str, value: str) -> str:
        """Return `phrase` with `value` in the place of its own."""
        for said in (self.verbs, self.clauses):
            for other in self.values:
                if phrase in said[other]:
                    return said[value][said[other].index(phrase)]
        raise ValueError(f"expected a phrase of slot {self.slot!r}, found {phrase!r}")


@dataclass(frozen=True, eq=False)
class Field:
    """A kind of place with its topics."""

    domain: Domain
    topics: tuple[Topic, ...]

    def draw_name(self, names: Mapping[str, Sequence[str]], rng: random.Random) -> str:
        """Return a name for a thing of this domain."""
        return rng.choice(names[self.domain.name_pool])


def _read_table(table: str) -> tuple[Topic, ...]:
    return tuple(_read_topic(line) for line in table.strip().splitlines())


def _read_topic(line: str) -> Topic:
    slot, values, verbs, clauses, questions = (part.strip() for part in line.split(" / "))
    split = tuple(value.strip() for value in re.split(" < |, ", values))

    def fill(phrases: str) -> dict[str, tuple[str, ...]]:
        return {value: tuple(one.strip().replace("{v}", value) for one in phrases.split(" | ")) for value in split}

    asked = tuple(question.strip() for question in questions.split(" | "))
    return Topic(slot, split, " < " in values, asked, fill(verbs), fill(clauses))


TOPICS = _read_table(TABLE)
FIELDS = tuple(Field(next(one for one in SOURCE_DOMAINS if one.name == kind), TOPICS) for kind in KINDS)
