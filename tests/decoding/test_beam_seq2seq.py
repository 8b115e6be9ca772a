"""The search on an encoder-decoder model: against one written out here, and deaf to what its configuration says."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import BartForConditionalGeneration, PreTrainedTokenizerFast

from deltalora.config import DecodingConfig
from deltalora.decoding import beam_search
from tiny_models import bart_config

Search = Callable[..., DecodingConfig]
Prompts = list[tuple[int, ...]]


@pytest.fixture(params=["shared", "transformers"])
def search(search: Search, request: pytest.FixtureRequest) -> Search:
    """Either of the two searches that find the same tokens."""
    return lambda **changes: search(**({"search": request.param} | changes))


LETTERS = "abcdefghijklmnop"
START, PAD, END = 0, 1, 2

#: What hub configurations of BART have been seen to say, and worse.
HOSTILE: dict[str, Any] = {
    "num_beams": 4,
    "no_repeat_ngram_size": 1,
    "encoder_no_repeat_ngram_size": 1,
    "early_stopping": True,
    "length_penalty": 3.0,
    "repetition_penalty": 5.0,
    "min_length": 8,
    "max_length": 5,
    "forced_bos_token_id": 5,
    "forced_eos_token_id": END,
    "decoder_start_token_id": 7,
    "suppress_tokens": [4, 5, 6],
    "bad_words_ids": [[8]],
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """BART's special tokens in BART's places, then one token a letter."""
    vocabulary = {token: place for place, token in enumerate(["<s>", "<pad>", "</s>", *LETTERS])}
    plain = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> BartForConditionalGeneration:
    """Weights wide enough that the next token depends on the source, on the prefix and on its position."""
    torch.manual_seed(4)
    config = bart_config(vocab_size=len(tokenizer), init_std=0.6)
    network = BartForConditionalGeneration(config).eval()
    network.final_logits_bias[0, END] = 3.0  # else every hypothesis is as long as may be
    return network


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    """Sources of lengths 3 to 11 between their special tokens, in no order of length."""
    generator = torch.Generator().manual_seed(0)
    lengths = [5, 1, 9, 2, 7, 3, 3, 8]
    drawn = [torch.randint(3, 3 + len(LETTERS), (length,), generator=generator).tolist() for length in lengths]
    return [(START, *ids, END) for ids in drawn]


def log_probabilities(
    model: BartForConditionalGeneration, source: Sequence[int], generated: Sequence[int]
) -> torch.Tensor:
    with torch.no_grad():
        decoded = model(torch.tensor([source]), decoder_input_ids=torch.tensor([[END, *generated]]))
    return decoded.logits[0, -1].log_softmax(-1)


def completes_a_repeat(generated: Sequence[int], token: int, size: int) -> bool:
    grams = {tuple(generated[start : start + size]) for start in range(len(generated) - size + 1)}
    return size > 0 and (*generated[len(generated) - size + 1 :], token) in grams


def naive_beam_search(model: BartForConditionalGeneration, source: Sequence[int], config: DecodingConfig) -> list[int]:
    """No cache, no batch, no padding; the decoder's start token takes no part in scores, lengths and the ban."""
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[tuple[float, list[int]]] = []
    for length in range(1, config.max_new_tokens + 1):
        candidates = [
            (score + log_probability, [*generated, token])
            for score, generated in live
            for token, log_probability in enumerate(log_probabilities(model, source, generated).tolist())
            if not completes_a_repeat(generated, token, config.no_repeat_ngram_size)
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        over = length == config.max_new_tokens
        for score, generated in candidates[: config.num_beams]:
            if over or generated[-1] == END:
                finished.append((score / length**config.length_penalty, generated))
        if config.num_beams == 1 and finished:  # one beam is greedy: it ends at the first end token
            break
        live = [candidate for candidate in candidates if candidate[1][-1] != END][: config.num_beams]
    return max(finished, key=lambda hypothesis: hypothesis[0])[1]


def text_of(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int]) -> str:
    return "".join(tokenizer.convert_ids_to_tokens([token for token in ids if token > END]))


@pytest.mark.parity
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_beams": 1},
        {"num_beams": 1, "no_repeat_ngram_size": 0},
        {"num_beams": 2, "length_penalty": 1.0, "no_repeat_ngram_size": 0},
        {"num_beams": 5, "length_penalty": 0.2},
        {"num_beams": 4, "length_penalty": 1.0, "no_repeat_ngram_size": 4, "max_new_tokens": 12},
    ],
    ids=str,
)
def test_the_texts_are_those_of_a_search_written_out(
    model: BartForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
    changes: dict[str, Any],
) -> None:
    config = search(**changes)
    exact = copy.deepcopy(model).double()
    naive = [text_of(tokenizer, naive_beam_search(exact, prompt, config)) for prompt in prompts]
    assert beam_search(model, tokenizer, prompts, config) == naive


def test_the_toy_is_no_trivial_one(
    model: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    """Otherwise the parity above could hold for any search."""
    best = beam_search(model, tokenizer, prompts, search())
    assert len(set(best)) > len(prompts) // 2
    assert len({len(text) for text in best}) > 1
    for other in ({"num_beams": 1}, {"length_penalty": 3.0}, {"no_repeat_ngram_size": 0}):
        assert best != beam_search(model, tokenizer, prompts, search(**other)), other


@pytest.mark.invariant
@pytest.mark.parametrize("place", ["generation_config", "config"])
@pytest.mark.parametrize("changes", [{}, {"num_beams": 1, "no_repeat_ngram_size": 0}], ids=str)
def test_a_hub_configurations_own_defaults_cannot_leak_in(
    model: BartForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
    place: str,
    changes: dict[str, Any],
) -> None:
    expected = beam_search(model, tokenizer, prompts, search(**changes))
    hostile = copy.deepcopy(model)
    settings = getattr(hostile, place)
    for key, value in HOSTILE.items():
        if place == "generation_config" or key != "decoder_start_token_id":  # there it belongs to the network
            setattr(settings, key, value)
    assert beam_search(hostile, tokenizer, prompts, search(**changes)) == expected
    assert getattr(hostile, place) is settings
    assert all(getattr(settings, key) == value for key, value in HOSTILE.items() if key != "decoder_start_token_id")


def test_hostile_defaults_would_change_the_texts(
    model: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    """Otherwise they could leak in unseen."""
    hostile = copy.deepcopy(model)
    for key in ("no_repeat_ngram_size", "repetition_penalty", "min_length", "forced_bos_token_id"):
        setattr(hostile.generation_config, key, HOSTILE[key])
    output = hostile.generate(torch.tensor([prompts[0]]), max_new_tokens=10, num_beams=3)
    assert text_of(tokenizer, output[0].tolist()) != beam_search(model, tokenizer, prompts[:1], search())[0]


@pytest.mark.invariant
@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_padding_and_batch_size_change_no_text(
    model: BartForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
    batch_size: int,
) -> None:
    alone = [beam_search(model, tokenizer, [prompt], search())[0] for prompt in prompts]
    assert beam_search(model, tokenizer, prompts, search(batch_size=batch_size)) == alone
    backwards = beam_search(model, tokenizer, prompts[::-1], search(batch_size=batch_size))
    assert backwards == alone[::-1]


def test_the_decoder_starts_where_the_models_configuration_says(
    model: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    other = copy.deepcopy(model)
    other.config.decoder_start_token_id = START
    assert beam_search(other, tokenizer, prompts, search()) != beam_search(model, tokenizer, prompts, search())


def test_special_tokens_are_in_no_text(
    model: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    """BART is trained to write `<s>` first."""
    first = copy.deepcopy(model)
    first.final_logits_bias[0, START] = 4.0
    greedy = search(num_beams=1)
    assert any(START in naive_beam_search(first, prompt, greedy) for prompt in prompts)
    texts = beam_search(first, tokenizer, prompts, greedy)
    assert all(set(text) <= set(LETTERS) for text in texts)
    assert texts == [text_of(tokenizer, naive_beam_search(first, prompt, greedy)) for prompt in prompts]


def test_attention_is_plain_within_a_search_and_as_before_after_it(
    model: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    seen = set()
    watched = copy.deepcopy(model)
    watched.set_attn_implementation("sdpa")
    attentions = [watched.model.encoder.layers[0].self_attn, watched.model.decoder.layers[0].encoder_attn]
    for attention in attentions:
        attention.register_forward_hook(lambda module, *_: seen.add(module.config._attn_implementation))
    texts = beam_search(watched, tokenizer, prompts, search())
    assert seen in ({"eager"}, {"deltalora_shared_prompts"})
    assert {attention.config._attn_implementation for attention in attentions} == {"sdpa"}
    watched.set_attn_implementation("eager")
    assert beam_search(watched, tokenizer, prompts, search()) == texts
