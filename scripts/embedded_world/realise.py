"""From a thing of the world to English: slots are shared out over sentences, each sentence is a frame with sites.

A frame is a sentence with sites in braces, e.g. `{front}, {name} is {np}{post}{rel}.`:

    name, noun       the thing's name; its head noun
    np, bare         noun phrase with up to two modifiers, with and without its article
    post             up to two phrases behind the noun
    rel              a relative clause with up to two verb phrases
    verbs            one to three verb phrases
    loc, front       exactly one fronted phrase
    clause           exactly one clause

A slot goes to a random site that has a phrase for it; what finds no site moves on to the next sentence.
"""

import random
import re
from collections.abc import Sequence
from functools import lru_cache

from embedded_world.world import Domain, Entity

SITE = re.compile(r"\{(\w+)\}")
ARTICLE = re.compile(r"\ba/an (\S+)")

#: site -> (fewest phrases, most phrases, kinds of phrase in it)
SITES: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "np": (0, 2, ("mod",)),
    "bare": (0, 2, ("mod",)),
    "post": (0, 2, ("post", "loc")),
    "rel": (0, 2, ("verb",)),
    "verbs": (1, 3, ("verb",)),
    "loc": (1, 1, ("loc",)),
    "front": (1, 1, ("front", "loc")),
    "clause": (1, 1, ("clause",)),
}
#: How often a text leaves the order in which the slots are given; the kind of thing is always said first.
SHUFFLED_SHARE = 0.4
RELATIVES = (" that {}", " which {}", ", which {}")

Slots = list[tuple[str, str]]


def realise(entity: Entity, openings: Sequence[str], following: Sequence[str], rng: random.Random) -> str:
    """Say every slot of `entity` once, in one to three sentences, rarely more: what finds no place moves on.

    Args:
        entity: What is described.
        openings: Frames for the first sentence; they name the thing and must contain `{name} {verbs}.`.
        following: Frames for the later ones; they must contain `It {verbs}.`.
        rng: The only source of variation.

    Raises:
        ValueError: No frame can say any of the slots that are left, because the two frames above are missing.
    """
    slots = list(entity.slots)
    if rng.random() < SHUFFLED_SHARE:
        rng.shuffle(slots)
    count = rng.choice((1, 1, 2) if len(slots) <= 3 else (1, 2, 2, 3) if len(slots) <= 5 else (2, 2, 3, 3))
    slots.sort(key=lambda slot: not entity.domain.slot(slot[0]).is_head)
    cuts = sorted(rng.randint(1, len(slots)) for _ in range(count - 1))
    shares = [slots[start:end] for start, end in zip([0, *cuts], [*cuts, len(slots)], strict=True)]

    noun = rng.choice(entity.domain.nouns)
    sentences: list[str] = []
    waiting: Slots = []
    while shares or waiting:
        waiting += shares.pop(0) if shares else []
        if waiting:
            frames = following if sentences else openings
            sentence, waiting, noun = _say(entity, waiting, frames, noun, rng)
            sentences.append(sentence)
    return " ".join(sentences)


def _say(entity: Entity, slots: Slots, frames: Sequence[str], noun: str, rng: random.Random) -> tuple[str, Slots, str]:
    """One sentence, what it left unsaid, and the head noun from now on; frames that leave little are preferred."""
    best: tuple[str, Slots, str] | None = None
    for frame in rng.sample(frames, len(frames)):
        said = _fill(entity, slots, frame, noun, rng)
        if said and (best is None or len(said[1]) < len(best[1])):
            best = said
            if len(best[1]) <= 1:
                break
    if best is None:
        raise ValueError(f"expected a frame for {slots} of domain {entity.domain.name!r}, found none in {list(frames)}")
    return best


def _fill(entity: Entity, slots: Slots, frame: str, noun: str, rng: random.Random) -> tuple[str, Slots, str] | None:
    """Fill one frame; None where a site that must be filled finds no phrase, or where nothing would be said."""
    sites = SITE.findall(frame)
    filled: list[list[str]] = [[] for _ in sites]
    waiting = list(slots)
    has_noun = "np" in sites or "bare" in sites
    for index, site in enumerate(sites):
        if site in SITES and SITES[site][0]:
            fitting = [slot for slot in waiting if not (has_noun and entity.domain.slot(slot[0]).is_head)]
            taken = next((slot for slot in fitting if _phrases(entity.domain, slot, site)), None)
            if taken is None:
                return None
            filled[index].append(rng.choice(_phrases(entity.domain, taken, site)))
            waiting.remove(taken)

    unsaid: Slots = []
    for slot in waiting:
        if entity.domain.slot(slot[0]).is_head and has_noun:
            noun = rng.choice(entity.domain.slot(slot[0]).phrases(slot[1], "noun"))
            continue
        open_sites = [
            index
            for index, site in enumerate(sites)
            if site in SITES and len(filled[index]) < SITES[site][1] and _phrases(entity.domain, slot, site)
        ]
        if open_sites:
            index = rng.choice(open_sites)
            filled[index].append(rng.choice(_phrases(entity.domain, slot, sites[index])))
        else:
            unsaid.append(slot)
    if len(unsaid) == len(slots):
        return None

    phrases = iter(filled)
    words = SITE.sub(lambda match: _render(match[1], next(phrases), entity.name, noun, rng), frame)
    sentence = ARTICLE.sub(lambda match: f"{_article(match[1])} {match[1]}", words)
    return sentence[0].upper() + sentence[1:], unsaid, noun


@lru_cache(maxsize=8192)
def _phrases(domain: Domain, slot: tuple[str, str], site: str) -> tuple[str, ...]:
    known = domain.slot(slot[0])
    found = tuple(phrase for kind in SITES[site][2] for phrase in known.phrases(slot[1], kind))
    if not found and known.is_head and "verb" in SITES[site][2]:
        return tuple(f"is a/an {phrase}" for phrase in known.phrases(slot[1], "noun"))
    return found


def _render(site: str, phrases: list[str], name: str, noun: str, rng: random.Random) -> str:
    match site:
        case "name":
            return name
        case "noun":
            return noun
        case "np":
            return "a/an " + " ".join([*phrases, noun])
        case "bare":
            return " ".join([*phrases, noun])
        case "post":
            return "".join(f" {phrase}" for phrase in phrases)
        case "rel":
            return rng.choice(RELATIVES).format(_and(phrases)) if phrases else ""
        case "loc" | "front":
            return phrases[0][0].upper() + phrases[0][1:]
        case _:
            return _and(phrases)


def _and(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _article(word: str) -> str:
    """Return the indefinite article before `word`, by sound as far as this world's words need it."""
    lower = word.lower()
    if lower.startswith(("uni", "one", "eu", "use")):
        return "a"
    return "an" if lower[0] in "aeiou" or lower.startswith(("8", "11", "18", "hour")) else "a"
