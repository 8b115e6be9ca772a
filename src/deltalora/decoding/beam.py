"""Beam search over many prompts with transformers' own search, every setting stated.

A hypothesis of length L (generated tokens, end included) scores sum(log p) / L ** length_penalty. Nothing is inherited
from a model's own generation defaults: the configuration passed here is complete.

Differs from microsoft/LoRA@c4593f0 (src/gpt2_beam.py): transformers keeps `num_beams` live hypotheses until the end
where the authors' search loses one for every finished hypothesis, and it stops once no live hypothesis can win where
theirs always takes 64 steps.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

from deltalora.config.schema import DecodingConfig
from deltalora.decoding.ngram_ban import GeneratedNGramBan

_GenerationConfig: Any = GenerationConfig  # untyped upstream


def beam_search(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    config: DecodingConfig,
    on_batch: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """Decodes every prompt and returns its best hypothesis as text, in the order given.

    Prompts are searched in batches of like length, so that little is padded; padding is on the left, where a causal
    model's next token does not see it.

    Args:
        model: A plain causal language model in evaluation mode.
        tokenizer: Its tokenizer; its end token always ends a hypothesis.
        prompts: Token ids, separator included.
        config: The search.
        on_batch: Called with the number of prompts done so far.
    """
    stops = sorted({tokenizer.eos_token_id, *_single_tokens(tokenizer, config.stop_strings)})
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    texts = [""] * len(prompts)
    with _for_search(model):
        for start in range(0, len(order), config.batch_size):
            chosen = order[start : start + config.batch_size]
            generated = _search(model, [prompts[index] for index in chosen], config, stops, tokenizer.eos_token_id)
            for index, ids in zip(chosen, generated, strict=True):
                texts[index] = _to_text(tokenizer, ids, stops, config.stop_strings)
            on_batch(start + len(chosen))
    return texts


@contextmanager
def _for_search(model: PreTrainedModel) -> Iterator[None]:
    """Sets the model up for a search and puts everything back afterwards.

    Its own generation settings are hidden: transformers fills in from them whatever a given one leaves unset. And on a
    CPU attention is computed plainly: with one query a row, the fused kernel is the slowest part of a step.
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


@torch.no_grad()
def _search(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], config: DecodingConfig, stops: list[int], pad_id: int
) -> list[list[int]]:
    """Token ids generated for one batch of prompts, prompt removed."""
    width = max(map(len, prompts))
    input_ids = torch.full((len(prompts), width), pad_id, dtype=torch.long)
    attention_mask = torch.zeros_like(input_ids)
    for row, ids in enumerate(prompts):
        input_ids[row, width - len(ids) :] = torch.tensor(ids)
        attention_mask[row, width - len(ids) :] = 1
    processors = LogitsProcessorList()
    if config.no_repeat_ngram_size:
        processors.append(GeneratedNGramBan(config.no_repeat_ngram_size, width))
    generate: Any = model.generate
    output = generate(
        input_ids=input_ids.to(model.device),
        attention_mask=attention_mask.to(model.device),
        generation_config=_GenerationConfig(
            num_beams=config.num_beams,
            length_penalty=config.length_penalty,
            early_stopping=config.early_stopping,
            max_new_tokens=config.max_new_tokens,
            do_sample=False,
            eos_token_id=stops,
            pad_token_id=pad_id,
            num_return_sequences=1,
        ),
        logits_processor=processors,
    )
    generated: list[list[int]] = output[:, width:].tolist()
    return generated


def _single_tokens(tokenizer: PreTrainedTokenizerBase, strings: Sequence[str]) -> list[int]:
    """The ids of those stop strings that are one token (GPT-2's 628 is a blank line); the others are cut afterwards."""
    encoded = [tokenizer(string, add_special_tokens=False)["input_ids"] for string in strings]
    return [ids[0] for ids in encoded if len(ids) == 1]


def _to_text(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[int], strings: Sequence[str]
) -> str:
    """Cuts at the first stop, decodes, and trims."""
    end = next((place for place, token in enumerate(ids) if token in stops), len(ids))
    text = str(tokenizer.decode(list(ids[:end]), clean_up_tokenization_spaces=False))
    for string in strings:
        text = text.partition(string)[0]
    return " ".join(text.split())
