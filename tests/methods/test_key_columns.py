"""W_K of GPT-2 lies between W_Q and W_V in one weight, and no method that adapts those two moves a bit of it.

The columns are counted here by hand: a test that asks the methods' own `find_projections` where q and v lie would
follow them into the K columns.
"""

import pytest
import torch

QUERY_VALUE_ONLY = ("ft_qv", "lora", "dylora", "adalora", "delta_lora", "delta_lora_closed_form")


@pytest.mark.invariant
@pytest.mark.parametrize("name", QUERY_VALUE_ONLY)
def test_training_under_weight_decay_leaves_the_key_columns_as_they_were_and_moves_those_beside_them(
    name, make_model, make_method, make_batch, make_optimizer, train
):
    untouched, model = make_model("gpt2"), make_model("gpt2")
    method = make_method(name, model)
    train(method, model, make_optimizer(method, model), make_batch("gpt2"), last=10)
    merged = method.merge(model)
    for before, after in zip(untouched.transformer.h, merged.transformer.h, strict=True):
        (q, k, v), (q_now, k_now, v_now) = (one.attn.c_attn.weight.split(16, dim=1) for one in (before, after))
        assert torch.equal(k, k_now)
        assert not torch.equal(q, q_now)
        assert not torch.equal(v, v_now)
        assert torch.equal(before.attn.c_attn.bias, after.attn.c_attn.bias)
