"""The ban on repeated n-grams, over generated tokens only."""

import torch
from torch import Tensor
from transformers import LogitsProcessor


class GeneratedNGramBan(LogitsProcessor):
    """Forbid any token that would complete an n-gram already present in the generated part of its own hypothesis.

    transformers' `no_repeat_ngram_size` also counts the prompt for decoder-only models: no run of n tokens of the input
    may then be copied, so a long restaurant name cannot be written. This looks at generated tokens only, as the
    authors' search does (microsoft/LoRA@c4593f0, src/gpt2_beam.py).

    Args:
        size: n, at least 1.
        prompt_length: Number of tokens before the generated ones in every row: the padded prompts of a causal model, or
            the one start token of a decoder.
    """

    def __init__(self, size: int, prompt_length: int) -> None:
        self.size = size
        self.prompt_length = prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the scores with those of the banned tokens set to -inf.

        Args:
            input_ids: (batch * beams, prompt + generated) so far.
            scores: (batch * beams, vocabulary) of the next token.
        """
        banned = scores.clone()
        ban_repeats(input_ids[:, self.prompt_length :], banned, self.size)
        return banned


def ban_repeats(generated: Tensor, scores: Tensor, size: int) -> None:
    """Set the scores (rows, vocabulary) to -inf, in place, of tokens that would repeat an n-gram of `generated`."""
    if generated.shape[1] < size:
        return
    windows = generated.unfold(1, size, 1)  # (rows, windows, n)
    last = generated[:, generated.shape[1] - size + 1 :].unsqueeze(1)  # (rows, 1, n - 1)
    repeats = (windows[:, :, :-1] == last).all(dim=2)  # (rows, windows)
    rows, starts = repeats.nonzero(as_tuple=True)
    scores[rows, windows[rows, starts, -1]] = -torch.inf
