"""Shapes of tiny random backbones, without dropout; every test states what it needs otherwise."""

from typing import Any

from transformers import BartConfig, GPT2Config, LlamaConfig, RobertaConfig

WIDTH, LAYERS, HEADS, INNER = 16, 2, 2, 32


def gpt2_config(**changes: Any) -> GPT2Config:
    """Two layers of width 16."""
    shape: dict[str, Any] = {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 32}
    dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return GPT2Config(**(shape | dropout | changes))


def roberta_config(**changes: Any) -> RobertaConfig:
    """Two layers of width 16, 32 positions beside the two that RoBERTa keeps."""
    shape: dict[str, Any] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "max_position_embeddings": 34,
        "type_vocab_size": 1,
    }
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return RobertaConfig(**(shape | dropout | changes))


def bart_config(**changes: Any) -> BartConfig:
    """Two layers of width 16 on either side."""
    shape: dict[str, Any] = {
        "d_model": WIDTH,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "encoder_attention_heads": HEADS,
        "decoder_attention_heads": HEADS,
        "encoder_ffn_dim": INNER,
        "decoder_ffn_dim": INNER,
        "max_position_embeddings": 32,
    }
    return BartConfig(**(shape | {"dropout": 0.0} | changes))


def llama_config(**changes: Any) -> LlamaConfig:
    """Two layers of width 16."""
    shape: dict[str, Any] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "max_position_embeddings": 64,
    }
    return LlamaConfig(**(shape | changes))
