"""A GPT-2 whose next token depends on the last one alone, by a table: its search tree fits in a comment."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from transformers import GPT2LMHeadModel

from tiny_models import gpt2_config

#: Log-probability of what is not in the table; exp of it is 0 in float64, too.
NEVER = -1e4


class Chain:
    """Token names, their ids, and the model: logits of the next token = log P(next | last)."""

    def __init__(self, table: Mapping[str, Mapping[str, float]]) -> None:
        self.names = "".join(sorted({*table, *(name for row in table.values() for name in row)}))
        size = len(self.names)
        config = gpt2_config(
            vocab_size=size, n_embd=size, n_layer=1, n_head=1, n_positions=64, tie_word_embeddings=False
        )
        self.model = GPT2LMHeadModel(config).eval()
        blocks = self.model.transformer
        blocks.ln_f = nn.Identity()
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.zero_()  # attention and the inner layer add nothing
            blocks.wte.weight.copy_(torch.eye(size))  # the last token as a one-hot vector
            self.model.lm_head.weight.fill_(NEVER)
            for last, row in table.items():
                assert math.isclose(sum(row.values()), 1.0), last
                for following, probability in row.items():
                    self.model.lm_head.weight[self.id(following), self.id(last)] = math.log(probability)

    def id(self, name: str) -> int:
        return self.names.index(name)

    def ids(self, names: str) -> list[int]:
        return [self.id(name) for name in names]

    def text(self, ids: Sequence[int]) -> str:
        return "".join(self.names[token] for token in ids)
