"""Does a hypothesis follow from a premise? MNLI in three classes, RTE in two, over other domains.

The hypothesis is drawn before the label, and the premise is written to fit, so that a hypothesis tells nothing of its
label. "Not" turns agreement into contradiction, and in a share of the pairs the premise tells of a second thing in the
same slot: words that premise and hypothesis share decide little.
"""

import random
from collections.abc import Mapping, Sequence

from embedded_world.glue_facts import FIELDS, Field, Topic
from embedded_world.glue_wording import choose_other, describe, negate, say, say_again, sentence, stand_alone

MNLI_DOMAINS = ("hotel", "museum", "shop", "club")
#: Neither MNLI's train nor its matched part shows these; RTE has no others.
OTHER_DOMAINS = ("garden", "caterer")
ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2

#: Share of the hypotheses that say "not", of those whose phrase can.
NEGATED_SHARE = 0.1
#: Share of the premises that tell of two things.
RIVAL_SHARE = 0.1

Names = Mapping[str, Sequence[str]]
Draft = tuple[str, str | None, float]


def draw_mnli(names: Names, rng: random.Random) -> Draft:
    """Draw a pair over the domains of MNLI's train part."""
    return _draw(MNLI_DOMAINS, rng.randrange(3), names, rng)


def draw_mnli_mismatched(names: Names, rng: random.Random) -> Draft:
    """Draw a pair over domains that MNLI's train part never shows."""
    return _draw(OTHER_DOMAINS, rng.randrange(3), names, rng)


def draw_rte(names: Names, rng: random.Random) -> Draft:
    """Entailed (0) or not (1), over other domains than MNLI's; what is not entailed is neutral or contradicted."""
    label = rng.choice((ENTAILMENT, ENTAILMENT, NEUTRAL, CONTRADICTION))
    first, second, _ = _draw(OTHER_DOMAINS, label, names, rng)
    return first, second, float(label != ENTAILMENT)


def _draw(domains: Sequence[str], label: int, names: Names, rng: random.Random) -> Draft:
    field = rng.choice([field for field in FIELDS if field.domain.name in domains])
    topic = rng.choice(field.topics)
    claimed = rng.choice(topic.values)
    rival = rng.random() < RIVAL_SHARE
    phrase, is_clause = say(topic, claimed, rng) if not rival else (rng.choice(topic.verbs[claimed]), False)
    denial = None if is_clause or rng.random() >= NEGATED_SHARE else negate(phrase)
    stated = claimed if (label == ENTAILMENT) == (denial is None) else topic.other_value(claimed, rng)

    name = field.draw_name(names, rng)
    others = [other for other in field.topics if other is not topic]
    if rival:
        premise = _rival_premise(field, topic, name, None if label == NEUTRAL else stated, phrase, names, rng)
        return premise, sentence(f"{name} {denial or phrase}"), float(label)
    facts = [say(other, rng.choice(other.values), rng) for other in rng.sample(others, 2)]
    if label != NEUTRAL:
        facts[rng.randrange(2)] = say_again(topic, stated, phrase, rng)
    return describe(field, name, facts, rng), stand_alone(field, denial or phrase, is_clause, rng), float(label)


def _rival_premise(
    field: Field,
    topic: Topic,
    name: str,
    stated: str | None,
    phrase: str,
    names: Names,
    rng: random.Random,
) -> str:
    """Two things, of which the named one has the `stated` value (None: says something else) and the other a rival."""
    other = rng.choice([one for one in field.topics if one is not topic])
    second_name = choose_other(names[field.domain.name_pool], name, rng)
    value = rng.choice(topic.values) if stated is None else topic.other_value(stated, rng)
    rival_said = choose_other(topic.verbs[value], phrase, rng)
    if stated is None:
        said = rng.choice(other.verbs[rng.choice(other.values)])
    else:
        said = choose_other(topic.verbs[stated], phrase, rng)
    halves = [f"{name} {said}", f"{second_name} {rival_said}"]
    rng.shuffle(halves)
    return sentence(", while ".join(halves))
