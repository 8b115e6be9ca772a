"""The summaries sets and the unsupervised articles: what is held out, and what a summary can be read from."""

import hashlib
import json
import re
from itertools import combinations, islice

import pytest
from tokenizers import Tokenizer

from deltalora.metrics import score_summaries
from deltalora.models.embedded import embedded_model_dir
from embedded_world.articles import SITE, fill_sites, source_articles
from embedded_world.held_out import SPLITS
from embedded_world.names import reserved_names
from embedded_world.news import KINDS, THINGS, Kind, parse_kind
from embedded_world.xsum import CLAUSES, NAME_POOLS, SUMMARIES, XSumEntry, xsum_splits

Splits = dict[str, list[XSumEntry]]
KEPT_NAMES = frozenset(name for pool in NAME_POOLS for name in reserved_names(pool))
LONGEST_NAME = max(len(name.split()) for name in KEPT_NAMES)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return xsum_splits()


@pytest.fixture(scope="module")
def articles() -> list[str]:
    return list(islice(source_articles(0), 3000))


def entries_of(splits: Splits) -> list[XSumEntry]:
    return [entry for part in splits.values() for entry in part]


def digest(splits: Splits) -> str:
    rows = [[entry.id, entry.document, entry.summary] for split in SPLITS for entry in splits[split]]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", text)


def sentences(document: str) -> list[str]:
    return [found.strip() for found in re.findall(r'.+?[.?!]"?(?= |$)', document)]


def kept_names(text: str) -> set[str]:
    """Names kept back from the source that stand in a text, also as a part of longer ones."""
    parts = [part.strip('".,:?!') for part in text.split()]
    return {
        name
        for start in range(len(parts))
        for size in range(1, LONGEST_NAME + 1)
        if (name := " ".join(parts[start : start + size])) in KEPT_NAMES
    }


def pattern_of(wording: str) -> re.Pattern[str]:
    """A pattern of a wording's own words, with anything in its sites."""
    return re.compile("(.+)".join(map(re.escape, SITE.sub("\0", wording).split("\0"))), re.IGNORECASE)


@pytest.mark.golden
def test_the_splits_of_seed_0_are_the_same_bytes_everywhere(splits: Splits) -> None:
    assert digest(splits) == "fb5e18f7f8c7c096098adda7ce30734d5fe52ae0939ac8d4821c0bb4c69db0a1"


@pytest.mark.golden
def test_the_first_articles_of_seed_0_are_the_same_bytes_everywhere(articles: list[str]) -> None:
    text = "\n".join(articles[:1000])
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "405b8ebcbe4fa7bce147b801c8d67407c7dd8a6019bf29903e6bdbc57e7afa0b"
    )


def test_another_seed_gives_other_splits_and_the_same_seed_the_same() -> None:
    small = {"train_entries": 20, "validation_entries": 5, "test_entries": 5}
    assert digest(xsum_splits(1, **small)) == digest(xsum_splits(1, **small))
    assert digest(xsum_splits(1, **small)) != digest(xsum_splits(2, **small))
    assert list(islice(source_articles(1), 5)) != list(islice(source_articles(2), 5))


def test_sizes_are_as_stated_and_ids_documents_and_summaries_unique(splits: Splits) -> None:
    assert {split: len(part) for split, part in splits.items()} == {"train": 1200, "validation": 120, "test": 200}
    entries = entries_of(splits)
    for field in ("id", "document", "summary"):
        assert len({getattr(entry, field) for entry in entries}) == len(entries)


def test_documents_have_five_to_nine_sentences_and_summaries_one(splits: Splits) -> None:
    tokenizer = Tokenizer.from_file(str(embedded_model_dir("gpt2") / "tokenizer.json"))
    for entry in entries_of(splits):
        assert 5 <= len(sentences(entry.document)) <= 9
        assert len(tokenizer.encode(entry.document).ids) < 200
        assert sentences(entry.summary) == [entry.summary]
        assert 12 <= len(entry.summary.split()) <= 27
        assert len(tokenizer.encode(f" {entry.summary}").ids) < 60


def test_documents_and_summaries_are_clean_text(splits: Splits, articles: list[str]) -> None:
    for text in [*articles, *(text for entry in entries_of(splits) for text in (entry.document, entry.summary))]:
        assert text == " ".join(text.split())
        assert not re.search(r"[{}|\\]| [,.]|,,|,\.|\.\.|\. [a-z]|\ba [aeio]\w", text), text


def test_every_name_number_and_thing_of_a_summary_is_told_by_its_document(splits: Splits) -> None:
    for entry in entries_of(splits):
        document = words(entry.document)
        facts = [word for word in words(entry.summary)[1:] if word[0].isupper() or word[0].isdigit()]
        assert len(facts) >= 2
        assert all(word in document for word in facts), entry
        noun = next(noun for noun in sorted(THINGS, key=len, reverse=True) if noun in f"{entry.summary} team")
        assert noun in entry.document or noun == "team", entry


@pytest.mark.parametrize(("one", "other"), list(combinations(SPLITS, 2)))
def test_no_proper_name_is_in_two_splits(splits: Splits, one: str, other: str) -> None:
    parts = [
        {name for entry in splits[split] for name in kept_names(f"{entry.document} {entry.summary}")}
        for split in (one, other)
    ]
    assert all(parts)
    assert not parts[0] & parts[1]


def test_no_name_of_the_splits_is_in_an_unsupervised_article(splits: Splits, articles: list[str]) -> None:
    names = {name for entry in entries_of(splits) for name in kept_names(entry.document)}
    assert len(names) > 800
    for text in articles:
        assert not names & kept_names(text), text


def test_a_summary_fills_one_of_its_sentences_and_no_document_or_article_has_a_stretch_of_one(
    splits: Splits, articles: list[str]
) -> None:
    summaries = [text for pair in SUMMARIES.values() for text in pair]
    parts = [part for text in summaries for part in SITE.sub("\0", text).split("\0") if len(words(part)) >= 3]
    assert len(parts) >= 20
    for entry in entries_of(splits):
        assert any(pattern_of(text).fullmatch(entry.summary) for text in summaries)
    for text in (*articles, *(entry.document for entry in entries_of(splits))):
        assert not any(part in text for part in parts), text


def test_the_words_of_summaries_are_words_of_documents_and_articles(splits: Splits, articles: list[str]) -> None:
    told = {word for entry in splits["train"] for word in words(entry.document)}
    read = {word for text in articles for word in words(text)}
    for text in (*CLAUSES.values(), *(text for pair in SUMMARIES.values() for text in pair)):
        for word in words(SITE.sub(" ", text)):
            assert word in told, word
            assert word in read, word


def test_every_kind_and_cause_has_its_summary_and_nothing_else_has() -> None:
    assert list(SUMMARIES) == [kind.name for kind in KINDS]
    assert list(CLAUSES) == [(kind.name, cause) for kind in KINDS for cause in kind.causes]
    for kind in KINDS:
        known = {*kind.values, "S", "thing", "town", "person", "day", "why"}
        for text in SUMMARIES[kind.name]:
            assert "{why}" in text
            assert set(SITE.findall(text)) <= known


def test_the_event_stands_first_in_about_a_third_of_the_documents(splits: Splits) -> None:
    def tells(kind: Kind, sentence: str) -> bool:
        return any(pattern_of(text).fullmatch(sentence) for text in kind.lines["event"])

    first = sum(
        any(tells(kind, sentences(entry.document)[0].removesuffix(".")) for kind in KINDS) for entry in splits["train"]
    )
    assert 0.3 < first / len(splits["train"]) < 0.45


def test_the_first_sentence_is_no_summary_and_not_even_the_best_one_is(splits: Splits) -> None:
    def rouge(texts: list[str]) -> list[float]:
        scores = score_summaries(texts, [[entry.summary] for entry in splits["test"]])
        return [scores[name].value for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L")]

    lead = rouge([sentences(entry.document)[0] for entry in splits["test"]])
    best = rouge(
        [
            max(sentences(entry.document), key=lambda text, e=entry: len({*words(text)} & {*words(e.summary)}))
            for entry in splits["test"]
        ]
    )
    assert lead[0] < 0.28
    assert best[0] < 0.42
    assert lead[1] < best[1] < 0.20


def test_an_unfilled_site_is_an_error_and_a_filled_one_its_value() -> None:
    assert fill_sites("{S} won {score}", {"S": "Golden Yard", "score": "2-1"}) == "Golden Yard won 2-1"
    with pytest.raises(KeyError):
        fill_sites("{S} won {score}", {"S": "Golden Yard"})


def test_a_kind_of_event_without_a_cause_is_refused() -> None:
    with pytest.raises(ValueError, match="found no cause in kind 'flood'"):
        parse_kind("kind flood: hotel\nevent: {S} is wet\nquote: help\nbefore: {O} was wet")


def test_a_line_that_is_none_of_the_known_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a value, event, detail, cause, quote or before"):
        parse_kind("kind flood: hotel\nweather: it rains")
