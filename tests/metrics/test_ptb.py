"""The PTB tokeniser: one line out for one line in, whatever is in it, and the same tokens in any company."""

import random

import pytest

from deltalora.errors import MetricError
from deltalora.metrics import java, ptb


def test_tokens_are_lower_cased_split_and_free_of_punctuation_but_for_brackets() -> None:
    assert ptb.tokenize(["The Eagle isn't \"cheap\" (it's £20-25); 5,000 say so!"]) == [
        "the eagle is n't cheap -lrb- it 's # 20-25 -rrb- 5,000 say so"
    ]


def test_empty_and_punctuation_only_lines_keep_their_place() -> None:
    assert ptb.tokenize(["", "one", "...", " \t ", "two", ""]) == ["", "one", "", "", "two", ""]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\u2028", "\u2029"])
def test_a_line_end_within_a_text_is_a_space(end: str) -> None:
    assert ptb.tokenize([f"one{end}two", "three"]) == ["one two", "three"]


def test_letters_beyond_ascii_survive_any_locale() -> None:
    assert ptb.tokenize(["ÉCLAIR Ünï 東京 I"]) == ["éclair ünï 東京 i"]


def test_bars_are_parted_so_that_meteors_protocol_is_safe() -> None:
    assert ptb.tokenize(["a ||| b|||c"]) == ["a | | | b | | | c"]


@pytest.mark.property
def test_tokens_do_not_depend_on_the_neighbours() -> None:
    parts = [
        "Inc.",
        "St.",
        "etc.",
        "U.S.",
        "a",
        "The",
        "<",
        ">",
        "<b",
        '"',
        "'",
        "``",
        "''",
        "--",
        "...",
        ".",
        ",",
        "?",
        "(",
        ")",
        "1/2",
        "£",
        "&",
        "&amp;",
        "Mr.",
        "i.",
        "A.",
        "pp.",
        "No.",
        "http://",
        "<!--",
    ]
    rng = random.Random(5)
    lines = sorted({" ".join(rng.choices(parts, k=rng.randint(1, 6))) for _ in range(1500)})
    first = dict(zip(lines, ptb._corenlp(lines, lines), strict=True))
    rng.shuffle(lines)
    assert dict(zip(lines, ptb._corenlp(lines, lines), strict=True)) == first


def test_the_same_references_are_tokenised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    references = [["a reference seen before", "and another"], ["a third"]]
    first = ptb.tokenize_references(references)

    def refuse(lines: list[str], names: list[str]) -> list[str]:
        raise AssertionError(lines)

    monkeypatch.setattr(ptb, "_corenlp", refuse)
    assert ptb.tokenize_references(references) == first


def test_a_text_that_comes_back_as_two_lines_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptb, "_LINE_ENDS", {})  # else no text that we know of does
    texts = [f"text {number} of a set" for number in range(6)]
    with pytest.raises(MetricError, match=r"expected one line of tokens for e2e/4, found another number"):
        ptb.tokenize([*texts[:4], "torn\napart", texts[5]], [f"e2e/{number}" for number in range(6)])
    with pytest.raises(MetricError, match=r"for a reference of e2e/1, found"):
        ptb.tokenize_references([["whole text"], ["another whole", "torn\napart"]], ["e2e/0", "e2e/1"])


def test_a_missing_jar_is_named() -> None:
    with pytest.raises(MetricError, match=r"PTB.*Unable to access jarfile none\.jar"):
        java.run_java("PTB tokenizer", ["-jar", "none.jar"], ptb._JAR.parent, "")
