"""Beam search against one written out here in float64, and what must not change its texts."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from deltalora.config import DecodingConfig
from deltalora.decoding import beam_search

Search = Callable[..., DecodingConfig]
Prompts = list[tuple[int, ...]]


@pytest.fixture(params=["shared", "transformers"])
def search(search: Search, request: pytest.FixtureRequest) -> Search:
    """Either of the two searches that find the same tokens."""
    return lambda **changes: search(**({"search": request.param} | changes))


def log_probabilities(model: GPT2LMHeadModel, ids: Sequence[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)


def completes_a_repeat(generated: Sequence[int], token: int, size: int) -> bool:
    grams = {tuple(generated[start : start + size]) for start in range(len(generated) - size + 1)}
    return size > 0 and (*generated[len(generated) - size + 1 :], token) in grams


def naive_beam_search(model: GPT2LMHeadModel, prompt: Sequence[int], config: DecodingConfig, end: int) -> list[int]:
    """Beam search as the textbook has it: no cache, no batch, one list of live and one of finished hypotheses."""
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[tuple[float, list[int]]] = []
    for length in range(1, config.max_new_tokens + 1):
        candidates = []
        for score, generated in live:
            following = log_probabilities(model, [*prompt, *generated])
            for token, log_probability in enumerate(following.tolist()):
                if not completes_a_repeat(generated, token, config.no_repeat_ngram_size):
                    candidates.append((score + log_probability, [*generated, token]))
        candidates.sort(key=lambda candidate: -candidate[0])
        over = length == config.max_new_tokens
        for score, generated in candidates[: config.num_beams]:
            if over or generated[-1] == end:
                finished.append((score / length**config.length_penalty, generated))
        if config.early_stopping is True and len(finished) >= config.num_beams:
            break
        live = [candidate for candidate in candidates if candidate[1][-1] != end][: config.num_beams]
    return max(finished, key=lambda hypothesis: hypothesis[0])[1]


@pytest.fixture(scope="module")
def exact(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    return copy.deepcopy(model).double()


@pytest.mark.parity
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_beams": 2, "length_penalty": 1.0, "no_repeat_ngram_size": 0},
        {"num_beams": 5, "length_penalty": 0.2},
        {"num_beams": 4, "length_penalty": 2.0, "no_repeat_ngram_size": 1},
        {"num_beams": 3, "early_stopping": True},
        {"num_beams": 2, "early_stopping": True, "length_penalty": 1.5, "no_repeat_ngram_size": 3},
    ],
    ids=str,
)
def test_the_texts_are_those_of_a_search_written_out(
    model: GPT2LMHeadModel,
    exact: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
    changes: dict[str, Any],
) -> None:
    config = search(**changes)
    naive = [naive_beam_search(exact, prompt, config, tokenizer.eos_token_id) for prompt in prompts]
    expected = [" ".join(tokenizer.decode(ids, skip_special_tokens=True).split()) for ids in naive]
    assert beam_search(model, tokenizer, prompts, config) == expected


def test_the_toy_is_no_trivial_one(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    """Otherwise the parity above could hold for any search."""
    best = beam_search(model, tokenizer, prompts, search())
    assert len(set(best)) > len(prompts) // 2
    assert len({len(text) for text in best}) > 1
    assert best != beam_search(model, tokenizer, prompts, search(num_beams=1))
    assert best != beam_search(model, tokenizer, prompts, search(length_penalty=3.0))
    assert best != beam_search(model, tokenizer, prompts, search(no_repeat_ngram_size=0))


def test_one_beam_takes_the_likeliest_token_each_time(
    model: GPT2LMHeadModel,
    exact: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
) -> None:
    config = search(num_beams=1, no_repeat_ngram_size=0)
    for prompt, text in zip(prompts, beam_search(model, tokenizer, prompts, config), strict=True):
        ids = list(prompt)
        while len(ids) < len(prompt) + config.max_new_tokens:
            ids.append(int(log_probabilities(exact, ids).argmax()))
            if ids[-1] == tokenizer.eos_token_id:
                break
        assert text == " ".join(tokenizer.decode(ids[len(prompt) :], skip_special_tokens=True).split())


@pytest.mark.invariant
@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_padding_and_batch_size_change_no_text(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search, batch_size: int
) -> None:
    alone = [beam_search(model, tokenizer, [prompt], search())[0] for prompt in prompts]
    assert beam_search(model, tokenizer, prompts, search(batch_size=batch_size)) == alone


@pytest.mark.invariant
def test_texts_come_back_in_the_order_of_their_prompts(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    forward = beam_search(model, tokenizer, prompts, search(batch_size=3))
    assert beam_search(model, tokenizer, prompts[::-1], search(batch_size=3)) == forward[::-1]


def test_the_same_search_twice_gives_the_same_texts_whatever_the_global_seed(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    torch.manual_seed(1)
    first = beam_search(model, tokenizer, prompts, search())
    torch.manual_seed(2)
    assert beam_search(model, tokenizer, prompts, search()) == first


def test_nothing_is_inherited_from_the_models_own_generation_settings(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    expected = beam_search(model, tokenizer, prompts, search())
    opinionated = copy.deepcopy(model)
    settings = opinionated.generation_config
    settings.repetition_penalty, settings.no_repeat_ngram_size, settings.suppress_tokens = 5.0, 1, [0, 1, 2]
    assert beam_search(opinionated, tokenizer, prompts, search()) == expected
    assert opinionated.generation_config is settings


def test_progress_is_told_after_every_batch(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    done: list[int] = []
    beam_search(model, tokenizer, prompts, search(batch_size=3, max_new_tokens=1), done.append)
    assert done == [3, 6, 8]


def test_no_prompts_give_no_texts(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, search: Search) -> None:
    assert beam_search(model, tokenizer, [], search()) == []


@pytest.mark.invariant
def test_a_stop_of_one_token_ends_the_hypothesis_there(
    model: GPT2LMHeadModel,
    exact: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
) -> None:
    """Greedy search meets a stop where the unstopped text has it; the text ends just before it."""
    free = beam_search(model, tokenizer, prompts, search(num_beams=1))
    stop = max("abcdefghijklmnop", key=lambda letter: sum(letter in text[1:] for text in free))
    stopped = beam_search(model, tokenizer, prompts, search(num_beams=1, stop_strings=(stop,)))
    assert stopped == [text.partition(stop)[0] for text in free]
    assert stopped != free


def test_a_stop_of_one_token_is_an_end_to_the_beams_too(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    """Not cut off afterwards: a hypothesis that ends there competes with its own score and length."""
    free = beam_search(model, tokenizer, prompts, search())
    stop = max("abcdefghijklmnop", key=lambda letter: sum(letter in text[1:] for text in free))
    stopped = beam_search(model, tokenizer, prompts, search(stop_strings=(stop,)))
    assert not any(stop in text for text in stopped)
    assert stopped != [text.partition(stop)[0] for text in free]


def test_a_stop_of_several_tokens_cuts_the_text(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    free = beam_search(model, tokenizer, prompts, search())
    stop = next(text[1:4] for text in free if len(text) >= 5)
    assert beam_search(model, tokenizer, prompts, search(stop_strings=(stop,))) == [
        text.partition(stop)[0] for text in free
    ]


def test_texts_are_one_line_without_the_end_token(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    for text in beam_search(model, tokenizer, prompts, search(max_new_tokens=20)):
        assert "<end>" not in text
        assert text == " ".join(text.split())
