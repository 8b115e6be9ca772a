"""transformers' own beam search over one batch of prompts, every setting stated.

A hypothesis of length L (generated tokens, end included) scores sum(log p) / L ** length_penalty. Nothing is inherited
from a model's own generation defaults: the configuration passed here is complete. Prompts are padded on the left for a
causal model, whose next token must follow the prompt, and on the right for an encoder, whose positions count from the
first token. The decoder of an encoder-decoder model starts with the start token of its configuration (BART's is 2,
`</s>`), which is neither counted, nor banned, nor part of the text.

Differs for BART from QingruZhang/AdaLoRA@d10f5eb (run_summarization_no_trainer.py), which passes only `num_beams` and
`max_length`, so that all else came from the hub's configuration (those of BART often ban 3-grams, stop early and force
the first or last token). Here no token is forced at either end, every other setting is the run's, and `max_new_tokens`
leaves out the start token, which `max_length` counts.

Differs for GPT-2 from microsoft/LoRA@c4593f0 (src/gpt2_beam.py), which `lora_reference` follows: transformers keeps
`num_beams` live hypotheses at every step where theirs counts those that end there too, it takes the logarithm before
the ban where theirs spreads the banned tokens' probability over the others, and it stops once no live hypothesis can
win where theirs always takes 64 steps.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, PreTrainedModel

from deltalora.config.schema import DecodingConfig
from deltalora.decoding.ngram_ban import GeneratedNGramBan
from deltalora.tasks.batch import mask, pad

_GenerationConfig: Any = GenerationConfig  # untyped upstream


@torch.no_grad()
def transformers_search(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], config: DecodingConfig, stops: Sequence[int], pad_id: int
) -> list[list[int]]:
    """Return the best hypothesis of every prompt as token ids, prompt removed, filled with `pad_id` to one length.

    Args:
        model: A causal or encoder-decoder language model in evaluation mode.
        prompts: One batch.
        config: The search.
        stops: Token ids that end a hypothesis.
        pad_id: Fills the rows; no score sees it.
    """
    encodes = model.config.is_encoder_decoder
    left = not encodes
    input_ids = pad(prompts, pad_id, left=left)
    before_generated = 1 if encodes else input_ids.shape[1]  # a decoder has seen only its start token
    processors = LogitsProcessorList()
    if config.no_repeat_ngram_size:
        processors.append(GeneratedNGramBan(config.no_repeat_ngram_size, before_generated))
    generate: Any = model.generate
    output = generate(
        input_ids=input_ids.to(model.device),
        attention_mask=mask(prompts, left=left).to(model.device),
        generation_config=_GenerationConfig(
            num_beams=config.num_beams,
            length_penalty=config.length_penalty,
            early_stopping=config.early_stopping,
            max_new_tokens=config.max_new_tokens,
            do_sample=False,
            eos_token_id=list(stops),
            pad_token_id=pad_id,
            decoder_start_token_id=model.config.decoder_start_token_id if encodes else None,
            forced_bos_token_id=None,
            forced_eos_token_id=None,
            num_return_sequences=1,
        ),
        logits_processor=processors,
    )
    generated: list[list[int]] = output[:, before_generated:].tolist()
    return generated
