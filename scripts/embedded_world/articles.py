"""News articles and other prose: the documents of the summaries sets, and unsupervised text from the same world."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from embedded_world.names import draw_name, reserved_names
from embedded_world.news import KINDS, THINGS, Kind
from embedded_world.pretraining import FOLLOWING, OPENINGS, SOURCE_DOMAINS
from embedded_world.realise import realise
from embedded_world.world import Entity, Slot, draw_entity

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: When the other things happened; what happens to the article's own thing has a day of the week.
EARLIER = ("last year", "two years ago", "some years ago", "in the spring", "last summer", "after a hard winter")
ROLES = ("who lives nearby", "a friend of the house", "who came to see it", "a neighbour", "who works for the town")
#: Source slots of which articles say nothing: they could contradict the news.
UNSAID = ("area", "delivery area", "departs", "open", "day", "rating", "reviews", "visitor rating", "customer rating")
NEWS_SHARE = 0.5
FIRST_SHARE = 0.35
BACKGROUND = "{background}"
SITE = re.compile(r"\{(\w+)\}")

DrawName = Callable[[str], str]


@dataclass(frozen=True, eq=False)
class Story:
    """What an article tells: the kind of event, its cause, and every value by its site, `S` and `thing` included."""

    kind: Kind
    cause: str
    values: dict[str, str]


def source_articles(seed: int) -> Iterator[str]:
    """Yield unsupervised documents without end: half of them news, half two or three descriptions strung together.

    They are to a small encoder-decoder what books and news were to BART. The news are of the same kinds as those of
    the summaries sets and written by the same hand, but of other names: none is kept back for a target set, alone or
    inside a longer name. No summary is among them, nor any wording of one.
    """
    rng = random.Random(seed)
    kept = re.compile(rf"\b({'|'.join(map(re.escape, reserved_names('town')))})\b")

    def draw(pool: str) -> str:
        return draw_name(pool, rng)

    while True:
        if rng.random() < NEWS_SHARE:
            text = write_article(draw_story(rng, draw), rng, draw)
        else:
            things = [draw_entity(rng.choice(SOURCE_DOMAINS), rng, 2, 7) for _ in range(rng.randint(2, 3))]
            text = " ".join(realise(thing, OPENINGS, FOLLOWING, rng) for thing in things)
        if not kept.search(text):
            yield text


def draw_story(rng: random.Random, draw: DrawName) -> Story:
    """Draw what happens to whom and why; `draw` gives a name of a pool. All names of a story differ."""
    kind = rng.choice(KINDS)
    thing = rng.choice(kind.things)
    values = {"thing": thing, "day": rng.choice(DAYS)}
    pools = {"S": THINGS[thing][1], "town": "town", "person": "person"}
    for site, listed in kind.values.items():
        if listed[0].startswith("@"):
            pools[site] = listed[0][1:]
        else:
            values[site] = rng.choice(listed)
    for site, pool in pools.items():
        values[site] = _another(draw, pool, values)
    return Story(kind, rng.choice(list(kind.causes)), values)


def write_article(story: Story, rng: random.Random, draw: DrawName) -> str:
    """Five to nine sentences: the event, its details and cause, a quote, a description, and news of other things.

    The event is told first in 35 of 100 articles; otherwise it stands anywhere, its cause somewhere after it.
    """
    kind, values = story.kind, story.values
    names = dict(values)
    event = rng.choice(kind.lines["event"])
    details = [rng.choice(wordings) for wordings in kind.details]
    cause = rng.choice(kind.causes[story.cause])
    if not any("{town}" in text for text in (event, *details)):
        details.append(rng.choice(("{S} is in {town}", "people in {town} know {S} well", "{town} is the home of {S}")))
    others = [*details, BACKGROUND, _quote(story, rng, draw, names)]
    others += [_other(kind, rng, draw, names) for _ in range(min(rng.choice((0, 1, 1, 2)), 6 - len(others)))]
    rng.shuffle(others)
    place = 0 if rng.random() < FIRST_SHARE else rng.randint(1, len(others))
    others.insert(place, event)
    others.insert(rng.randint(place + 1, len(others)), cause)

    sentences = []
    is_known = False
    for text in others:
        if text == BACKGROUND:
            noun = values["thing"]
            sentences.append(_background(noun, f"the {noun}" if is_known else f"the {noun} {values['S']}", rng))
        else:
            sites = {**values, "S": _mention(values, rng) if is_known else values["S"]}
            sentences.append(f"{fill_sites(text, sites)}.")
        is_known = is_known or text == BACKGROUND or "{S}" in text
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def fill_sites(text: str, values: Mapping[str, str]) -> str:
    """`text` with every `{site}` replaced by its value."""
    return SITE.sub(lambda match: values[match[1]], text)


def _mention(values: dict[str, str], rng: random.Random) -> str:
    the_noun = f"the {values['thing']}"
    return rng.choice((values["S"], the_noun, the_noun))


def _quote(story: Story, rng: random.Random, draw: DrawName, names: dict[str, str]) -> str:
    """Return what the person of the story says, where it is theirs, or else somebody with a role."""
    words = rng.choice(story.kind.lines["quote"])
    words = words[0].upper() + words[1:]
    if story.kind.name in ("prize", "head"):
        return f'"{words}", said {{person}}'
    speaker = _another(draw, "person", names)
    names["speaker"] = speaker
    return rng.choice((f'"{words}", said {speaker}, {rng.choice(ROLES)}', f'{speaker} said: "{words}"'))


def _other(kind: Kind, rng: random.Random, draw: DrawName, names: dict[str, str]) -> str:
    """News of another thing of the same kind of things, from another time, of the same kind of event or another."""
    noun = rng.choice(kind.things)
    fitting = [one for one in KINDS if noun in one.things]
    text = rng.choice(rng.choice(fitting).lines["before"])
    name = _another(draw, THINGS[noun][1], names)
    town = _another(draw, "town", names)
    names[f"other {name}"], names[f"town {name}"] = name, town
    told = text.replace("{O}", f"{name}, a {noun} in {town},").removesuffix(",")
    return f"{rng.choice(EARLIER)} {told}"


def _background(noun: str, mention: str, rng: random.Random) -> str:
    """One or two things that the source domain says of such a thing, names, prices and places left out."""
    domain = THINGS[noun][0]
    slots = [slot for slot in domain.slots if _can_be_said(slot)]
    chosen = rng.sample(slots, min(len(slots), rng.randint(1, 2)))
    stated = tuple((slot.name, rng.choice(slot.values)) for slot in chosen)
    return realise(Entity(domain, mention, stated), ("{name} {verbs}.",), ("It {verbs}.",), rng)


def _can_be_said(slot: Slot) -> bool:
    return not (slot.pool or slot.is_head or slot.name in UNSAID or any("£" in value for value in slot.values))


def _another(draw: DrawName, pool: str, names: dict[str, str]) -> str:
    """Return a name that the article does not have yet."""
    while (name := draw(pool)) in names.values():
        pass
    return name
