"""The authors' search against one written out here: no batch, no cache, no tensors, float64."""

import copy
import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from transformers import BartForConditionalGeneration, GPT2LMHeadModel, PreTrainedTokenizerFast

from deltalora.config import DecodingConfig, RunConfig, run_config
from deltalora.decoding import Hypothesis, beam_search, best_hypotheses
from deltalora.decoding.transformers_search import transformers_search
from deltalora.errors import ConfigError, ModelError
from fidelity import Fidelity
from tiny_models import bart_config, gpt2_config
from transition_model import Chain

Search = Callable[..., DecodingConfig]
Prompts = list[tuple[int, ...]]
NextLogits = Callable[[Sequence[int]], list[float]]


def would_repeat(generated: Sequence[int], token: int, size: int) -> bool:
    grams = [tuple(generated[start : start + size]) for start in range(len(generated) - size + 1)]
    return size > 0 and (*generated[len(generated) - size + 1 :], token) in grams


def written_out(next_logits: NextLogits, config: DecodingConfig, stops: Sequence[int]) -> Hypothesis:
    """One prompt: what is kept at a step either ends and is judged there, or lives on."""
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    best = Hypothesis((), -math.inf)
    for length in range(1, config.max_new_tokens + 1):
        candidates = []
        for so_far, generated in live:
            logits = next_logits(generated)
            allowed = [
                token for token in range(len(logits)) if not would_repeat(generated, token, config.no_repeat_ngram_size)
            ]
            highest = max(logits[token] for token in allowed)
            total = sum(math.exp(logits[token] - highest) for token in allowed)
            for token in allowed:
                log_probability = logits[token] - highest - math.log(total)
                candidates.append((so_far + log_probability, [*generated, token]))
        kept = sorted(candidates, key=lambda candidate: -candidate[0])[: config.num_beams]
        live = [(so_far, generated) for so_far, generated in kept if generated[-1] not in stops]
        last = length == config.max_new_tokens
        for so_far, generated in kept:
            score = so_far / length**config.length_penalty
            if (last or generated[-1] in stops) and score > best.score:
                best = Hypothesis(tuple(generated), score)
        if not live:
            break
    return best


def logits_after(model: GPT2LMHeadModel, prompt: Sequence[int]) -> NextLogits:
    """A full forward pass over prompt and hypothesis every time."""

    def forward(generated: Sequence[int]) -> list[float]:
        with torch.no_grad():
            found: list[float] = model(torch.tensor([[*prompt, *generated]])).logits[0, -1].tolist()
        return found

    return forward


def drawn(seed: int) -> tuple[GPT2LMHeadModel, list[list[int]], DecodingConfig, list[int]]:
    """A random GPT-2, prompts of unequal lengths, settings and stop set."""
    rng = random.Random(seed)
    size = rng.randint(12, 18)
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(gpt2_config(vocab_size=size, initializer_range=rng.choice([0.2, 0.4, 0.7]))).double().eval()
    prompts = [[rng.randrange(size) for _ in range(rng.randint(1, 9))] for _ in range(4)]
    config = DecodingConfig(
        search="lora_reference",
        num_beams=rng.choice([1, 2, 3, 4, 6, 10]),
        length_penalty=rng.choice([-0.5, 0.0, 0.5, 0.8, 1.0, 2.0]),
        no_repeat_ngram_size=rng.choice([0, 1, 2, 3, 4]),
        max_new_tokens=rng.randint(1, size - 2),  # fewer than tokens: with a ban on single ones none would be left
        early_stopping="never",
        stop_strings=(),
        batch_size=4,
    )
    return model, prompts, config, rng.sample(range(size), rng.choice([1, 1, 2, 3]))


@pytest.mark.parity
@pytest.mark.property
@pytest.mark.parametrize("seed", range(40))
def test_a_batch_finds_what_a_search_written_out_finds_for_each_prompt(seed: int, fidelity: Fidelity) -> None:
    model, prompts, config, stops = drawn(seed)
    ours = best_hypotheses(model, prompts, config, stops, stops[0])
    naive = [written_out(logits_after(model, prompt), config, stops) for prompt in prompts]
    for one, other in zip(ours, naive, strict=True):
        fidelity.close("lora_reference search", "search written out, float64", "token ids", one.ids, other.ids, 0)
    scores = [[found.score for found in side] for side in (ours, naive)]
    fidelity.close("lora_reference search", "search written out, float64", "scores", *scores, tolerance=1e-11)


@pytest.mark.parity
@pytest.mark.parametrize("changes", [{}, {"num_beams": 10, "no_repeat_ngram_size": 4, "max_new_tokens": 20}], ids=str)
def test_single_precision_finds_the_same_tokens(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Prompts,
    search: Search,
    changes: dict[str, Any],
) -> None:
    config = search(search="lora_reference", **changes)
    stops = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("ĊĊ")]
    exact = copy.deepcopy(model).double()
    naive = [written_out(logits_after(exact, prompt), config, stops) for prompt in prompts]
    ours = best_hypotheses(model, prompts, config, stops, stops[0])
    assert [found.ids for found in ours] == [found.ids for found in naive]
    assert [found.score for found in ours] == pytest.approx([found.score for found in naive], abs=1e-5)


def test_the_drawn_searches_are_no_trivial_ones() -> None:
    """So that the parity above holds because of what is kept, ended and banned."""
    found = [best_hypotheses(*drawn(seed), pad_id=0) for seed in range(40)]
    ended = [hypothesis.ids[-1] in drawn(seed)[3] for seed in range(40) for hypothesis in found[seed]]
    assert 40 < sum(ended) < 140
    assert sum(len(set(best)) == 4 for best in found) > 20
    differing = {"num_beams": 0, "length_penalty": 0, "no_repeat_ngram_size": 0}
    for seed in range(40):
        model, prompts, config, stops = drawn(seed)
        for name, value in (("num_beams", 1), ("length_penalty", 5.0), ("no_repeat_ngram_size", 0)):
            other = best_hypotheses(model, prompts, config.model_copy(update={name: value}), stops, stops[0])
            differing[name] += [best.ids for best in other] != [best.ids for best in found[seed]]
    assert min(differing.values()) >= 8, differing


# The tree of this model from S, two beams, penalty 1, stop "."; a candidate's probability in brackets:
#
#   S ─┬─ a [.5] ─┬─ . [.30]   kept, ends: log .30 / 2 = -.602   <- best
#      │          └─ d [.20]   third: dropped
#      ├─ b [.4] ─┬─ . [.28]   kept, ends: log .28 / 2 = -.636
#      │          └─ e [.12]   dropped
#      └─ c [.1]               third: dropped
#
# Both beams end at the second step: nothing lives on, and "adxy." (log .20 / 5 = -.322) is never seen.
TREE = {
    "S": {"a": 0.5, "b": 0.4, "c": 0.1},
    "a": {".": 0.6, "d": 0.4},
    "b": {".": 0.7, "e": 0.3},
    "c": {".": 1.0},
    "d": {"x": 1.0},
    "x": {"y": 1.0},
    "y": {".": 1.0},
    "e": {".": 1.0},
    ".": {"S": 1.0},
}


def of_chain(chain: Chain, prompt: str, stops: str, config: DecodingConfig) -> tuple[str, float]:
    ids = chain.ids(prompt)
    (found,) = best_hypotheses(chain.model, [ids], config, chain.ids(stops), chain.id(stops[0]))
    naive = written_out(logits_after(copy.deepcopy(chain.model).double(), ids), config, chain.ids(stops))
    assert found.ids == naive.ids
    assert found.score == pytest.approx(naive.score, abs=1e-6)
    return chain.text(found.ids), found.score


def of_transformers(chain: Chain, prompt: str, stops: str, config: DecodingConfig) -> str:
    (ids,) = transformers_search(chain.model, [chain.ids(prompt)], config, chain.ids(stops), chain.id(stops[0]))
    return chain.text(ids)


def test_a_hypothesis_that_ends_takes_a_place_in_its_step(search: Search) -> None:
    """transformers keeps two live ones beside it, and so finds the longer hypothesis."""
    config = search(num_beams=2, length_penalty=1.0, no_repeat_ngram_size=0)
    chain = Chain(TREE)
    assert of_chain(chain, "S", ".", config) == ("a.", pytest.approx(math.log(0.30) / 2))
    assert of_transformers(chain, "S", ".", config) == "adxy."


def test_three_beams_leave_one_alive_which_fills_the_beam_again(search: Search) -> None:
    """Third of the second step is d [.20]; it lives on alone and wins after five tokens."""
    config = search(num_beams=3, length_penalty=1.0, no_repeat_ngram_size=0)
    assert of_chain(Chain(TREE), "S", ".", config) == ("adxy.", pytest.approx(math.log(0.20) / 5))


# From S, one n-gram of size 1 banned, two beams, penalty 1. After "a" the likeliest is "a" again, which is banned:
#
#   S ─┬─ c [.55] ─┬─ d [.275] ── . [.275]   log .275 / 3 = -.430   <- best if banned tokens keep their probability
#      │           └─ . [.275]
#      └─ a [.45] ─┬─ a  banned (.8)
#                  └─ b [.45, not .09] ── . [.45]   log .45 / 3 = -.266   <- best if the others share it
DENIED = {
    "S": {"a": 0.45, "c": 0.55},
    "a": {"a": 0.8, "b": 0.2},
    "b": {".": 1.0},
    "c": {"d": 0.5, ".": 0.5},
    "d": {".": 1.0},
    ".": {"S": 1.0},
}


def test_a_denied_repetition_costs_nothing(search: Search) -> None:
    """The ban comes before the softmax; in transformers it comes after."""
    config = search(num_beams=2, length_penalty=1.0, no_repeat_ngram_size=1, max_new_tokens=4)
    chain = Chain(DENIED)
    assert of_chain(chain, "S", ".", config) == ("ab.", pytest.approx(math.log(0.45) / 3))
    assert of_transformers(chain, "S", ".", config) == "cd."


# From S, two beams, penalty 1. Two hypotheses have ended after the second step, where early_stopping=true stops:
#
#   S ─┬─ . [.45]   log .45 / 1 = -.799   <- best so far
#      ├─ a [.40] ─┬─ c [.22] ── d ── e ── . [.22]   log .22 / 5 = -.303   <- best
#      │           └─ . [.18]   log .18 / 2 = -.857
#      └─ b [.15]
STOPPED = {
    "S": {".": 0.45, "a": 0.40, "b": 0.15},
    "a": {"c": 0.55, ".": 0.45},
    "b": {".": 1.0},
    "c": {"d": 1.0},
    "d": {"e": 1.0},
    "e": {".": 1.0},
    ".": {"S": 1.0},
}


def test_nothing_is_given_up_early(search: Search) -> None:
    config = search(num_beams=2, length_penalty=1.0, no_repeat_ngram_size=0)
    chain = Chain(STOPPED)
    assert of_chain(chain, "S", ".", config) == ("acde.", pytest.approx(math.log(0.22) / 5))
    stops_early = config.model_copy(update={"early_stopping": True})
    assert of_transformers(chain, "S", ".", stops_early).rstrip(".") == ""
    assert of_transformers(chain, "S", ".", config) == "acde."


@pytest.mark.parametrize(
    ("table", "beams", "steps"), [(STOPPED | {"b": {"b": 1.0}}, 3, 6), (TREE, 2, 2)], ids=["alive", "all ended"]
)
def test_every_step_is_taken_while_one_hypothesis_lives(
    table: dict[str, dict[str, float]], beams: int, steps: int, search: Search
) -> None:
    """ "bbb..." never ends and cannot win for long; in TREE both beams have ended after two steps."""
    chain, passes = Chain(table), []
    chain.model.transformer.register_forward_hook(lambda *_: passes.append(1))
    config = search(num_beams=beams, length_penalty=1.0, no_repeat_ngram_size=0, max_new_tokens=6)
    best_hypotheses(chain.model, [chain.ids("S")], config, chain.ids("."), chain.id("."))
    assert len(passes) == steps


def test_what_is_unfinished_competes_at_the_end(search: Search) -> None:
    config = search(num_beams=2, length_penalty=1.0, no_repeat_ngram_size=0, max_new_tokens=3)
    assert of_chain(Chain(STOPPED), "S", ".", config) == ("acd", pytest.approx(math.log(0.22) / 3))


def test_a_four_gram_of_the_prompt_is_copied(search: Search) -> None:
    """transformers' own `no_repeat_ngram_size` forbids it; the ban of both of our searches does not."""
    order = "abcdef."
    table = {last: {following: 0.9, "z": 0.1} for last, following in zip("Sabcdef", order, strict=True)}
    chain = Chain(table | {"z": {".": 1.0}, ".": {"S": 1.0}})
    config = search(num_beams=2, length_penalty=1.0, no_repeat_ngram_size=4)
    prompt, stops = "abcdefS", chain.ids(".")
    assert of_chain(chain, prompt, ".", config) == (order, pytest.approx(math.log(0.9**7) / 7))
    assert of_transformers(chain, prompt, ".", config) == order
    ids = torch.tensor([chain.ids(prompt)])
    output = chain.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        num_beams=2,
        length_penalty=1.0,
        early_stopping="never",
        no_repeat_ngram_size=4,
        max_new_tokens=10,
        eos_token_id=stops,
        pad_token_id=stops[0],
    )
    assert "abcd" not in chain.text(output[0, len(prompt) :].tolist())


def test_of_equal_scores_the_earliest_found_wins(search: Search) -> None:
    """Penalty 0 and sure steps: "." scores log .5 at the first step, "ab." the same at the third."""
    chain = Chain({"S": {".": 0.5, "a": 0.5}, "a": {"b": 1.0}, "b": {".": 1.0}, ".": {"S": 1.0}})
    config = search(num_beams=2, length_penalty=0.0, no_repeat_ngram_size=0)
    assert of_chain(chain, "S", ".", config) == (".", pytest.approx(math.log(0.5)))


def test_any_token_of_the_stop_set_ends_a_hypothesis_and_counts(search: Search) -> None:
    chain = Chain({"S": {"a": 1.0}, "a": {"n": 0.6, ".": 0.4}, "n": {"S": 1.0}, ".": {"S": 1.0}})
    config = search(num_beams=2, length_penalty=1.0, no_repeat_ngram_size=0)
    assert of_chain(chain, "S", ".n", config) == ("an", pytest.approx(math.log(0.6) / 2))


@pytest.mark.invariant
@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_batches_and_their_order_change_no_text(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search, batch_size: int
) -> None:
    config = search(search="lora_reference", stop_strings=("\n\n", "a"))
    alone = [beam_search(model, tokenizer, [prompt], config)[0] for prompt in prompts]
    batched = config.model_copy(update={"batch_size": batch_size})
    assert beam_search(model, tokenizer, prompts, batched) == alone
    assert beam_search(model, tokenizer, prompts[::-1], batched) == alone[::-1]


def test_the_configuration_names_the_search_and_its_stops_are_the_stop_strings(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    config = search(search="lora_reference", stop_strings=("\n\n", "c"))
    stops = sorted([tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(["ĊĊ", "c"])])
    found = [best.ids for best in best_hypotheses(model, prompts, config, stops, stops[-1])]
    texts = [
        tokenizer.decode([token for token in ids if token not in stops]).replace("\n", " ").strip() for ids in found
    ]
    assert beam_search(model, tokenizer, prompts, config) == [" ".join(text.split()) for text in texts]
    assert texts != beam_search(model, tokenizer, prompts, search(stop_strings=("\n\n", "c")))


def test_progress_is_told_and_no_prompts_give_no_texts(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    done: list[int] = []
    config = search(search="lora_reference", batch_size=3, max_new_tokens=1)
    beam_search(model, tokenizer, prompts, config, done.append)
    assert done == [3, 6, 8]
    assert beam_search(model, tokenizer, [], config) == []


def test_only_the_last_positions_logits_are_made(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Prompts, search: Search
) -> None:
    """Prompts are read once each, not once per beam, and memory holds one row of logits per hypothesis."""
    shapes: list[tuple[int, ...]] = []
    watched = copy.deepcopy(model)
    head: nn.Module = watched.lm_head
    head.register_forward_hook(lambda module, given, logits: shapes.append(tuple(logits.shape[:2])))
    best_hypotheses(watched, prompts, search(), [tokenizer.eos_token_id], tokenizer.eos_token_id)
    assert shapes == [(8, 1), *[(24, 1)] * 9]


def test_an_encoder_decoder_is_refused_in_a_line(tokenizer: PreTrainedTokenizerFast, search: Search) -> None:
    bart = BartForConditionalGeneration(bart_config(vocab_size=30)).eval()
    message = "expected a decoder-only model .*found bart; set decoding.search=shared"
    with pytest.raises(ModelError, match=message):
        beam_search(bart, tokenizer, [(0, 5, 2)], search(search="lora_reference"))


def test_a_configuration_without_a_use_for_it_is_refused_before_anything_runs(
    search: Search, configured: Callable[..., RunConfig]
) -> None:
    with pytest.raises(ValueError, match=r"decoding\.early_stopping=true: set it to never"):
        search(search="lora_reference", early_stopping=True)
    with pytest.raises(ConfigError, match=r"found model\.architecture=bart: set decoding\.search=shared"):
        configured("experiment=xsum", "decoding.search=lora_reference")
    assert configured("experiment=webnlg", "decoding.search=lora_reference").decoding.search == "lora_reference"


def test_the_default_search_leaves_run_ids_as_they_were(configured: Callable[..., RunConfig]) -> None:
    """Records made before there was a choice have no such key, and are read as what they were."""
    default, other = configured("experiment=e2e"), configured("experiment=e2e", "decoding.search=lora_reference")
    assert "search" not in default.scientific()["decoding"]
    assert other.scientific()["decoding"]["search"] == "lora_reference"
    old = default.model_dump(mode="json")
    del old["decoding"]["search"]
    assert RunConfig.model_validate_json(json.dumps(old)) == configured(
        "experiment=e2e", "decoding.search=transformers"
    )


@pytest.fixture(scope="module")
def configured() -> Callable[..., RunConfig]:
    return lambda *overrides: run_config(overrides)
