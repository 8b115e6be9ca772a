"""Is a sentence English? CoLA's question, with mistakes made of words that right sentences use as well.

One thing or two are the subject, so that neither "costs" nor "cost" is wrong alone; "does not" stands before plain
forms, and the mistake puts another form there; words trade places; "a" and "an" are taken for each other.
"""

import random
import re
from collections.abc import Mapping, Sequence

from embedded_world.glue_facts import FIELDS
from embedded_world.glue_wording import (
    AUXILIARIES,
    UNSEEN_PLAIN,
    is_perfect,
    negate,
    plain_form,
    sentence,
    with_articles,
)

ACCEPTABLE_SHARE = 0.5
#: Kinds of mistake -> how often each is tried first; where one does not fit, the next is drawn.
MISTAKES = {"agreement": 3, "auxiliary": 2, "order": 3, "article": 2, "missing verb": 1, "doubled subject": 1}
#: Words that must stand before the next one.
LEADING = frozenset(("a", "an", "the", "of", "in", "at", "for", "by", "with", "from", "on", "to", "its", "their"))
#: A team may take a plural verb, and so may a name with "&": neither is used here.
NUMBERED = tuple(field for field in FIELDS if field.domain.name != "club")
#: Without its verb, such a phrase might pass for another sentence: "sold at a high price", "work for part time".
DISPENSABLE = ("is ", "was ", "has work", "takes place")
#: Before its subject, such a verb would only ask a question.
ASKING = frozenset(("is", "are", "was", "were", "has", "have", "can", "does", "do"))
#: Nouns whose plural takes an "s" and whose tokens pre-training has seen.
PLURAL_NOUNS = ("place", "thing", "item", "meal", "service")
#: How often two things are the subject, where the form allows it.
PLURAL_SHARE = 0.5
PLURALS = {"is": "are", "was": "were", "has": "have"}

Names = Mapping[str, Sequence[str]]
Draft = tuple[str, str | None, float]


def draw_cola(names: Names, rng: random.Random) -> Draft:
    """Draw a sentence without a mistake (1) or with one (0)."""
    acceptable = rng.random() < ACCEPTABLE_SHARE
    while True:
        mistake = "" if acceptable else rng.choices(list(MISTAKES), list(MISTAKES.values()))[0]
        text = _write(mistake, names, rng)
        if text is not None:
            return text, None, float(acceptable)


def _write(mistake: str, names: Names, rng: random.Random) -> str | None:
    """One sentence with the mistake; None where the drawn sentence has no place for it."""
    field = rng.choice(NUMBERED)
    topic = rng.choice(field.topics)
    phrase = rng.choice(topic.verbs[rng.choice(topic.values)])
    noun = rng.choice(field.domain.nouns)
    form = rng.choice(("plain", "plain", "kind", "aside", "denied"))
    may_be_plural = form in ("plain", "denied") or (form == "kind" and noun in PLURAL_NOUNS)
    plural = may_be_plural and rng.random() < PLURAL_SHARE
    if phrase.startswith(UNSEEN_PLAIN):
        return None
    pool = [name for name in names[field.domain.name_pool] if "&" not in name]
    subject = " and ".join(rng.sample(pool, 2 if plural else 1))

    if form == "denied" or mistake == "auxiliary":
        denied = negate(phrase)
        if denied is None or not denied.startswith("does not ") or mistake in ("missing verb", "doubled subject"):
            return None
        auxiliary = "do" if plural != (mistake == "agreement") else "does"
        rest = phrase if mistake == "auxiliary" else denied.removeprefix("does not ")
        text = f"§ {auxiliary} not {rest}"
    else:
        if mistake == "agreement" and _plural(phrase) == phrase:
            return None
        verb = _plural(phrase) if plural != (mistake == "agreement") else phrase
        if mistake == "missing verb":
            if phrase.startswith(DISPENSABLE):
                return None
            verb = verb.partition(" ")[2]
        if mistake == "doubled subject":
            verb = f"{'they' if plural else 'it'} {verb}"
        kind = f"are {noun}s" if plural else f"is a/an {noun}"
        text = {"kind": f"§ {kind} that {verb}", "aside": f"§, a/an {noun}, {verb}"}.get(form, f"§ {verb}")
        if mistake == "doubled subject" and form == "plain":
            return None
    right = with_articles(text)
    if mistake == "order":
        text = _swap(right, plural, rng)
    elif mistake == "article":
        text = re.sub(r"\b(a|an) ", lambda match: "a " if match[1] == "an" else "an ", right)
    if mistake in ("order", "article") and text == right:
        return None
    return sentence(text).replace("§", subject)


def _plural(phrase: str) -> str:
    verb, _, rest = phrase.partition(" ")
    if verb in AUXILIARIES or is_perfect(phrase):
        return f"{PLURALS.get(verb, verb)} {rest}"
    return phrase if verb == "passed" else plain_form(phrase)


def _swap(text: str, plural: bool, rng: random.Random) -> str:
    """Two neighbours exchanged: a leading word with what it leads, or else one subject with its verb.

    A plain form before its subject would be an order, and "is" or "has" there a question, so these stay; "in all" does
    because "all in" is English too.
    """
    words = text.split()
    places = [i for i, word in enumerate(words[:-1]) if i > 0 and word in LEADING and words[i + 1] != "all"]
    index = rng.choice(places) if places and rng.random() < 0.8 else 0
    if index or not (plural or words[1] in ASKING):
        words[index], words[index + 1] = words[index + 1], words[index]
    return " ".join(words)
