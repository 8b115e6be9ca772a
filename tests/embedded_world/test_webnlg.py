"""The triples sets: sizes, held-out names and categories, chains, and what every reference says."""

import hashlib
import json
import re
from collections import Counter
from itertools import combinations

import pytest
from tokenizers import Tokenizer

from deltalora.models.embedded import embedded_model_dir
from embedded_world.categories import parse_category
from embedded_world.held_out import SPLITS
from embedded_world.names import reserved_names
from embedded_world.webnlg import NAME_POOLS, WebNLGEntry, webnlg_splits
from embedded_world.webnlg_phrases import LINKED, SEEN, UNSEEN

Splits = dict[str, list[WebNLGEntry]]
CATEGORIES = {category.name: category for category in (*SEEN, *UNSEEN)}


@pytest.fixture(scope="module")
def splits() -> Splits:
    return webnlg_splits()


def entries_of(splits: Splits) -> list[WebNLGEntry]:
    return [entry for part in splits.values() for entry in part]


def digest(splits: Splits) -> str:
    rows = [
        [entry.id, entry.category, entry.triples, entry.references, entry.seen]
        for split in SPLITS
        for entry in splits[split]
    ]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


def proper_names(entries: list[WebNLGEntry]) -> set[str]:
    """Subjects, and objects of properties whose values are names."""
    known = (*CATEGORIES.values(), *LINKED.values())
    pools = {prop.name for category in known for prop in category.properties if prop.pool}
    closed = {prop.name for category in known for prop in category.properties if not prop.pool}
    assert not pools & closed
    return {
        name
        for entry in entries
        for subject, prop, value in entry.triples
        for name in (subject, value if prop in pools else subject)
    }


@pytest.mark.golden
def test_the_splits_of_seed_0_are_the_same_bytes_everywhere(splits: Splits) -> None:
    assert digest(splits) == "ce0221d525c817ce4e597c3425188fdad85aace7765209e0a9eaf0b8d0fe52c7"


def test_another_seed_gives_other_splits_and_the_same_seed_the_same() -> None:
    small = {"train_entries": 20, "validation_entries": 5, "test_entries": 10}
    assert digest(webnlg_splits(1, **small)) == digest(webnlg_splits(1, **small))
    assert digest(webnlg_splits(1, **small)) != digest(webnlg_splits(2, **small))


def test_sizes_references_and_triples_are_as_stated(splits: Splits) -> None:
    assert {split: len(part) for split, part in splits.items()} == {"train": 900, "validation": 120, "test": 200}
    assert 2200 < sum(len(entry.references) for entry in splits["train"]) < 2400
    for part in splits.values():
        assert sorted({len(entry.triples) for entry in part}) == [1, 2, 3, 4, 5]
        assert sorted({len(entry.references) for entry in part}) == [1, 2, 3, 4]


def test_ids_and_inputs_are_unique_and_references_of_an_entry_differ(splits: Splits) -> None:
    entries = entries_of(splits)
    assert len({entry.id for entry in entries}) == len(entries)
    assert len({entry.triples for entry in entries}) == len(entries)
    assert all(len(set(entry.references)) == len(entry.references) for entry in entries)


def test_unseen_categories_are_in_test_alone_and_are_48_of_100_there(splits: Splits) -> None:
    seen, unseen = ({category.name for category in part} for part in (SEEN, UNSEEN))
    assert {entry.category for split in ("train", "validation") for entry in splits[split]} == seen
    assert {entry.category for entry in splits["test"]} == seen | unseen
    assert all(entry.seen == (entry.category in seen) for entry in entries_of(splits))
    assert Counter(entry.seen for entry in splits["test"]) == {True: 104, False: 96}


@pytest.mark.parametrize(("one", "other"), list(combinations(SPLITS, 2)))
def test_no_proper_name_or_text_is_in_two_splits(splits: Splits, one: str, other: str) -> None:
    assert not proper_names(splits[one]) & proper_names(splits[other])
    texts = [{text for entry in splits[split] for text in entry.references} for split in (one, other)]
    assert not texts[0] & texts[1]


def test_all_proper_names_are_kept_back_from_the_source(splits: Splits) -> None:
    kept = {name.replace(" ", "_") for pool in NAME_POOLS for name in reserved_names(pool)}
    assert proper_names(entries_of(splits)) <= kept


def test_a_third_of_the_entries_chain_the_object_of_one_triple_to_the_subject_of_another(splits: Splits) -> None:
    for part in splits.values():
        chained = [
            entry for entry in part if {value for _, _, value in entry.triples} & {name for name, _, _ in entry.triples}
        ]
        assert 0.25 < len(chained) / len(part) < 0.45
    deep = [
        entry
        for entry in splits["train"]
        if any(
            first[2] == second[0] and second[2] == third[0]
            for first in entry.triples
            for second in entry.triples
            for third in entry.triples
        )
    ]
    assert deep


def test_the_triples_of_an_entry_hang_together(splits: Splits) -> None:
    for entry in entries_of(splits):
        values = [value for _, _, value in entry.triples]
        roots = {name for name, _, _ in entry.triples if name not in values}
        assert len(roots) == 1
        assert len(set(entry.triples)) == len(entry.triples)


def test_subjects_and_objects_have_underscores_and_properties_are_camel_case(splits: Splits) -> None:
    for entry in entries_of(splits):
        for subject, prop, value in entry.triples:
            assert " " not in subject + prop + value
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", prop)


def test_every_reference_says_every_triple(splits: Splits) -> None:
    """The words of subject and object stand there, and so do those of a phrase of the property."""
    known = {**CATEGORIES, **{category.name: category for category in LINKED.values()}}
    phrases: dict[str, list[list[str]]] = {}
    for category in known.values():
        for prop in category.properties:
            for found in prop.phrases.values():
                phrases.setdefault(prop.name, []).extend(re.split(r"\{[so]\}", phrase) for phrase in found)
    for entry in entries_of(splits):
        for text in (reference.lower() for reference in entry.references):
            for subject, prop, value in entry.triples:
                assert subject.replace("_", " ").lower() in text, (entry.id, text)
                assert value.replace("_", " ").lower() in text, (entry.id, text)
                assert any(all(part.strip().lower() in text for part in parts) for parts in phrases[prop]), (prop, text)


def test_references_are_clean_sentences(splits: Splits) -> None:
    for entry in entries_of(splits):
        for text in entry.references:
            assert text[-1] == "."
            assert text == " ".join(text.split())
            assert text[0] == text[0].upper()
            assert not re.search(r"[{}_|@]| ,|,,|\. [a-z]|\ba [aeiou]\w|\.\.", text), text


def test_linearised_triples_and_text_fit_the_positions_and_the_room_for_new_tokens(splits: Splits) -> None:
    tokenizer = Tokenizer.from_file(str(embedded_model_dir("gpt2") / "tokenizer.json"))
    lengths = []
    for entry in entries_of(splits):
        context = len(tokenizer.encode(" | ".join(" : ".join(triple) for triple in entry.triples)).ids)
        for text in entry.references:
            lengths.append(len(tokenizer.encode(f" {text}").ids))
            assert context + lengths[-1] + 2 < 200
    assert max(lengths) < 80
    assert sum(length > 60 for length in lengths) < 0.02 * len(lengths)


def test_a_category_whose_property_has_no_verb_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a verb for every property, found none for Cave/depth"):
        parse_category("category Cave: cave\nname = place\ndepth = 5 | 9\ndepth of: {s} is {o} deep")


def test_a_line_with_an_unknown_kind_of_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="kind one of"):
        parse_category("category Cave: cave\nname = place\ndepth = 5 | 9\ndepth adverb: deeply {o}")
