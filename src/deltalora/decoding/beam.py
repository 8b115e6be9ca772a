"""Beam search over many prompts: batches of similar length, one of three searches, and the text of the results.

`decoding.search` names the search: `shared` (the experiments' own) finds the same tokens as `transformers`, the
library's, for half the work; `lora_reference` is that of the authors' upstream code for GPT-2, and another search: its
file says where it differs.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psutil
import torch
from accelerate.utils.memory import should_reduce_batch_size
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from deltalora.config.schema import DecodingConfig, SearchName
from deltalora.decoding.lora_reference import lora_reference_search
from deltalora.decoding.shared_search import shared_search
from deltalora.decoding.transformers_search import transformers_search
from deltalora.tasks.batch import batches_by_length

log = logging.getLogger(__name__)

#: Model, one batch of prompts, settings, stop ids, padding id -> generated ids of every prompt, end included.
Search = Callable[[PreTrainedModel, Sequence[Sequence[int]], DecodingConfig, Sequence[int], int], list[list[int]]]

SEARCHES: Mapping[SearchName, Search] = {
    "shared": shared_search,
    "transformers": transformers_search,
    "lora_reference": lora_reference_search,
}

_GenerationConfig: Any = GenerationConfig  # untyped upstream


def beam_search(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    config: DecodingConfig,
    on_batch: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """Decode every prompt and return its best hypothesis as text, in the order given.

    Args:
        model: A plain causal or encoder-decoder language model in evaluation mode.
        tokenizer: Its tokenizer; its end token always ends a hypothesis, and texts have no special tokens.
        prompts: Token ids: the context with its separator, or the encoder's whole input, special tokens included.
        config: The search.
        on_batch: Called with the number of prompts done so far.

    Raises:
        ModelError: The search does not support this architecture.
    """
    search = SEARCHES[config.search]
    stops = sorted({tokenizer.eos_token_id, *_single_tokens(tokenizer, config.stop_strings)})
    texts, done = [""] * len(prompts), 0
    longest = max(map(len, prompts), default=0)
    with _for_search(model):
        for chosen in batches_by_length(prompts, _fitting_batch(model, config, longest)):
            batch = [prompts[index] for index in chosen]
            generated = _within_memory(search, model, batch, config, stops, tokenizer.eos_token_id)
            for index, ids in zip(chosen, generated, strict=True):
                texts[index] = _to_text(tokenizer, ids, stops, config.stop_strings)
            done += len(chosen)
            on_batch(done)
    return texts


def _fitting_batch(model: PreTrainedModel, config: DecodingConfig, longest: int) -> int:
    """Return how many prompts of `longest` tokens fit into half of the free memory, from 1 to `decoding.batch_size`.

    A system out of memory may kill the process instead of raising an error: waiting for one would be too late. A
    prompt takes keys and values of its own and its hypotheses' tokens, the latter twice while they are re-ordered,
    and about four copies of its hypotheses' logits.
    """
    sizes = model.config
    if model.device.type == "cuda":
        free = torch.cuda.mem_get_info(model.device)[0]
    else:
        free = psutil.virtual_memory().available
    states = longest + 2 * config.num_beams * config.max_new_tokens
    numbers = 2 * sizes.num_hidden_layers * sizes.hidden_size * states + 4 * config.num_beams * sizes.vocab_size
    return max(1, min(config.batch_size, int(free / 2 / (numbers * model.dtype.itemsize))))


def _within_memory(
    search: Search,
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    config: DecodingConfig,
    stops: Sequence[int],
    pad_id: int,
) -> list[list[int]]:
    """Search a batch; where memory runs out, its halves, which changes no result."""
    try:
        return search(model, prompts, config, stops, pad_id)
    except RuntimeError as error:
        if len(prompts) == 1 or not should_reduce_batch_size(error):
            raise
    log.warning("memory ran out over %d prompts at once: searching half as many", len(prompts))
    half = len(prompts) // 2
    return [
        ids
        for part in (prompts[:half], prompts[half:])
        for ids in _within_memory(search, model, part, config, stops, pad_id)
    ]


@contextmanager
def _for_search(model: PreTrainedModel) -> Iterator[None]:
    """Set the model up for a search and restore it afterwards.

    Its own generation settings are hidden: transformers fills in from them whatever a given one leaves unset. On a CPU
    attention is computed unfused: with one query per row, the fused kernel is the slowest part of a step.
    """
    own, model.generation_config = model.generation_config, _GenerationConfig()
    attention = model.config._attn_implementation
    if model.device.type == "cpu":
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.generation_config = own
        model.set_attn_implementation(attention)


def _single_tokens(tokenizer: PreTrainedTokenizerBase, strings: Sequence[str]) -> list[int]:
    """Return the ids of stop strings of one token (GPT-2's 628 is a blank line); the others are cut afterwards."""
    encoded = [tokenizer(string, add_special_tokens=False)["input_ids"] for string in strings]
    return [ids[0] for ids in encoded if len(ids) == 1]


def _to_text(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[int], strings: Sequence[str]
) -> str:
    """Cut at the first stop, decode without special tokens (BART writes `<s>` first), and trim."""
    end = next((place for place, token in enumerate(ids) if token in stops), len(ids))
    text = str(tokenizer.decode(list(ids[:end]), skip_special_tokens=True, clean_up_tokenization_spaces=False))
    for string in strings:
        text = text.partition(string)[0]
    return " ".join(text.split())
