"""Both searches are transformers' `generate`: prompts of unequal lengths at once against one by one, id for id."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest
import torch
import transformers
from transformers import (
    BartForConditionalGeneration,
    GenerationConfig,
    GPT2LMHeadModel,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from deltalora.config import DecodingConfig
from deltalora.config.schema import SearchName
from deltalora.decoding.beam import SEARCHES
from fidelity import Fidelity
from tiny_models import bart_config, gpt2_config, llama_config

Search = Callable[..., DecodingConfig]
Ids = list[list[int]]

ORACLE = f"transformers {transformers.__version__} generate"
START, PAD, END = 0, 1, 2
VOCABULARY = 19

SETTINGS = [
    {"num_beams": beams, "length_penalty": penalty, "early_stopping": early}
    for beams, penalty, early in product((1, 2, 5, 10), (0.8, 2.0), (False, True, "never"))
    if beams > 1 or (penalty, early) == (0.8, "never")  # one beam is greedy: neither has a say
]


def one_by_one(
    model: GPT2LMHeadModel | BartForConditionalGeneration, prompts: Ids, config: DecodingConfig, **more: Any
) -> Ids:
    """`generate` as anyone would call it on a single prompt: nothing padded, no processor of ours."""
    rows = []
    before = 1 if model.config.is_encoder_decoder else None
    for prompt in prompts:
        ids = torch.tensor([prompt])
        output = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            num_beams=config.num_beams,
            length_penalty=config.length_penalty,
            early_stopping=config.early_stopping,
            max_new_tokens=config.max_new_tokens,
            do_sample=False,
            **more,
        )
        rows.append(output[0, before or len(prompt) :].tolist())
    return rows


def filled(rows: Ids, length: int, stops: Sequence[int]) -> Ids:
    """Cut behind the first stop, then of one length: what follows an end is padding on either side."""
    cut = [row[: next((place + 1 for place, token in enumerate(row) if token in stops), len(row))] for row in rows]
    return [[*row, *[-1] * (length - len(row))] for row in cut]


@pytest.fixture(scope="module")
def bart() -> BartForConditionalGeneration:
    torch.manual_seed(5)
    network = BartForConditionalGeneration(bart_config(vocab_size=VOCABULARY, init_std=0.6)).eval()
    network.final_logits_bias[0, END] = 3.0  # else every hypothesis is as long as may be
    network.generation_config = GenerationConfig()  # a BART's own forces the last token
    return network


@pytest.fixture(scope="module")
def sources() -> Ids:
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randint(3, VOCABULARY, (n,), generator=generator).tolist() for n in (5, 1, 9, 2, 7, 3, 3, 8)]
    return [[START, *ids, END] for ids in drawn]


@pytest.mark.parity
@pytest.mark.parametrize("name", ["shared", "transformers"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_gpt2_without_a_ban(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: list[tuple[int, ...]],
    search: Search,
    fidelity: Fidelity,
    name: SearchName,
    settings: dict[str, Any],
) -> None:
    """Two ends, as on E2E."""
    config = search(no_repeat_ngram_size=0, max_new_tokens=12, **settings)
    stops = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("ĊĊ")]
    given = [list(prompt) for prompt in prompts]
    ours = SEARCHES[name](model, given, config, stops, stops[0])
    theirs = one_by_one(model, given, config, eos_token_id=stops, pad_token_id=stops[0])
    rows = [filled(side, 12, stops) for side in (ours, theirs)]
    fidelity.close(f"{name} search", ORACLE, "token ids, GPT-2, no ban", *rows, tolerance=0)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["shared", "transformers"])
@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_gpt2_with_a_ban_where_the_prompt_holds_no_ngram(
    tokenizer: PreTrainedTokenizerFast, search: Search, fidelity: Fidelity, name: SearchName, seed: int, size: int
) -> None:
    """Of a prompt that is the end token alone, transformers' own ban has nothing to forbid: both bans are one."""
    torch.manual_seed(seed)
    network = GPT2LMHeadModel(gpt2_config(vocab_size=len(tokenizer), initializer_range=0.6)).eval()
    config = search(num_beams=4, no_repeat_ngram_size=size, max_new_tokens=20)
    end = tokenizer.eos_token_id
    ours = SEARCHES[name](network, [[end]], config, [end], end)
    more = {"eos_token_id": [end], "pad_token_id": end}
    theirs = one_by_one(network, [[end]], config, no_repeat_ngram_size=size, **more)
    rows = [filled(side, 20, [end]) for side in (ours, theirs)]
    fidelity.close(f"{name} search", ORACLE, "token ids, GPT-2, ban without a prompt", *rows, tolerance=0)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["shared", "transformers"])
@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_bart_with_and_without_a_ban(
    bart: BartForConditionalGeneration,
    sources: Ids,
    search: Search,
    fidelity: Fidelity,
    name: SearchName,
    settings: dict[str, Any],
    size: int,
) -> None:
    """A decoder sees no prompt, so transformers' own ban is ours but for the start token, which never comes again."""
    config = search(no_repeat_ngram_size=size, max_new_tokens=12, **settings)
    ours = SEARCHES[name](bart, sources, config, [END], PAD)
    tokens = {"eos_token_id": END, "pad_token_id": PAD, "decoder_start_token_id": bart.config.decoder_start_token_id}
    theirs = one_by_one(bart, sources, config, no_repeat_ngram_size=size, **tokens)
    rows = [filled(side, 12, [END]) for side in (ours, theirs)]
    fidelity.close(f"{name} search", ORACLE, "token ids, BART, with and without ban", *rows, tolerance=0)


@pytest.mark.parity
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_llama_with_shared_keys(prompts: list[tuple[int, ...]], search: Search, settings: dict[str, Any]) -> None:
    """Rotary positions, and two query heads to a key: nothing of the reader is GPT-2's own."""
    torch.manual_seed(7)
    network = LlamaForCausalLM(llama_config(vocab_size=VOCABULARY, num_key_value_heads=1, initializer_range=0.4)).eval()
    config, given = search(no_repeat_ngram_size=0, max_new_tokens=12, **settings), [list(prompt) for prompt in prompts]
    ours = SEARCHES["shared"](network, given, config, [END], END)
    theirs = one_by_one(network, given, config, eos_token_id=END, pad_token_id=END)
    assert filled(ours, 12, [END]) == filled(theirs, 12, [END])


@pytest.mark.parametrize("name", ["shared", "transformers"])
def test_the_settings_have_a_say(
    model: GPT2LMHeadModel,
    bart: BartForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    prompts: list[tuple[int, ...]],
    sources: Ids,
    name: SearchName,
    search: Search,
) -> None:
    """Otherwise the parity above could hold with any of them ignored."""
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("ĊĊ")]
    for network, given, stops in ((model, prompts, ends), (bart, sources, [END])):
        base = {"num_beams": 2, "no_repeat_ngram_size": 0, "max_new_tokens": 12, "length_penalty": 2.0}
        plain, *others = (
            filled(SEARCHES[name](network, given, search(**(base | changes)), stops, stops[0]), 12, stops)
            for changes in ({}, {"num_beams": 1}, {"length_penalty": 0.2}, {"early_stopping": True})
        )
        assert all(rows != plain for rows in others), type(network).__name__
        ended = [-1 in row for rows in (plain, *others) for row in rows]
        assert any(ended)
        assert not all(ended)
