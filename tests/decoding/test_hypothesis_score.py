"""What the authors' search says of its best hypothesis, computed again from the model's own probabilities."""

import copy
from collections.abc import Callable

import pytest
import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from deltalora.config import DecodingConfig
from deltalora.decoding import Hypothesis, best_hypotheses

Search = Callable[..., DecodingConfig]
Prompts = list[tuple[int, ...]]


def sum_of_log_probabilities(model: GPT2LMHeadModel, prompt: tuple[int, ...], generated: tuple[int, ...]) -> float:
    ids = torch.tensor([[*prompt, *generated]])
    with torch.no_grad():
        log_p = model(ids).logits[0].log_softmax(-1)
    places = range(len(prompt) - 1, ids.shape[1] - 1)
    return float(sum(log_p[place, ids[0, place + 1]] for place in places))


@pytest.fixture(scope="module")
def exact(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    return copy.deepcopy(model).double()


@pytest.mark.parametrize("length_penalty", [0.0, 0.5, 0.8])
def test_a_score_is_the_sum_of_log_probabilities_by_the_length_with_the_end_counted(
    exact: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search, length_penalty: float
) -> None:
    end = tokenizer.eos_token_id
    config = search(search="lora_reference", length_penalty=length_penalty, no_repeat_ngram_size=0)
    found: list[Hypothesis] = [best_hypotheses(exact, [prompt], config, [end], end)[0] for prompt in prompts]
    for prompt, hypothesis in zip(prompts, found, strict=True):
        total = sum_of_log_probabilities(exact, prompt, hypothesis.ids)
        assert hypothesis.score == pytest.approx(total / len(hypothesis.ids) ** length_penalty, rel=1e-9)
        assert end not in hypothesis.ids[:-1]
    ended = [hypothesis.ids[-1] == end for hypothesis in found]
    assert any(ended), "no hypothesis ends, so that its end is not put to the test"
    assert len({len(hypothesis.ids) for hypothesis in found}) > 1
