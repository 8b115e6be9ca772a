"""Spaced-out punctuation as the LoRA repository's files have it, and nothing but spaces changed."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deltalora.tasks.e2e import TextForm, in_form, linearise, parse_meaning_representation

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "tasks" / "text_form.json").read_text(encoding="utf-8"))

#: Text rich in what the rule is about.
ENGLISH = st.lists(
    st.one_of(
        st.sampled_from(["isn't", "n’t", "it's", "'S", "they’re", "I'd", "é's", "café", "The", "a_b", "s", "t", "n"]),
        st.sampled_from(["'", "’", "20", "-", "£", "£25", ".", "...", ",", "30.99", " ", "  ", "\t", "1", "(", "٣"]),
    )
).map("".join)


@pytest.mark.golden
@pytest.mark.parametrize("pair", GOLDEN["pairs"], ids=lambda pair: pair["raw"][:30])
def test_a_raw_text_becomes_the_line_of_the_lora_repository(pair: dict[str, str]) -> None:
    assert in_form(pair["raw"], "tokenized") == pair["tokenized"]


@pytest.mark.golden
@pytest.mark.parametrize("pair", GOLDEN["pairs"], ids=lambda pair: pair["mr"][:30])
def test_a_meaning_representation_becomes_the_context_of_the_lora_repository(pair: dict[str, str]) -> None:
    assert in_form(linearise(parse_meaning_representation(pair["mr"])), "tokenized") == pair["context"]


@pytest.mark.golden
@pytest.mark.parametrize("slip", GOLDEN["slips"], ids=lambda slip: slip["raw"][:30])
def test_slips_of_the_originals_tokenizer_are_not_followed(slip: dict[str, str]) -> None:
    ours = in_form(slip["raw"], "tokenized")
    assert ours == slip["ours"]
    assert ours != slip["tokenized"]
    assert ours.replace(" ", "") == slip["tokenized"].replace(" ", "")


@pytest.mark.parametrize(
    ("raw", "tokenized"),
    [
        ("It's family-friendly.", "It 's family - friendly ."),
        ("It isn't; they don’t.", "It is n't ; they do n’t ."),
        ("Prices are £20-25, or 30.99...", "Prices are £ 20 - 25 , or 30.99 ..."),
        ("From £20-£25!", "From £ 20- £ 25 !"),
        ("Café Adriatic (1,000 m)", "Café Adriatic ( 1,000 m )"),
        ("", ""),
    ],
)
def test_punctuation_is_set_apart(raw: str, tokenized: str) -> None:
    assert in_form(raw, "tokenized") == tokenized


def test_the_raw_form_folds_white_space_and_nothing_else() -> None:
    assert in_form("  It isn't\t£20-25 ,\nis it? ", "raw") == "It isn't £20-25 , is it?"


@pytest.mark.property
@pytest.mark.parametrize("form", ["raw", "tokenized"])
@given(text=st.one_of(ENGLISH, st.text()))
def test_only_white_space_changes(form: TextForm, text: str) -> None:
    written = in_form(text, form)
    assert "".join(written.split()) == "".join(text.split())
    assert written == " ".join(written.split())


@pytest.mark.property
@pytest.mark.parametrize("form", ["raw", "tokenized"])
@given(text=st.one_of(ENGLISH, st.text()))
@example(text="From £20-£25, isn't it?")
def test_a_text_in_its_form_stays_as_it_is(form: TextForm, text: str) -> None:
    once = in_form(text, form)
    assert in_form(once, form) == once
