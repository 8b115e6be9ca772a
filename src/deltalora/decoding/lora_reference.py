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

Differs from it: prompts of a batch are padded on the left and masked, and run once for all their hypotheses
(`BeamReader`). Theirs, with more than one prompt, reads the first token's logits from the wrong rows
(`logits[_bbatch, ...]` counts prompts where rows are beams), so that only its batch of one, which its README uses, is a
reference. Steps in which no prompt has a live hypothesis are skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from deltalora.config.schema import DecodingConfig
from deltalora.decoding.ngram_ban import ban_repeats
from deltalora.decoding.reader import BeamReader, reading
from deltalora.errors import ModelError


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
            f"{model.config.model_type}; set decoding.search=shared"
        )
    best = _Best(len(prompts), config)
    with reading(model):
        _search(
            BeamReader(model, prompts, pad_id), best, len(prompts), config, torch.tensor(stops, device=model.device)
        )
    return best.hypotheses()


def _search(reader: BeamReader, best: "_Best", prompts: int, config: DecodingConfig, ends: Tensor) -> None:
    beams, size = config.num_beams, config.no_repeat_ngram_size
    first_row = torch.arange(prompts, device=ends.device).unsqueeze(1)  # (batch, 1), in rows of one per prompt
    history = torch.empty(prompts, 0, dtype=torch.long, device=ends.device)  # (rows, generated so far)
    logits = reader.read_prompts()  # (rows, vocabulary); one row per prompt before the first token, then num_beams
    scores = logits.new_zeros(prompts, 1)  # (batch, rows per prompt): sum of log-probabilities
    for length in range(1, config.max_new_tokens + 1):
        if size:
            ban_repeats(history, logits, size)
        log_probabilities = logits.softmax(-1).log_()
        vocabulary = logits.shape[-1]
        candidates = log_probabilities.view(*scores.shape, vocabulary).add_(scores.unsqueeze(-1)).flatten(1)
        scores, chosen = candidates.topk(beams, dim=1)  # both (batch, beams), the highest first
        origin = (first_row * (len(history) // prompts) + chosen // vocabulary).flatten()
        token = (chosen % vocabulary).view(-1, 1)
        history = torch.cat((history[origin], token), dim=1)
        ended = torch.isin(token, ends).view_as(scores)
        best.consider(history, scores.masked_fill(~ended, -torch.inf))
        scores = scores.masked_fill(ended, -torch.inf)
        if length == config.max_new_tokens or bool(scores.isneginf().all()):
            break
        logits = reader.read(origin, token)
    best.consider(history, scores)


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
