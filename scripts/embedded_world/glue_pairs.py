"""Two descriptions: do they mean the same (MRPC), and how far do they agree (STS-B)?

Both describe the same things in other words and in another order. A share of MRPC's pairs describe two things, and
what the second description gets wrong is only who has which value: every word of one is a word of the other's.
"""

import random
from collections.abc import Mapping, Sequence

from embedded_world.glue_facts import FIELDS, Topic
from embedded_world.glue_wording import choose_other, describe, say, say_again, sentence

#: Share of MRPC's pairs that tell of two things.
SWAP_SHARE = 0.1
PARAPHRASE_SHARE = 0.5
#: How the slots of an STS-B pair are drawn: the same value, a neighbour (another where there is no order), any other.
AGREEMENT_WEIGHTS = (5, 2, 3)

Names = Mapping[str, Sequence[str]]
Draft = tuple[str, str | None, float]


def draw_mrpc(names: Names, rng: random.Random) -> Draft:
    """Draw two texts of the same meaning (1), or with other values or two exchanged (0)."""
    same = rng.random() < PARAPHRASE_SHARE
    field = rng.choice(FIELDS)
    if rng.random() < SWAP_SHARE:
        return _two_things(field.topics, names[field.domain.name_pool], same, rng)
    topics = rng.sample(field.topics, 2)
    values = [rng.choice(topic.values) for topic in topics]
    told = list(values)
    if not same:
        told = [topic.other_value(value, rng) for topic, value in zip(topics, values, strict=True)]
    name = field.draw_name(names, rng)
    first = [say(topic, value, rng) for topic, value in zip(topics, values, strict=True)]
    second = [
        say_again(topic, value, before, rng) for topic, value, (before, _) in zip(topics, told, first, strict=True)
    ]
    rng.shuffle(second)
    return describe(field, name, first, rng), describe(field, name, second, rng), float(same)


def draw_stsb(names: Names, rng: random.Random) -> Draft:
    """Five times the mean agreement of two slots: 1 for the same value, a half for neighbours in an order."""
    field = rng.choice(FIELDS)
    topics = rng.sample(field.topics, 2)
    values = [rng.choice(topic.values) for topic in topics]
    told = [_other_value(topic, value, rng) for topic, value in zip(topics, values, strict=True)]
    agreement = [topic.agreement(one, other) for topic, one, other in zip(topics, values, told, strict=True)]
    name = field.draw_name(names, rng)
    first = [say(topic, value, rng) for topic, value in zip(topics, values, strict=True)]
    second = [
        say_again(topic, value, before, rng) for topic, value, (before, _) in zip(topics, told, first, strict=True)
    ]
    rng.shuffle(second)
    label = round(5 * sum(agreement) / len(agreement), 2)
    return describe(field, name, first, rng), describe(field, name, second, rng), label


def _other_value(topic: Topic, value: str, rng: random.Random) -> str:
    kind = rng.choices(("same", "near", "any"), AGREEMENT_WEIGHTS)[0]
    if kind == "same":
        return value
    near = [other for other in topic.values if topic.agreement(value, other) == 0.5]
    return rng.choice(near) if near and kind == "near" else topic.other_value(value, rng)


def _two_things(topics: Sequence[Topic], pool: Sequence[str], same: bool, rng: random.Random) -> Draft:
    topic = rng.choice(topics)
    names = rng.sample(pool, 2)
    values = rng.sample(topic.values, 2)
    said = [rng.choice(topic.verbs[value]) for value in values]
    again = [choose_other(topic.verbs[value], before, rng) for value, before in zip(values, said, strict=True)]
    first = [f"{name} {phrase}" for name, phrase in zip(names, said, strict=True)]
    second = [f"{name} {phrase}" for name, phrase in zip(names if same else reversed(names), again, strict=True)]
    rng.shuffle(second)
    return sentence(", while ".join(first)), sentence(" and ".join(second)), float(same)
