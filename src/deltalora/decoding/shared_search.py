"""transformers' beam search, token for token, for less work: `decoding.search=shared`.

The hypotheses, their scores and the rules by which a search ends are those of `transformers_search`. What is saved:

- a prompt is run once and its keys and values are shared by its hypotheses (`BeamReader`);
- a prompt leaves the batch as soon as its result is certain, where `generate` computes all until the last is done;
- with `early_stopping=never` that is as soon as the best live hypothesis, were it to grow to `max_new_tokens` L at no
  further cost, is no better than the best finished one: a sum of log-probabilities only falls, so that nothing live can
  exceed sum / L ** length_penalty. `generate` goes on until the worst of `num_beams` finished ones is out of reach;
- only the last position's logits are computed.

Of two hypotheses of equal score the one found first is returned; `generate` leaves that to the sort.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from deltalora.config.schema import DecodingConfig
from deltalora.decoding.ngram_ban import ban_repeats
from deltalora.decoding.reader import BeamReader, reading

#: The score of what must not be chosen, as in transformers: finite, so that a sum of such scores still sorts.
_NEVER = -1.0e9


@torch.no_grad()
def shared_search(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], config: DecodingConfig, stops: Sequence[int], pad_id: int
) -> list[list[int]]:
    """Return the best hypothesis of every prompt as token ids, prompt removed, the end included; see the module.

    Args:
        model: A causal or encoder-decoder language model in evaluation mode.
        prompts: One batch.
        config: The search.
        stops: Token ids that end a hypothesis.
        pad_id: Fills the prompts; no score sees it.
    """
    with reading(model):
        return _search(
            BeamReader(model, prompts, pad_id), len(prompts), config, torch.tensor(stops, device=model.device)
        )


def _search(reader: BeamReader, count: int, config: DecodingConfig, stops: Tensor) -> list[list[int]]:
    beams, longest, penalty = config.num_beams, config.max_new_tokens, config.length_penalty
    candidates_kept = max(2, 1 + len(stops)) * beams  # so that `beams` of them go on even if all others end
    best: list[list[int]] = [[] for _ in range(count)]
    alive = torch.arange(count, device=stops.device)  # prompt of each row of the tensors below
    history = torch.empty(count, 0, dtype=torch.long, device=stops.device)  # (prompts · beams, generated so far)
    running = torch.full((count, beams), _NEVER, device=stops.device)  # sums of log-probabilities
    running[:, 0] = 0.0  # before the first token there is one hypothesis
    finished = torch.full((count, beams), _NEVER, device=stops.device)  # scores, the highest first
    logits = reader.read_prompts()
    for length in range(1, longest + 1):
        log_probabilities = logits.float().log_softmax(-1)
        if config.no_repeat_ngram_size:
            ban_repeats(history, log_probabilities, config.no_repeat_ngram_size)
        vocabulary = log_probabilities.shape[-1]
        sums = log_probabilities.view(len(alive), -1, vocabulary) + running.unsqueeze(-1)
        top, chosen = sums.flatten(1).topk(candidates_kept)  # (prompts, candidates), the highest first
        origin, tokens = chosen // vocabulary, chosen % vocabulary
        if length == 1:
            origin = torch.zeros_like(origin)
        origin += torch.arange(len(alive), device=stops.device).unsqueeze(1) * (len(history) // len(alive))
        ended = torch.isin(tokens, stops) if length < longest else torch.ones_like(tokens, dtype=torch.bool)

        scores = (top[:, :beams] / length**penalty).masked_fill(~ended[:, :beams], _NEVER)
        score, place = scores.max(dim=1)
        better = (score > finished[:, 0]).nonzero().flatten()
        rows, last = origin[better, place[better]], tokens[better, place[better]]
        for prompt, ids, token in zip(alive[better].tolist(), history[rows].tolist(), last.tolist(), strict=True):
            best[prompt] = [*ids, token]
        finished = torch.cat((finished, scores), dim=1).topk(beams).values

        running, going = (top + ended * _NEVER).topk(beams)
        stay = ~_certain(running, finished, length, config)
        if length == longest or not bool(stay.any()):
            break
        if not bool(stay.all()):
            kept = stay.nonzero().flatten()
            reader.keep(kept)
            alive, running, finished = alive[kept], running[kept], finished[kept]
            origin, tokens, going = origin[kept], tokens[kept], going[kept]
        origin, tokens = origin.gather(1, going).flatten(), tokens.gather(1, going).view(-1, 1)
        history = torch.cat((history[origin], tokens), dim=1)
        logits = reader.read(origin, tokens)
    return best


def _certain(running: Tensor, finished: Tensor, length: int, config: DecodingConfig) -> Tensor:
    """Return for every prompt whether transformers' rules would let none of its live hypotheses win, (prompts,)."""
    full = finished[:, -1] > _NEVER / 2  # as many finished hypotheses as beams
    greedy = config.num_beams == 1  # greedy search stops at the first end
    enough = full & (greedy or config.early_stopping is True)
    if config.early_stopping == "never":
        reach = config.max_new_tokens if config.length_penalty > 0 else length
        out_of_reach: Tensor = running[:, 0] / reach**config.length_penalty <= finished[:, 0]
    else:
        out_of_reach = full & (running[:, 0] / length**config.length_penalty <= finished[:, -1])
    return enough | out_of_reach
