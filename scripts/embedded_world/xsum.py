"""The summaries sets: a news article and one sentence that says who did what, where and why, in other words.

An article is written by `articles`, in the wordings of `news`; a summary is one of two sentences of its kind of event,
filled with the story's values. What an article says of other times and other things is never in its summary.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from embedded_world.articles import Story, draw_story, fill_sites, write_article
from embedded_world.held_out import share_names

NAME_POOLS = ("town", "person", "sight", "place", "title", "house")
#: Names of a pool at most, so that train repeats them.
MOST_NAMES = 400

#: Kind of event -> its two summaries. `{why}` is the cause's clause.
SUMMARIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "closure": (
            "After {years} years a {thing} in {town}, {S}, is to be shut because {why}.",
            "A {thing} in {town} that is known as {S} is to be shut because {why}.",
        ),
        "opening": (
            "A new {thing} with work for {jobs} people, {S}, is about to open in {town} in {why}.",
            "{town} is to get a new {thing}, {S}, which gives work to {jobs} people and is in {why}.",
        ),
        "dearer": (
            "Visitors of {S}, a {thing} in {town}, have to pay more, {new} and not {old}, because {why}.",
            "The price of {S}, a {thing} of {town}, goes up from {old} to {new} because {why}.",
        ),
        "cheaper": (
            "Visitors of {S}, a {thing} in {town}, have to pay less, {new} and not {old}, because {why}.",
            "The price of {S}, a {thing} of {town}, comes down from {old} to {new} because {why}.",
        ),
        "match": (
            "{person} helped {S} to beat {rival} {score} in a {sport} match, which {why}.",
            "Thanks to {person}, {S} beat {rival} {score} at {sport}, which {why}.",
        ),
        "prize": (
            "A {thing} about {why}, {S}, has won {person} the {town} prize and {money}.",
            "With {S}, a {thing} about {why}, {person} has won {money} and the {town} prize.",
        ),
        "cancelled": (
            "Travellers between {town} and {end} have to do without their {thing} until {day} because {why}.",
            "Until {day} there is no {thing} between {town} and {end} because {why}.",
        ),
        "festival": (
            "More people than expected, {number}, came to a festival of {theme} in {town}, where {why}.",
            "A festival of {theme} brought {number} people to {S} in {town}, where {why}.",
        ),
        "head": (
            "{S}, a {thing} in {town}, is to be led by {person} after {former}, who {why}.",
            "{person} takes over {S}, a {thing} in {town}, from {former}, who {why}.",
        ),
        "jobs": (
            "A {thing} in {town}, {S}, cuts {number} jobs and keeps {left} because {why}.",
            "{number} out of work: {S}, a {thing} in {town}, cuts jobs because {why}.",
        ),
        "sale": (
            "{buyer} has bought {S}, a {thing} in {town}, for {sum} and wants {why}.",
            "For {sum}, {S}, an old {thing} in {town}, goes to {buyer}, who wants {why}.",
        ),
        "fire": (
            "{number} people had to leave {S}, a {thing} in {town}, at night because of a fire that {why}.",
            "A fire that {why} drove {number} people out of {S}, a {thing} in {town}.",
        ),
    }
)

#: (kind of event, cause) -> what `{why}` stands for.
CLAUSES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("closure", "rent"): "it cannot pay the higher rent",
        ("closure", "visitors"): "too few people visit it",
        ("closure", "age"): "its owner is too old to go on",
        ("closure", "roof"): "its roof is not safe",
        ("opening", "mill"): "an old mill",
        ("opening", "station"): "an old station",
        ("opening", "church"): "an old church",
        ("opening", "school"): "an old school",
        ("dearer", "wages"): "its workers need to be paid",
        ("dearer", "light"): "light has become expensive",
        ("dearer", "seats"): "its seats are to be made new",
        ("cheaper", "families"): "it wants parents and children to come",
        ("cheaper", "visitors"): "too few people visit it",
        ("cheaper", "gift"): "{person} helped with money",
        ("match", "final"): "puts them into the final",
        ("match", "league"): "makes them the best of the league",
        ("match", "stay"): "keeps them in the first league",
        ("prize", "sea"): "the sea and a family",
        ("prize", "town"): "winter in a town",
        ("prize", "cook"): "a cook who is young",
        ("prize", "friends"): "friends of many years",
        ("cancelled", "snow"): "of snow",
        ("cancelled", "tree"): "of a tree on the way",
        ("cancelled", "drivers"): "the drivers want more money",
        ("cancelled", "bridge"): "a bridge is in danger",
        ("festival", "sun"): "the weather was good",
        ("festival", "free"): "children paid nothing",
        ("festival", "star"): "they heard {person} sing",
        ("head", "rest"): "wants to be with the family",
        ("head", "abroad"): "leaves for work in Japan",
        ("head", "quarrel"): "had trouble with the town over money",
        ("jobs", "machine"): "a machine can do the work",
        ("jobs", "orders"): "it does not sell enough",
        ("jobs", "move"): "the work goes to Italy",
        ("sale", "flats"): "to turn it into flats",
        ("sale", "school"): "to turn it into a music school",
        ("sale", "restaurant"): "to turn it into a restaurant",
        ("sale", "same"): "to leave it as it is",
        ("fire", "candle"): "a candle started",
        ("fire", "kitchen"): "hot oil started",
        ("fire", "lamp"): "a lamp started",
    }
)


@dataclass(frozen=True)
class XSumEntry:
    """A document and its summary.

    Attributes:
        id: Stable and unique, e.g. `test-017`.
        document: Five to nine sentences on one line.
        summary: One sentence.
    """

    id: str
    document: str
    summary: str


def xsum_splits(
    seed: int = 0, train_entries: int = 1200, validation_entries: int = 120, test_entries: int = 200
) -> dict[str, list[XSumEntry]]:
    """Draw the three sets. No proper name of one split occurs in another, nor in `articles.source_articles`."""
    rng = random.Random(seed)
    names = share_names(NAME_POOLS, MOST_NAMES, rng)
    sizes = {"train": train_entries, "validation": validation_entries, "test": test_entries}
    splits: dict[str, list[XSumEntry]] = {}
    for split, size in sizes.items():
        owned = names[split]

        def draw(pool: str, owned: dict[str, list[str]] = owned) -> str:
            return rng.choice(owned[pool])

        entries = []
        for number in range(size):
            story = draw_story(rng, draw)
            entries.append(XSumEntry(f"{split}-{number:04d}", write_article(story, rng, draw), summarise(story, rng)))
        splits[split] = entries
    return splits


def summarise(story: Story, rng: random.Random) -> str:
    """One of the two sentences that sum up a story of its kind."""
    why = fill_sites(CLAUSES[story.kind.name, story.cause], story.values)
    sentence = fill_sites(rng.choice(SUMMARIES[story.kind.name]), {**story.values, "why": why})
    return sentence[0].upper() + sentence[1:]
