"""Small changes to phrases: articles, denial, lists, descriptions of one thing."""

import random
import re
from collections.abc import Sequence

from embedded_world.glue_facts import Field, Topic
from embedded_world.realise import ARTICLE, _article

#: Share of the facts said twice that are said in one wording.
SAME_WORDING_SHARE = 0.5

#: Verbs whose plain form is not the word without its "s".
PLAIN = {"has": "have", "is": "be", "goes": "go", "does": "do", "teaches": "teach", "stretches": "stretch"}
#: A phrase with one of these denies or restricts already; with "not" before it, it would not mean the opposite.
NEGATIVE = re.compile(r"\b(not|no|nothing|nobody|neither|only|strictly|too|elsewhere|free|pure|all about)\b")
#: Verbs whose plain form needs tokens that pre-training never saw; the tasks leave that form out.
UNSEEN_PLAIN = ("weighs", "delivers", "keeps", "specialises", "departs", "teaches")
AUXILIARIES = ("is", "was", "can")
#: What may stand for a verb phrase's own subject in a sentence of its own.
STAND_INS = ("it", "the {noun}", "this {noun}")


def with_articles(text: str) -> str:
    """Choose between "a" and "an" wherever a phrase leaves it open."""
    return ARTICLE.sub(lambda match: f"{_article(match[1])} {match[1]}", text)


def sentence(text: str, end: str = ".") -> str:
    """`text` with articles, a capital and an end mark."""
    text = with_articles(text)
    return text[0].upper() + text[1:] + end


def plain_form(verb_phrase: str) -> str:
    """Return the phrase without its third person: "costs £30" becomes "cost £30"."""
    verb, _, rest = verb_phrase.partition(" ")
    return f"{PLAIN.get(verb) or verb.removesuffix('s')} {rest}".strip()


def is_perfect(verb_phrase: str) -> bool:
    """Whether the phrase's first word helps a participle, as in "has been given"."""
    return verb_phrase.startswith(("has been", "has earned"))


def negate(verb_phrase: str) -> str | None:
    """Return the phrase with "not"; None where it already denies something or cannot be denied simply."""
    verb, _, rest = verb_phrase.partition(" ")
    if NEGATIVE.search(verb_phrase) or verb in ("passed", *UNSEEN_PLAIN):
        return None
    if verb in AUXILIARIES or is_perfect(verb_phrase):
        return f"{verb} not {rest}"
    return f"does not {plain_form(verb_phrase)}"


def join(parts: Sequence[str]) -> str:
    """Join phrases with commas and a last "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def choose_other(options: Sequence[str], avoided: str, rng: random.Random) -> str:
    """One of `options` that is not `avoided`, unless there is no other."""
    return rng.choice([option for option in options if option != avoided] or list(options))


def say(topic: Topic, value: str, rng: random.Random) -> tuple[str, bool]:
    """Return a phrase for the value, and whether it is a clause."""
    phrase = rng.choice((*topic.verbs[value], *topic.clauses[value]))
    return phrase, phrase not in topic.verbs[value]


def say_again(topic: Topic, value: str, before: str, rng: random.Random) -> tuple[str, bool]:
    """Return a phrase for the value, in a text that is compared with one where `before` says the same slot.

    In a share of the cases the wording is that of `before`, so that nothing but the value can differ; otherwise it is
    another one.
    """
    same_wording = topic.in_wording_of(before, value)
    if rng.random() < SAME_WORDING_SHARE:
        phrase = same_wording
    else:
        phrase = choose_other((*topic.verbs[value], *topic.clauses[value]), same_wording, rng)
    return phrase, phrase not in topic.verbs[value]


def stand_alone(field: Field, phrase: str, is_clause: bool, rng: random.Random) -> str:
    """One sentence that says `phrase` of a thing already named."""
    subject = rng.choice(STAND_INS).format(noun=rng.choice(field.domain.nouns))
    return sentence(phrase if is_clause else f"{subject} {phrase}")


def describe(field: Field, name: str, phrases: Sequence[tuple[str, bool]], rng: random.Random) -> str:
    """One or two sentences about one thing: its verb phrases with its name, its clauses behind them."""
    verbs = [phrase for phrase, is_clause in phrases if not is_clause]
    clauses = [phrase for phrase, is_clause in phrases if is_clause]
    noun = rng.choice(field.domain.nouns)
    if verbs:
        form = rng.choice(("{name} {verbs}", "{name} is a/an {noun} that {verbs}", "{name}, a/an {noun}, {verbs}"))
    else:
        form = rng.choice(("{name} is a/an {noun}", "have a look at {name}"))
    first = sentence(form.format(name=name, noun=noun, verbs=join(verbs) if verbs else ""))
    return " ".join([first, sentence(join(clauses))] if clauses else [first])
