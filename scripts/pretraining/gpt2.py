"""GPT-2: slots, the end token, the text, the end token; loss on the text only, not on the slots before it."""

import random
from collections.abc import Iterator
from itertools import islice

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from embedded_world import e2e_splits, linearise, pretraining_pairs
from pretraining.recipe import IGNORED, POSITIONS, Batch, Example, Settings, byte_level_bpe

END = "<|endoftext|>"
END_ID = 0

DEFAULTS = Settings(architecture="gpt2", steps=3300, batch_size=32, learning_rate=3e-3)


def train_tokenizer(settings: Settings) -> PreTrainedTokenizerFast:
    """Trained on source text and on the target's train text, for its words' sake; one special token in every role."""
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_level_bpe(_tokenizer_text(settings), settings.vocabulary, [END], add_prefix_space=False),
        bos_token=END,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=POSITIONS,
        clean_up_tokenization_spaces=False,
    )


def _tokenizer_text(settings: Settings) -> Iterator[str]:
    for slots, text in islice(pretraining_pairs(settings.seed), settings.tokenizer_pairs):
        yield linearise(slots)
        yield f" {text}"
    for entry in e2e_splits()["train"]:
        yield linearise(entry.slots)
        yield from (f" {reference}" for reference in entry.references)


def texts(seed: int) -> Iterator[tuple[str, str]]:
    """Slots on one line, and the text that says them."""
    return ((linearise(slots), text) for slots, text in pretraining_pairs(seed))


def encode(tokenizer: Tokenizer, first: str, second: str, rng: random.Random) -> Example:
    """Token ids of `slots <end> text <end>`, at most POSITIONS of them, and where the text starts."""
    context = [*tokenizer.encode(first).ids, END_ID]
    completion = [*tokenizer.encode(f" {second}").ids, END_ID]
    return (context + completion)[:POSITIONS], len(context)


def pad(examples: list[Example]) -> Batch:
    """Batch of (ids, labels), both (batch, longest)."""
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    for row, (tokens, text_start) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, text_start : len(tokens)] = ids[row, text_start : len(tokens)]
    return ids, labels


def build(settings: Settings) -> GPT2LMHeadModel:
    """GPT-2's shape at d = 128, 3 layers, 4 heads: 0.82 M parameters, tied embeddings."""
    config = GPT2Config(
        vocab_size=settings.vocabulary,
        n_positions=POSITIONS,
        n_embd=128,
        n_layer=3,
        n_head=4,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        use_cache=True,
    )
    return GPT2LMHeadModel(config)


def loss(model: GPT2LMHeadModel, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled tokens; no attention mask, since padding stands on the right."""
    hidden = model.transformer(ids[:, :-1]).last_hidden_state
    wanted = labels[:, 1:] != IGNORED
    return cross_entropy(model.lm_head(hidden[wanted]), labels[:, 1:][wanted])


def measures(model: GPT2LMHeadModel, tokenizer: Tokenizer, settings: Settings) -> dict[str, float]:
    """Nothing beside the validation loss."""
    return {}
