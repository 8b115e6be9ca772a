"""The ban looks at generated tokens only; without a prompt it is transformers' own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import NoRepeatNGramLogitsProcessor

from deltalora.decoding import GeneratedNGramBan

VOCABULARY = 6


def banned(size: int, prompt: list[int], generated: list[int]) -> set[int]:
    ids = torch.tensor([prompt + generated], dtype=torch.long)
    scores = GeneratedNGramBan(size, len(prompt))(ids, torch.zeros(1, VOCABULARY))
    return set(scores[0].isneginf().nonzero().flatten().tolist())


def test_a_four_gram_of_the_prompt_may_be_copied() -> None:
    prompt, copied_so_far = [1, 2, 3, 4, 5], [1, 2, 3]
    assert banned(4, prompt, copied_so_far) == set()
    theirs = NoRepeatNGramLogitsProcessor(4)(torch.tensor([prompt + copied_so_far]), torch.zeros(1, VOCABULARY))
    assert theirs[0].isneginf().nonzero().flatten().tolist() == [4]


def test_a_four_gram_across_the_end_of_the_prompt_counts_for_nothing() -> None:
    assert banned(4, [0, 1], [2, 3, 0, 1, 2]) == set()


def test_a_generated_four_gram_cannot_come_again() -> None:
    assert banned(4, [5, 5, 5], [1, 2, 3, 4, 0, 1, 2, 3]) == {4}


def test_every_continuation_seen_so_far_is_banned_at_once() -> None:
    assert banned(2, [], [1, 2, 1, 3, 1]) == {2, 3}


def test_size_one_bans_every_token_generated_so_far() -> None:
    assert banned(1, [5, 4], [1, 2, 1]) == {1, 2}


@pytest.mark.parametrize("generated", [[], [1], [1, 1], [1, 1, 1]])
def test_nothing_is_banned_before_there_is_a_whole_ngram(generated: list[int]) -> None:
    assert banned(4, [1, 1, 1, 1, 1], generated) == set()


def test_each_row_has_its_own_ban_and_the_given_scores_stay_as_they_are() -> None:
    ids = torch.tensor([[1, 2, 1], [2, 3, 2], [1, 2, 3]])
    given_scores = torch.arange(3.0 * VOCABULARY).reshape(3, VOCABULARY)
    before = given_scores.clone()
    scores = GeneratedNGramBan(2, 0)(ids, given_scores)
    assert scores.isneginf().nonzero().tolist() == [[0, 2], [1, 3]]
    assert torch.equal(given_scores, before)
    untouched = ~scores.isneginf()
    assert torch.equal(scores[untouched], before[untouched])


@pytest.mark.parity
@pytest.mark.property
@given(
    rows=st.integers(1, 12).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(0, VOCABULARY - 1), min_size=length, max_size=length), min_size=1, max_size=4
        )
    ),
    size=st.integers(1, 5),
)
def test_without_a_prompt_the_ban_is_that_of_transformers(rows: list[list[int]], size: int) -> None:
    ids = torch.tensor(rows)
    scores = torch.zeros(len(rows), VOCABULARY)
    assert torch.equal(GeneratedNGramBan(size, 0)(ids, scores), NoRepeatNGramLogitsProcessor(size)(ids, scores))


@pytest.mark.property
@given(
    prompt=st.lists(st.integers(0, VOCABULARY - 1), max_size=6),
    generated=st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12),
    size=st.integers(1, 5),
)
def test_the_prompt_has_no_say_in_the_ban(prompt: list[int], generated: list[int], size: int) -> None:
    assert banned(size, prompt, generated) == banned(size, [], generated)
