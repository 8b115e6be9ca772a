"""The beam search that the authors' upstream code ran for GPT-2, step for step.

Same as microsoft/LoRA@c4593f0 (examples/NLG/src/gpt2_beam.py) at its batch size of one. With generated tokens
y_1 .. y_L, the end included, a hypothesis scores

    sum_t log p(y_t | prompt, y_<t) / L ** length_penalty,   p = softmax over the tokens that are not banned at t

- It always takes `max_new_tokens` steps; there is no early stop.
- A step keeps exactly `num_beams` candidates, including those that end there. A hypothesis that ends is recorded, its
  score in the beam becomes -inf, and the live ones refill the beam in the next step.
- The ban on repeated n-grams sees generated tokens only and comes before the softmax: the probability of banned tokens
  goes to the others, so a banned repetition costs the hypothesis nothing.
- Any stop token ends a hypothesis and counts in its length. Hypotheses unfinished after the last step compete with
  those that ended. Of equal scores the earliest found wins.
- log(softmax(logits)) in the model's precision: a probability below its smallest number is 0, its logarithm -inf.

Differs from it: prompts of a batch are padded on the left and masked. Theirs, with more than one prompt, reads the
first token's logits from the wrong rows (`logits[_bbatch, ...]` counts prompts where rows are beams), so that only its
batch of one, which its README uses, is a reference. Steps in which no prompt has a live hypothesis are skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from deltalora.config.schema import DecodingConfig
from deltalora.decoding.ngram_ban import GeneratedNGramBan
from deltalora.errors import ModelError
from deltalora.tasks.batch import mask, pad


@dataclass(frozen=True)
class Hypothesis:
    """Generated token ids, the stop token included where there is one, and sum(log p) / length ** length_penalty."""

    ids: tuple[int, ...]
    score: float


def lora_reference_search(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], config: DecodingConfig, stops: Sequence[int], pad_id: int
) -> list[list[int]]:
    """Return the best hypothesis of every prompt as token ids, prompt removed; see `best_hypotheses`."""
    return [list(found.ids) for found in best_hypotheses(model, prompts, config, stops, pad_id)]


@torch.no_grad()
def best_hypotheses(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], config: DecodingConfig, stops: Sequence[int], pad_id: int
) -> list[Hypothesis]:
    """Search one batch of prompts.

    Args:
        model: A causal language model in evaluation mode; logits keep its precision.
        prompts: One batch, of any lengths.
        config: The search; `early_stopping` is not used.
        stops: Token ids that end a hypothesis.
        pad_id: Fills the prompts on the left; no score sees it.

    Raises:
        ModelError: The model has an encoder, for which the authors have no search of their own.
    """
    if model.config.is_encoder_decoder:
        raise ModelError(
            f"decoding.search=lora_reference: expected a decoder-only model (the authors' search is GPT-2's), found "
            f"{model.config.model_type}; set decoding.search=transformers"
        )
    beams, size = config.num_beams, config.no_repeat_ngram_size
    reader = _CachedReader(model, prompts, pad_id)
    best = _Best(len(prompts), config)
    ends = torch.tensor(stops, device=model.device)
    first_row = torch.arange(len(prompts), device=model.device).unsqueeze(1)  # (batch, 1), in rows of one per prompt
    history = torch.empty(len(prompts), 0, dtype=torch.long, device=model.device)  # (rows, generated so far)
    logits = reader.read_prompts()  # (rows, vocabulary); one row per prompt before the first token, then num_beams
    scores = logits.new_zeros(len(prompts), 1)  # (batch, rows per prompt): sum of log-probabilities
    for length in range(1, config.max_new_tokens + 1):
        if size:
            logits = GeneratedNGramBan(size, prompt_length=0)(history, logits)
        log_probabilities = logits.softmax(-1).log_()
        vocabulary = logits.shape[-1]
        candidates = log_probabilities.view(*scores.shape, vocabulary).add_(scores.unsqueeze(-1)).flatten(1)
        scores, chosen = candidates.topk(beams, dim=1)  # both (batch, beams), the highest first
        origin = (first_row * (len(history) // len(prompts)) + chosen // vocabulary).flatten()
        token = (chosen % vocabulary).view(-1, 1)
        history = torch.cat((history[origin], token), dim=1)
        ended = torch.isin(token, ends).view_as(scores)
        best.consider(history, scores.masked_fill(~ended, -torch.inf))
        scores = scores.masked_fill(ended, -torch.inf)
        if length == config.max_new_tokens or bool(scores.isneginf().all()):
            break
        logits = reader.read(origin, token)
    best.consider(history, scores)
    return best.hypotheses()


class _CachedReader:
    """The model over the prompts and then, token by token, over every hypothesis, with its keys and values cached."""

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], pad_id: int) -> None:
        self._model: Any = model
        self._cache = DynamicCache(config=model.config)
        self._prompts = pad(prompts, pad_id, left=True).to(model.device)
        self._mask = mask(prompts, left=True).to(model.device)

    def read_prompts(self) -> Tensor:
        """Return the logits of the first token, (prompts, vocabulary)."""
        positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        return self._logits(self._prompts, positions)

    def read(self, origin: Tensor, token: Tensor) -> Tensor:
        """Return the logits after one more token, (rows, vocabulary).

        Args:
            origin: (rows,), the row of the last call that each row continues.
            token: (rows, 1), the token it continues with.
        """
        self._cache.reorder_cache(origin)  # type: ignore[arg-type]
        self._mask = torch.cat((self._mask[origin], torch.ones_like(token)), dim=1)
        return self._logits(token, self._mask.sum(1, keepdim=True) - 1)

    def _logits(self, ids: Tensor, positions: Tensor) -> Tensor:
        read = self._model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = read.logits[:, -1]
        return logits


class _Best:
    """The best hypothesis of every prompt so far."""

    def __init__(self, batch: int, config: DecodingConfig) -> None:
        self._penalty = config.length_penalty
        self._scores = [-torch.inf] * batch
        self._ids: list[tuple[int, ...]] = [()] * batch

    def consider(self, history: Tensor, sums: Tensor) -> None:
        """Keep a prompt's highest score where it is above the one kept.

        Args:
            history: (batch * beams, length), generated ids.
            sums: (batch, beams), sums of log-probabilities, -inf for a hypothesis that does not compete.
        """
        beams = sums.shape[1]
        top, place = (sums / history.shape[1] ** self._penalty).max(dim=1)  # the first of equal ones
        for prompt, (score, beam) in enumerate(zip(top.tolist(), place.tolist(), strict=True)):
            if score > self._scores[prompt]:
                self._scores[prompt] = score
                self._ids[prompt] = tuple(history[prompt * beams + beam].tolist())

    def hypotheses(self) -> list[Hypothesis]:
        """Return one per prompt."""
        return [Hypothesis(ids, score) for ids, score in zip(self._ids, self._scores, strict=True)]
