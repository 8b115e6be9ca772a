"""The triples sets: things, their properties and what these link to, in WebNLG's form, with unseen categories.

An entry is a small tree of triples. Its root is a thing of the entry's category; an object that is a person, a town or
a sight may have triples of its own. A text shares the root's triples out over sentences; a linked thing's triples
follow as a relative clause where its name ends the sentence, as sentences of their own where not.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from embedded_world.categories import Category, Property
from embedded_world.held_out import Names, share_names
from embedded_world.webnlg_phrases import LINKED, RELATIVES, SEEN, UNSEEN

Triple = tuple[str, str, str]

#: Names of a pool at most, so that train repeats them; products' makers are named like firms.
MOST_NAMES = 240
NAME_POOLS = ("town", "person", "sight", "place", "title", "model", "house")
ALIASES = {"company": "house"}
#: How often an entry has so many triples, after WebNLG's train set without its rare sixes and sevens.
SIZE_WEIGHTS = {1: 25, 2: 22, 3: 22, 4: 19, 5: 12}
REFERENCE_WEIGHTS = {1: 2, 2: 3, 3: 5, 4: 2}
#: Texts that are drawn at most for one entry; of a single triple there are few different ones.
MOST_TRIES = 20
UNSEEN_SHARE = 0.48
CHAIN_SHARE = 0.4
SHUFFLED_SHARE = 0.4


@dataclass(frozen=True)
class WebNLGEntry:
    """Triples and what people might write for them.

    Attributes:
        id: Stable and unique, e.g. `test-017`.
        category: The root's, e.g. `SportsClub`.
        triples: (subject, property, object); subjects and objects have underscores for spaces.
        references: One to four different texts, each of which says every triple and contains every object's words.
        seen: Whether the category occurs in train.
    """

    id: str
    category: str
    triples: tuple[Triple, ...]
    references: tuple[str, ...]
    seen: bool


@dataclass(eq=False)
class Thing:
    """A named thing with the facts that are stated of it."""

    category: Category
    name: str
    facts: list["Fact"] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Fact:
    """One triple, seen from its subject; `thing` is the object where that can have facts of its own."""

    prop: Property
    value: str
    thing: Thing | None

    @property
    def is_chained(self) -> bool:
        """Whether the object has facts."""
        return bool(self.thing and self.thing.facts)


def webnlg_splits(
    seed: int = 0, train_entries: int = 900, validation_entries: int = 120, test_entries: int = 200
) -> dict[str, list[WebNLGEntry]]:
    """Draw the three sets; 48 of 100 test entries have categories that train and validation do not have.

    No proper name of one split, be it subject or object, occurs in another. All entries differ.
    """
    rng = random.Random(seed)
    names = share_names(NAME_POOLS, MOST_NAMES, rng)
    unseen = round(UNSEEN_SHARE * test_entries)
    plan: dict[str, list[tuple[Sequence[Category], int]]] = {
        "train": [(SEEN, train_entries)],
        "validation": [(SEEN, validation_entries)],
        "test": [(SEEN, test_entries - unseen), (UNSEEN, unseen)],
    }
    return {split: _draw_split(split, parts, names[split], rng) for split, parts in plan.items()}


def _draw_split(
    split: str, parts: list[tuple[Sequence[Category], int]], names: Names, rng: random.Random
) -> list[WebNLGEntry]:
    drawn: dict[tuple[Triple, ...], WebNLGEntry] = {}
    size = 0
    for categories, count in parts:
        size += count
        while len(drawn) < size:
            category = categories[len(drawn) % len(categories)]
            thing = _draw_thing(category, rng.choices(list(SIZE_WEIGHTS), list(SIZE_WEIGHTS.values()))[0], names, rng)
            triples = _triples(thing)
            if rng.random() < SHUFFLED_SHARE:
                rng.shuffle(triples)
            if tuple(triples) not in drawn:
                drawn[tuple(triples)] = WebNLGEntry(
                    f"{split}-{len(drawn):04d}",
                    category.name,
                    tuple(triples),
                    _references(thing, rng),
                    category in SEEN,
                )
    return list(drawn.values())


# ---------------------------------------------------------------- things


def _draw_thing(category: Category, size: int, names: Names, rng: random.Random) -> Thing:
    """Draw a tree of `size` facts: each new one is the root's, or with CHAIN_SHARE that of a thing it links to."""
    root = Thing(category, rng.choice(names[category.pool]))
    taken = [root.name]
    things = [root]
    for _ in range(size):
        linked = [thing for thing in things[1:] if len(thing.facts) < len(thing.category.properties)]
        owner = rng.choice(linked) if linked and rng.random() < CHAIN_SHARE else root
        known = [fact.prop for fact in owner.facts]
        prop = rng.choice([prop for prop in owner.category.properties if prop not in known])
        if prop.pool is None:
            owner.facts.append(Fact(prop, rng.choice(prop.values), None))
            continue
        pool = ALIASES.get(prop.pool, prop.pool)
        name = rng.choice([name for name in names[pool] if name not in taken])
        taken.append(name)
        thing = Thing(LINKED[pool], name) if pool in LINKED else None
        if thing:
            things.append(thing)
        owner.facts.append(Fact(prop, name, thing))
    return root


def _triples(thing: Thing) -> list[Triple]:
    found: list[Triple] = []
    for fact in thing.facts:
        found.append((_underscored(thing.name), fact.prop.name, _underscored(fact.value)))
        if fact.thing:
            found += _triples(fact.thing)
    return found


def _underscored(name: str) -> str:
    return name.replace(" ", "_")


# ---------------------------------------------------------------- texts


def _references(thing: Thing, rng: random.Random) -> tuple[str, ...]:
    wanted = rng.choices(list(REFERENCE_WEIGHTS), list(REFERENCE_WEIGHTS.values()))[0]
    texts: dict[str, None] = {}
    for _ in range(MOST_TRIES):
        texts[_write(thing, rng)] = None
        if len(texts) == wanted:
            break
    return tuple(texts)


def _write(thing: Thing, rng: random.Random) -> str:
    """Say every fact of `thing` and of what it links to, in one sentence to as many as there are facts."""
    waiting = list(thing.facts)
    if rng.random() < SHUFFLED_SHARE:
        rng.shuffle(waiting)
    sentences: list[str] = []
    is_topic = False
    while waiting:
        count = min(len(waiting), rng.choice((1, 2, 2, 2)))
        facts, waiting = waiting[:count], waiting[count:]
        facts.sort(key=lambda fact: fact.is_chained)
        subject = _mention(thing, bool(sentences), is_topic, rng)
        sentence = _sentence(thing, facts, subject, not sentences, rng)
        follow: list[str] = []
        for fact in facts:
            if fact.thing and fact.is_chained:
                if fact is facts[-1] and sentence.endswith(fact.value) and rng.random() < 0.7:
                    predicate, rest = _predicate(fact.thing, rng)
                    sentence += f", {RELATIVES[fact.thing.category.pool]} {predicate}"
                    follow += rest
                else:
                    follow += _sentences_on(fact.thing, rng)
        sentences += [sentence, *follow]
        is_topic = not follow
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _mention(thing: Thing, is_known: bool, is_topic: bool, rng: random.Random) -> str:
    """Return the name at first; later "it", but only if the last sentence was on the same thing, or "the hotel"."""
    if not is_known:
        return thing.name
    the_noun = f"the {thing.category.noun}"
    return rng.choice(("it", "it", the_noun) if is_topic else (the_noun, thing.name))


def _sentence(thing: Thing, facts: list[Fact], subject: str, is_first: bool, rng: random.Random) -> str:
    """One or two facts in one of the frames that have phrases for them."""
    first, last = facts[0], facts[-1]
    frames = ["verbs"]
    if len(facts) == 1 and "of" in first.prop.phrases and subject != "it":
        frames += ["of", "of"]
    if is_first and "post" in last.prop.phrases:
        frames += ["noun"]
    if len(facts) == 2 and "post" in first.prop.phrases:
        frames += ["fronted"] if subject == "it" else ["apposition", "fronted"]
    if len(facts) == 2 and "of" in first.prop.phrases and subject != "it":
        frames += ["of and"]
    noun = f"a {thing.category.noun}"
    match rng.choice(frames):
        case "of":
            return _say(first, "of", rng, subject)
        case "of and":
            again = rng.choice(("it", f"the {thing.category.noun}"))
            return f"{_say(first, 'of', rng, subject)}, and {again} {_say(last, 'verb', rng)}"
        case "noun" if len(facts) == 1:
            return f"{subject} is {noun} {_say(last, 'post', rng)}"
        case "noun":
            return f"{subject} {_say(first, 'verb', rng)} and is {noun} {_say(last, 'post', rng)}"
        case "apposition":
            return f"{subject}, {_say(first, 'post', rng)}, {_say(last, 'verb', rng)}"
        case "fronted" if not (post := _say(first, "post", rng)).startswith("of "):
            return f"{post}, {subject} {_say(last, 'verb', rng)}"
        case _:
            return f"{subject} {' and '.join(_say(fact, 'verb', rng) for fact in facts)}"


def _predicate(thing: Thing, rng: random.Random) -> tuple[str, list[str]]:
    """Return a predicate with all facts of a linked thing, chained ones last, and what must follow it as sentences."""
    facts = sorted(thing.facts, key=lambda fact: fact.is_chained)
    follow = [text for fact in facts if fact.thing and fact.is_chained for text in _sentences_on(fact.thing, rng)]
    return " and ".join(_say(fact, "verb", rng) for fact in facts), follow


def _sentences_on(thing: Thing, rng: random.Random) -> list[str]:
    """Return a linked thing's facts as sentences of their own: one for all of them, or one each."""
    if rng.random() < 0.5:
        predicate, follow = _predicate(thing, rng)
        return [f"{thing.name} {predicate}", *follow]
    sentences = []
    for fact in thing.facts:
        is_verb = rng.random() < 0.3
        sentences.append(f"{thing.name} {_say(fact, 'verb', rng)}" if is_verb else _say(fact, "of", rng, thing.name))
        if fact.thing and fact.is_chained:
            sentences += _sentences_on(fact.thing, rng)
    return sentences


def _say(fact: Fact, kind: str, rng: random.Random, subject: str = "") -> str:
    return rng.choice(fact.prop.phrases[kind]).replace("{s}", subject).replace("{o}", fact.value)
