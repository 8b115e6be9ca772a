"""A causal model of random weights over a vocabulary of letters, whose text and token ids are one and the same."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from deltalora.config import DecodingConfig
from tiny_models import gpt2_config

LETTERS = "abcdefghijklmnop"
END = "<end>"


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """One token a letter, one for a line break (Ċ), one for a blank line (ĊĊ), one for the end."""
    vocabulary = {token: place for place, token in enumerate([*LETTERS, "Ċ", "ĊĊ", END])}
    plain = Tokenizer(BPE(vocab=vocabulary, merges=[("Ċ", "Ċ")]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=END)


@pytest.fixture(scope="session")
def model(tokenizer: PreTrainedTokenizerFast) -> GPT2LMHeadModel:
    """Weights wide enough that the next token depends on the whole prefix and its position."""
    torch.manual_seed(3)
    size = len(tokenizer)
    config = gpt2_config(vocab_size=size, initializer_range=0.6, bos_token_id=size - 1, eos_token_id=size - 1)
    return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="session")
def prompts(tokenizer: PreTrainedTokenizerFast) -> list[tuple[int, ...]]:
    """Prompts of lengths 2 to 10, the separator at their end, in no order of length."""
    generator = torch.Generator().manual_seed(0)
    lengths = [5, 1, 9, 2, 7, 3, 3, 8]
    drawn = [torch.randint(len(LETTERS), (length,), generator=generator).tolist() for length in lengths]
    return [(*ids, tokenizer.eos_token_id) for ids in drawn]


Search = Callable[..., DecodingConfig]


@pytest.fixture(scope="session")
def search() -> Search:
    """The experiment's search made small; any key can be replaced."""

    def make(**changes: Any) -> DecodingConfig:
        values: dict[str, Any] = {
            "num_beams": 3,
            "length_penalty": 0.8,
            "no_repeat_ngram_size": 2,
            "max_new_tokens": 10,
            "early_stopping": "never",
            "stop_strings": (),
            "batch_size": 4,
        }
        return DecodingConfig(**(values | changes))

    return make
