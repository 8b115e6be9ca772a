"""The pre-training text: determinism, variety, and its distance from the target."""

import hashlib
import random
import re
from itertools import islice

import pytest

from embedded_world import e2e_splits, linearise, pretraining_pairs, restaurants
from embedded_world.e2e import RESTAURANTS
from embedded_world.names import POOLS, draw_name, reserved_names
from embedded_world.pretraining import FOLLOWING, OPENINGS, SOURCE_DOMAINS, set_punctuation_apart
from embedded_world.realise import realise
from embedded_world.world import Domain, draw_entity, parse_domain

#: Sentences without a word of their own: no English generator can do without them.
ELEMENTARY = {"{name} is {np}{post}{rel}.", "{name} {verbs}.", "It {verbs}.", "{clause}."}

Pairs = list[tuple[tuple[tuple[str, str], ...], str]]


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return list(islice(pretraining_pairs(0), 20_000))


@pytest.mark.golden
def test_the_first_pairs_of_seed_0_are_the_same_bytes_everywhere(pairs: Pairs) -> None:
    text = "".join(f"{linearise(slots)}\t{text}\n" for slots, text in pairs[:2000])
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "13c581529d20c92cfa277926ec08eb3b1b6f40f76fc7c149038943508fb965a0"
    )


def test_seeds_give_different_text(pairs: Pairs) -> None:
    assert list(islice(pretraining_pairs(1), 50)) != pairs[:50]


def test_plain_tokenised_and_lower_cased_shares_are_as_stated(pairs: Pairs) -> None:
    plain = sum(not slots for slots, _ in pairs) / len(pairs)
    apart = sum(text.endswith((" .", " ?")) for _, text in pairs) / len(pairs)
    lower = sum(text == text.lower() for _, text in pairs) / len(pairs)
    assert plain == pytest.approx(0.10, abs=0.01)
    assert apart == pytest.approx(0.20, abs=0.01)
    assert lower == pytest.approx(0.05, abs=0.01)


def test_punctuation_is_set_apart_as_tokenised_corpora_do() -> None:
    assert set_punctuation_apart("It's child-friendly, open at 6:15.") == "It 's child - friendly , open at 6:15 ."


@pytest.mark.parametrize("domain", SOURCE_DOMAINS, ids=lambda domain: domain.name)
def test_every_source_text_says_every_closed_value_or_a_phrase_of_it(domain: Domain) -> None:
    rng = random.Random(3)
    for _ in range(200):
        entity = draw_entity(domain, rng, 2, 7)
        text = realise(entity, OPENINGS, FOLLOWING, rng).lower()
        assert entity.name.lower() in text
        for name, value in entity.slots:
            slot = domain.slot(name)
            kinds = ("noun", "mod", "post", "loc", "front", "verb", "clause")
            phrases = [phrase.lower().replace("a/an ", "") for kind in kinds for phrase in slot.phrases(value, kind)]
            assert any(phrase in re.sub(r"\ban? ", "", text) or phrase in text for phrase in phrases), (
                text,
                name,
                value,
            )


def test_restaurants_are_not_a_source_domain() -> None:
    assert RESTAURANTS.name not in [domain.name for domain in SOURCE_DOMAINS]
    assert len(SOURCE_DOMAINS) >= 8


def test_no_phrase_template_of_the_target_is_in_the_source() -> None:
    def templates(domains: tuple[Domain, ...]) -> set[str]:
        return {
            template.lower()
            for domain in domains
            for slot in domain.slots
            for (_, kind), found in slot.templates.items()
            if kind not in ("noun", "said")
            for template in found
        }

    assert templates((RESTAURANTS,)) & templates(SOURCE_DOMAINS) <= {"{v}"}


def test_no_sentence_frame_of_the_target_is_in_the_source_but_four_elementary_ones() -> None:
    target = {*restaurants.OPENINGS, *restaurants.FOLLOWING}
    assert target & {*OPENINGS, *FOLLOWING} == ELEMENTARY


def test_every_word_of_target_references_is_in_the_source_but_coined_names(pairs: Pairs) -> None:
    def words(text: str) -> list[str]:
        return re.findall(r"[^\W\d_]+|\d+", text)

    splits = e2e_splits()
    coined = {
        word for pattern_pool in ("house", "near") for name in reserved_names(pattern_pool) for word in words(name)
    }
    known = {word for slots, text in pairs for word in words(f"{linearise(slots)} {text}")}
    target = {word for part in splits.values() for entry in part for text in entry.references for word in words(text)}
    assert target - known <= coined


@pytest.mark.golden
def test_the_target_names_that_stand_in_the_source_text_are_as_many_as_the_readme_says(pairs: Pairs) -> None:
    """In 20,000 pairs, in which every name has come up that does so in the 105,600 that the shipped weights read."""

    def plain(text: str) -> str:
        return set_punctuation_apart(text).lower()

    names = {
        split: {plain(value) for entry in entries for slot, value in entry.slots if slot in ("name", "near")}
        for split, entries in e2e_splits().items()
    }
    wanted = sorted(set().union(*names.values()), key=len, reverse=True)
    pattern = re.compile(rf"\b(?=({'|'.join(map(re.escape, wanted))})\b)")
    found = {match[1] for _, text in pairs for match in pattern.finditer(plain(text))}
    assert {split: (len(part), len(part & found)) for split, part in names.items()} == {
        "train": (353, 18),
        "validation": (55, 3),
        "test": (117, 2),
    }
    coined = {plain(name) for name in reserved_names("town")}
    assert found <= coined
    assert {split: len(part & coined) for split, part in names.items()} == {"train": 30, "validation": 5, "test": 6}


def test_names_that_are_kept_back_are_never_drawn_as_a_whole() -> None:
    rng = random.Random(0)
    for pool in POOLS:
        kept = set(reserved_names(pool))
        assert kept
        assert not any(draw_name(pool, rng) in kept for _ in range(2000))


def test_a_domain_with_a_value_nobody_can_say_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a verb phrase for every value, found none"):
        parse_domain("domain cave: place\nname = house\ndepth = deep | flat\ndepth [deep] verb: is deep")


def test_a_domain_with_an_unknown_kind_of_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="kind one of"):
        parse_domain("domain cave: place\nname = house\ndepth = deep\ndepth adverb: deeply")
