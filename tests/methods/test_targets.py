import pytest
import torch
from torch import nn
from transformers import BartConfig, BartForConditionalGeneration

from deltalora.errors import ModelError
from deltalora.methods import find_projections, head_parameters, token_embedding


def test_gpt2_projections_are_blocks_zero_and_two_of_the_fused_weight(make_model):
    model = make_model("gpt2")
    projections = find_projections(model)
    assert [p.name for p in projections] == [
        "transformer.h.0.attn.c_attn.q",
        "transformer.h.0.attn.c_attn.v",
        "transformer.h.1.attn.c_attn.q",
        "transformer.h.1.attn.c_attn.v",
    ]
    weight = model.transformer.h[0].attn.c_attn.weight
    assert torch.equal(projections[0].block(weight), weight[:, :16])
    assert torch.equal(projections[1].block(weight), weight[:, 32:])


def test_roberta_projections_are_query_and_value_layer_by_layer(make_model):
    names = [p.name for p in find_projections(make_model("roberta"))]
    prefix = "roberta.encoder.layer"
    assert names == [f"{prefix}.{i}.attention.self.{module}" for i in (0, 1) for module in ("query.q", "value.v")]


def test_bart_projections_cover_encoder_decoder_and_cross_attention(make_model):
    projections = find_projections(make_model("bart"))
    attentions = [p.module.rsplit(".", 1)[0] for p in projections if p.role == "q"]
    assert attentions == [
        "model.encoder.layers.0.self_attn",
        "model.encoder.layers.1.self_attn",
        "model.decoder.layers.0.self_attn",
        "model.decoder.layers.0.encoder_attn",
        "model.decoder.layers.1.self_attn",
        "model.decoder.layers.1.encoder_attn",
    ]
    assert [p.role for p in projections] == ["q", "v"] * 6


def test_bart_large_has_36_adapted_attention_modules():
    config = BartConfig()  # the library's defaults are BART-large
    with torch.device("meta"):
        model = BartForConditionalGeneration(config)
    assert len(find_projections(model)) == 2 * 36


def test_llama_value_projection_is_narrower_with_grouped_queries(make_model):
    shapes = {p.role: (p.out_features, p.in_features) for p in find_projections(make_model("llama"))}
    assert shapes == {"q": (16, 16), "v": (8, 16)}


def test_an_unknown_architecture_is_refused_with_the_list_of_known_ones():
    with pytest.raises(ModelError, match=r"gpt2, llama, roberta, bart, found None in Linear"):
        find_projections(nn.Linear(2, 2))


def test_a_second_injection_is_refused(make_model, make_method, architecture):
    model = make_model(architecture)
    make_method("lora", model)
    with pytest.raises(ModelError, match=r"found LowRankProjection.*untouched model"):
        make_method("lora", model)


def test_only_a_classification_head_counts_as_head(make_model):
    assert set(head_parameters(make_model("roberta"))) == {
        "classifier.dense.weight",
        "classifier.dense.bias",
        "classifier.out_proj.weight",
        "classifier.out_proj.bias",
    }
    for language_model in ("gpt2", "bart", "llama"):
        assert head_parameters(make_model(language_model)) == {}


def test_the_token_embedding_is_the_tied_lm_head_where_there_is_a_tie(make_model):
    for tied in ("gpt2", "bart"):
        model = make_model(tied)
        assert token_embedding(model) is model.lm_head.weight
    llama = make_model("llama")
    assert token_embedding(llama) is not llama.lm_head.weight
