"""The backbone families: everything that differs between them, as names that transformers gives to things.

A new family is one entry here. Nothing here imports torch or transformers; classes are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deltalora.config.task import Form


@dataclass(frozen=True)
class Architecture:
    """One family of backbones in transformers."""

    form: Form  # of the task it is fine-tuned on; `classification` means that it has a head of its own, newly drawn
    network: str  # the class of transformers that builds it
    query: str  # attribute of W_Q in its attention module
    value: str  # attribute of W_V; the same as `query` where both are blocks 0 and 2 of one fused weight
    head: str  # first part of the names of a sequence classification head
    output: str  # module of that head's last layer, whose outputs are the classes
    dropout: Mapping[str, str]  # the suite's name of each dropout probability -> its configuration key
    positions: str = "max_position_embeddings"  # the configuration key of the length of the position table
    reserved_positions: int = 0  # rows of that table that no token takes (RoBERTa counts on from its padding id, 1)
    tied: tuple[str, ...] = ()  # the names of one and the same tensor
    left_over: str | None = None  # pattern of the tensors of a checkpoint that this network does not use


#: transformers' `model_type` -> the family.
ARCHITECTURES: Mapping[str, Architecture] = {
    "gpt2": Architecture(
        form="causal",
        network="AutoModelForCausalLM",
        query="c_attn",
        value="c_attn",
        head="score",
        output="score",
        dropout={"residual": "resid_pdrop", "attention": "attn_pdrop", "embedding": "embd_pdrop"},
        positions="n_positions",
        tied=("transformer.wte.weight", "lm_head.weight"),
    ),
    "llama": Architecture(
        form="causal",
        network="AutoModelForCausalLM",
        query="q_proj",
        value="v_proj",
        head="score",
        output="score",
        dropout={"attention": "attention_dropout"},
    ),
    "roberta": Architecture(
        form="classification",
        network="AutoModelForSequenceClassification",
        query="query",
        value="value",
        head="classifier",
        output="classifier.out_proj",
        dropout={
            "hidden": "hidden_dropout_prob",
            "attention": "attention_probs_dropout_prob",
            "classifier": "classifier_dropout",
        },
        reserved_positions=2,
        left_over=r"lm_head\..*|(roberta\.)?pooler\..*",  # of the masked language model that the hub has
    ),
    "bart": Architecture(
        form="seq2seq",
        network="AutoModelForSeq2SeqLM",
        query="q_proj",
        value="v_proj",
        head="classification_head",
        output="classification_head.out_proj",
        dropout={
            "residual": "dropout",
            "attention": "attention_dropout",
            "activation": "activation_dropout",
            "classifier": "classifier_dropout",
        },
        tied=(
            "model.shared.weight",
            "model.encoder.embed_tokens.weight",
            "model.decoder.embed_tokens.weight",
            "lm_head.weight",
        ),
    ),
}
