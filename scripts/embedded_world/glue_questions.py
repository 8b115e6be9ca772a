"""Questions: do two of them ask the same (QQP), and does a sentence hold the answer (QNLI)?

Some of QNLI's sentences tell of two things and answer for one of them only. QQP has questions that differ in the
value they ask for, in the thing, or in which of two things is said to have more.
"""

import random
from collections.abc import Mapping, Sequence

from embedded_world.glue_facts import FIELDS, Field, Topic
from embedded_world.glue_wording import (
    AUXILIARIES,
    UNSEEN_PLAIN,
    choose_other,
    describe,
    is_perfect,
    plain_form,
    say,
    sentence,
    with_articles,
)

#: Share of QNLI's sentences that tell of two things.
RIVAL_SHARE = 0.15
#: Kinds of QQP pairs: open questions about a slot, questions for a value, comparisons of two things.
QQP_WEIGHTS = {"slot": 4, "value": 4, "comparison": 2}
DUPLICATE_SHARE = 0.5
#: Share of QQP's other pairs that ask the same of another thing.
OTHER_THING_SHARE = 0.2

#: What fits between "does X" and "more than Y".
COMPARED = "charge"
FRAMES = ("Do you know if {statement}?", "People say that {statement}, is it so?")

Names = Mapping[str, Sequence[str]]
Draft = tuple[str, str | None, float]


def draw_qqp(names: Names, rng: random.Random) -> Draft:
    """Two questions that ask the same (1) or not (0)."""
    same = rng.random() < DUPLICATE_SHARE
    kind = rng.choices(list(QQP_WEIGHTS), list(QQP_WEIGHTS.values()))[0]
    field = rng.choice(FIELDS)
    pool = names[field.domain.name_pool]
    name = rng.choice(pool)
    if kind == "comparison":
        return _comparisons(COMPARED, name, choose_other(pool, name, rng), same, rng)
    other_thing = not same and rng.random() < OTHER_THING_SHARE
    second_name = choose_other(pool, name, rng) if other_thing else name
    topic = rng.choice(field.topics)
    if kind == "slot":
        asked = topic if same or other_thing else rng.choice([one for one in field.topics if one is not topic])
        question = rng.choice(topic.questions)
        second = choose_other(asked.questions, question, rng)
        return question.format(n=name), second.format(n=second_name), float(same)
    value = rng.choice(topic.values)
    asked_value = value if same or other_thing else topic.other_value(value, rng)
    phrase = rng.choice(topic.verbs[value])
    second = choose_other(topic.verbs[asked_value], phrase, rng)
    return _ask(name, phrase, rng), _ask(second_name, second, rng), float(same)


def draw_qnli(names: Names, rng: random.Random) -> Draft:
    """Draw a question about a slot, and a sentence that holds its answer (0) or not (1)."""
    answered = rng.random() < 0.5
    field = rng.choice(FIELDS)
    topic, *others = rng.sample(field.topics, 3)
    name = field.draw_name(names, rng)
    question = rng.choice(topic.questions).format(n=name)
    if rng.random() < RIVAL_SHARE:
        return question, _rival_sentence(field, name, topic, others[0], answered, names, rng), float(not answered)
    topics = [topic if answered else others[1], others[0]]
    rng.shuffle(topics)
    facts = [say(one, rng.choice(one.values), rng) for one in topics]
    return question, describe(field, name, facts, rng), float(not answered)


def _rival_sentence(
    field: Field, name: str, topic: Topic, other: Topic, answered: bool, names: Names, rng: random.Random
) -> str:
    """Return a sentence on two things, one with `topic`, one with `other`; the named one or its rival answers."""
    own, rivals = (topic, other) if answered else (other, topic)
    rival = choose_other(names[field.domain.name_pool], name, rng)
    halves = [f"{who} {rng.choice(one.verbs[rng.choice(one.values)])}" for who, one in ((name, own), (rival, rivals))]
    rng.shuffle(halves)
    return sentence(", while ".join(halves))


def _ask(name: str, phrase: str, rng: random.Random) -> str:
    if rng.random() < 0.5 or phrase.startswith(UNSEEN_PLAIN):
        return with_articles(rng.choice(FRAMES).format(statement=f"{name} {phrase}"))
    verb, _, rest = phrase.partition(" ")
    if verb in AUXILIARIES or is_perfect(phrase):
        return sentence(f"{verb} {name} {rest}", "?")
    if phrase.startswith("does not "):
        return sentence(f"does {name} {phrase.removeprefix('does ')}", "?")
    if verb == "passed":
        return sentence(f"has {name} {phrase}", "?")
    return sentence(f"does {name} {plain_form(phrase)}", "?")


def _comparisons(verb: str, name: str, other: str, same: bool, rng: random.Random) -> Draft:
    """Whether X costs more than Y is the same question as whether Y costs less than X, not whether Y costs more."""
    word, opposite = rng.choice((("more", "less"), ("less", "more")))
    first = (name, word, other)
    turned = (other, opposite, name)
    changed = rng.choice(((other, word, name), (name, opposite, other)))
    second = turned if same and rng.random() < 0.7 else first if same else changed
    forms = ["Does {} {verb} {} than {}?", "Do you know if {} {verb}s {} than {}?"]
    rng.shuffle(forms)
    return forms[0].format(*first, verb=verb), forms[1].format(*second, verb=verb), float(same)
