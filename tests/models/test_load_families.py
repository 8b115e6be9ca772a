"""RoBERTa with a new head and BART with its ties, from checkpoints as the hub has them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    RobertaModel,
)

from deltalora.config import ModelConfig, config_dir
from deltalora.errors import ModelError
from deltalora.methods import head_parameters
from deltalora.models import identify, load_backbone, load_tokenizer, max_positions, meta_backbone

ROBERTA_SHAPE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
    "type_vocab_size": 1,
}
BART_SHAPE = {
    "vocab_size": 40,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 20,
}
DROPOUTS = {
    "gpt2": {"residual": 0.1, "attention": 0.2, "embedding": 0.3},
    "roberta": {"hidden": 0.1, "attention": 0.2, "classifier": 0.3},
    "bart": {"residual": 0.1, "attention": 0.2, "activation": 0.3, "classifier": 0.4},
}
BART_TIED = ("model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head")

Tensors = dict[str, torch.Tensor]


def model_config(architecture: str, folder: Path, **changes: Any) -> ModelConfig:
    values: dict[str, Any] = {
        "name": "small",
        "architecture": architecture,
        "source": "local",
        "path": str(folder),
        "revision": None,
        "weights": "pretrained",
        "shape": {"roberta": ROBERTA_SHAPE, "bart": BART_SHAPE}[architecture],
        "dropout": DROPOUTS[architecture],
    }
    return ModelConfig(**(values | changes))


def load(config: ModelConfig, seed: int = 0, num_labels: int | None = None) -> Any:
    return load_backbone(config, identify(config), seed, num_labels)


def refused(config: ModelConfig, num_labels: int | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        load(config, num_labels=num_labels)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> Tensors:
    stored = {name: tensor.clone() for name, tensor in change(load_file(folder / "model.safetensors")).items()}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    return stored


def like_the_hubs_masked_lm(stored: Tensors) -> Tensors:
    """roberta-base holds a language-model head, a pooler, and older files the position ids too."""
    return stored | {
        "lm_head.decoder.weight": stored["roberta.embeddings.word_embeddings.weight"],
        "roberta.pooler.dense.weight": torch.zeros(16, 16),
        "roberta.pooler.dense.bias": torch.zeros(16),
        "roberta.embeddings.position_ids": torch.arange(20).unsqueeze(0),
    }


@pytest.fixture
def roberta(tmp_path: Path) -> Path:
    """A checkpoint of the hub's kind: RoBERTa as a masked language model, with a pooler."""
    torch.manual_seed(0)
    RobertaForMaskedLM(RobertaConfig(**ROBERTA_SHAPE)).save_pretrained(tmp_path / "roberta")
    rewrite(tmp_path / "roberta", like_the_hubs_masked_lm)
    return tmp_path / "roberta"


@pytest.fixture
def bart(tmp_path: Path) -> Path:
    """A checkpoint of the hub's kind: BartModel without prefix, without logits bias and LM head."""
    torch.manual_seed(0)
    BartModel(BartConfig(**BART_SHAPE)).save_pretrained(tmp_path / "bart")
    return tmp_path / "bart"


def head(model: Any) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in head_parameters(model).values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(left, right) for left, right in zip(one, other, strict=True))


def model_file(scale: str, architecture: str) -> ModelConfig:
    values = yaml.safe_load((config_dir() / "model" / scale / f"{architecture}.yaml").read_text(encoding="utf-8"))
    return ModelConfig(**values, dropout=DROPOUTS[architecture])


@pytest.mark.golden
@pytest.mark.parametrize(
    ("architecture", "labels", "total", "positions"),
    [
        ("roberta", 1, 124_646_401, 512),
        ("roberta", 2, 124_647_170, 512),
        ("roberta", 3, 124_647_939, 512),
        ("bart", None, 406_291_456, 1024),
        ("gpt2", None, 354_823_168, 1024),
    ],
)
def test_the_papers_backbones_are_counted_without_their_weights(
    architecture: str, labels: int | None, total: int, positions: int
) -> None:
    config = model_file("paper", architecture)
    meta = meta_backbone(config, labels)
    assert all(parameter.is_meta for parameter in meta.parameters())
    assert sum(parameter.numel() for parameter in meta.parameters()) == total
    random = config.model_copy(update={"weights": "random"})
    assert max_positions(random, identify(random)) == positions


@pytest.mark.parametrize("architecture", ["gpt2", "roberta", "bart"])
def test_an_embedded_backbone_is_what_its_model_file_says(architecture: str) -> None:
    config = model_file("embedded", architecture)
    identity = identify(config)
    assert identity.folder is not None
    labels = 3 if architecture == "roberta" else None
    loaded, meta = load(config, num_labels=labels), meta_backbone(config, labels)
    assert [tensor.shape for tensor in loaded.parameters()] == [tensor.shape for tensor in meta.parameters()]
    assert max_positions(config, identity) == 256
    tokenizer = load_tokenizer(config, identity)
    assert len(tokenizer) <= config.shape["vocab_size"]
    assert tokenizer.eos_token_id == loaded.config.eos_token_id


def test_roberta_takes_all_of_its_backbone_and_draws_only_the_head(roberta: Path) -> None:
    stored = load_file(roberta / "model.safetensors")
    model = load(model_config("roberta", roberta), num_labels=2)
    assert isinstance(model, RobertaForSequenceClassification)
    loaded = model.state_dict()
    fresh = {name for name in loaded if name not in stored}
    assert fresh == set(head_parameters(model))
    assert all(torch.equal(loaded[name], stored[name]) for name in loaded.keys() - fresh)
    assert model.classifier.out_proj.weight.shape == (2, 16)
    assert 0.01 < float(model.classifier.dense.weight.detach().std()) < 0.03
    assert not model.classifier.dense.bias.any()


def test_the_head_is_its_seeds_and_nobody_elses(roberta: Path) -> None:
    config = model_config("roberta", roberta)
    torch.manual_seed(1)
    first = head(load(config, seed=5, num_labels=3))
    torch.manual_seed(2)
    assert same(head(load(config, seed=5, num_labels=3)), first)
    assert not same(head(load(config, seed=6, num_labels=3)), first)


def test_drawing_the_head_leaves_the_global_generator_alone(roberta: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load(model_config("roberta", roberta), seed=5, num_labels=2)
    assert torch.equal(torch.rand(3), expected)


def test_the_head_does_not_depend_on_how_the_checkpoint_is_stored(roberta: Path, tmp_path: Path) -> None:
    expected = head(load(model_config("roberta", roberta), seed=5, num_labels=2))
    bare = Path(shutil.copytree(roberta, tmp_path / "bare"))
    rewrite(
        bare,
        lambda stored: {
            name.removeprefix("roberta."): tensor for name, tensor in stored.items() if not name.startswith("lm_head")
        },
    )
    assert same(head(load(model_config("roberta", bare), seed=5, num_labels=2)), expected)
    RobertaModel.from_pretrained(roberta).save_pretrained(tmp_path / "shards", max_shard_size="10KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    assert same(head(load(model_config("roberta", tmp_path / "shards"), seed=5, num_labels=2)), expected)


@pytest.mark.parametrize(("labels", "kind"), [(1, "regression"), (2, "single_label_classification")])
def test_one_label_is_a_regression(roberta: Path, labels: int, kind: str) -> None:
    model = load(model_config("roberta", roberta), num_labels=labels)
    assert model.config.problem_type == kind
    assert (model.config.num_labels, model.classifier.out_proj.out_features) == (labels, labels)
    values = torch.tensor([0.5, 2.0]) if labels == 1 else torch.tensor([0, 1])
    assert model(torch.tensor([[0, 5, 2], [0, 6, 2]]), labels=values).loss.isfinite()


def test_a_checkpoint_with_a_head_of_its_own_is_refused(tmp_path: Path) -> None:
    """Its head would be kept in silence, or reported as of another shape."""
    for labels in (2, 3):
        folder = tmp_path / str(labels)
        RobertaForSequenceClassification(RobertaConfig(**ROBERTA_SHAPE, num_labels=labels)).save_pretrained(folder)
        assert "expected a backbone without a classification head, found classifier.dense.bias" in refused(
            model_config("roberta", folder), num_labels=2
        )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda stored: {name: t for name, t in stored.items() if name != "roberta.embeddings.LayerNorm.bias"},
            "found 1 missing keys, first roberta.embeddings.LayerNorm.bias",
        ),
        (
            lambda stored: stored | {"roberta.encoder.layer.9.extra": torch.zeros(3)},
            "found 1 unexpected keys, first roberta.encoder.layer.9.extra",
        ),
        (
            lambda stored: stored | {"roberta.embeddings.LayerNorm.bias": torch.zeros(17)},
            "found 1 mismatched keys, first roberta.embeddings.LayerNorm.bias",
        ),
    ],
)
def test_only_the_head_may_be_missing_and_only_the_masked_lm_left_over(
    roberta: Path, change: Callable[[Tensors], Tensors], found: str
) -> None:
    rewrite(roberta, change)
    assert found in refused(model_config("roberta", roberta), num_labels=2)


def test_the_number_of_labels_goes_with_the_architecture(roberta: Path, bart: Path) -> None:
    assert "small: expected a number of labels for a roberta backbone, found None" in refused(
        model_config("roberta", roberta)
    )
    assert "small: expected no number of labels for a bart backbone, found 2" in refused(
        model_config("bart", bart), num_labels=2
    )


def unprefixed(stored: Tensors) -> Tensors:
    return stored


def prefixed(stored: Tensors) -> Tensors:
    return {f"model.{name}": tensor for name, tensor in stored.items()}


def with_every_tie_written_out(stored: Tensors) -> Tensors:
    embedding = stored["shared.weight"]
    return stored | {"encoder.embed_tokens.weight": embedding, "decoder.embed_tokens.weight": embedding}


def with_bias_and_head(stored: Tensors) -> Tensors:
    extra = {"lm_head.weight": stored["shared.weight"], "final_logits_bias": torch.full((1, 40), 0.5)}
    return prefixed(with_every_tie_written_out(stored)) | extra


@pytest.mark.parametrize("change", [unprefixed, prefixed, with_every_tie_written_out, with_bias_and_head])
def test_bart_is_tied_and_whole_however_its_checkpoint_names_it(
    bart: Path, change: Callable[[Tensors], Tensors]
) -> None:
    original = load_file(bart / "model.safetensors")
    rewrite(bart, change)
    model = load(model_config("bart", bart))
    assert isinstance(model, BartForConditionalGeneration)
    assert len({id(model.get_parameter(f"{name}.weight")) for name in BART_TIED}) == 1
    loaded = model.model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in original.items())
    assert torch.equal(model.lm_head.weight, original["shared.weight"])
    assert model.final_logits_bias.unique().tolist() == ([0.5] if change is with_bias_and_head else [0.0])
    counted = sum(parameter.numel() for parameter in meta_backbone(model_config("bart", bart)).parameters())
    assert sum(parameter.numel() for parameter in model.parameters()) == counted


def test_embeddings_that_are_not_tied_are_refused(bart: Path) -> None:
    """transformers unties them with a warning; the model would have more parameters than the paper's."""
    rewrite(
        bart, lambda stored: with_every_tie_written_out(stored) | {"encoder.embed_tokens.weight": torch.zeros(40, 16)}
    )
    assert "to be one tensor, found different ones; give a checkpoint with tied embeddings" in refused(
        model_config("bart", bart)
    )


@pytest.mark.parametrize("architecture", ["roberta", "bart"])
def test_half_precision_weights_come_out_in_full(architecture: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(architecture)
    stored = rewrite(folder, lambda full: {name: tensor.half() for name, tensor in full.items()})
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"dtype": "float16"}), encoding="utf-8")
    model = load(model_config(architecture, folder), num_labels=2 if architecture == "roberta" else None)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    loaded = model.state_dict() if architecture == "roberta" else model.model.state_dict()
    shared = loaded.keys() & stored.keys()
    assert len(shared) > 30
    assert all(torch.equal(loaded[name], stored[name].float()) for name in shared)


def test_dropouts_are_the_configurations_in_every_place(roberta: Path, bart: Path) -> None:
    judge = load(model_config("roberta", roberta), num_labels=2)
    layer = judge.roberta.encoder.layer[0]
    assert (layer.output.dropout.p, layer.attention.self.dropout.p, judge.classifier.dropout.p) == (0.1, 0.2, 0.3)
    writer = load(model_config("bart", bart))
    for stack in (writer.model.encoder, writer.model.decoder):
        block = stack.layers[0]
        assert (stack.dropout, block.dropout, block.self_attn.dropout, block.activation_dropout) == (0.1, 0.1, 0.2, 0.3)
    assert writer.config.classifier_dropout == 0.4


@pytest.mark.parametrize(("architecture", "longest"), [("roberta", 18), ("bart", 20)])
def test_the_longest_input_just_fits(architecture: str, longest: int, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(architecture)
    config = model_config(architecture, folder, shape=None)
    assert max_positions(config, identify(config)) == longest
    model = load(config, num_labels=2 if architecture == "roberta" else None)
    assert model(torch.full((1, longest), 5)).logits.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, longest + 1), 5))


@pytest.mark.parametrize("architecture", ["roberta", "bart"])
def test_random_weights_are_their_seeds(architecture: str) -> None:
    config = model_config(architecture, Path("nowhere"), weights="random")
    labels = 2 if architecture == "roberta" else None
    one, again, other = (list(load(config, seed, labels).parameters()) for seed in (1, 1, 2))
    assert same(one, again)
    assert not same(one, other)


def byte_level_vocabulary(folder: Path) -> None:
    """RoBERTa's and BART's own files: bytes as letters, four special tokens first, one merge."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefgh", "Ġ", "ab", "<mask>"]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\na b\n", encoding="utf-8")


@pytest.mark.parametrize("architecture", ["roberta", "bart"])
def test_a_tokenizer_of_vocabulary_and_merges_writes_the_special_tokens(
    architecture: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(architecture)
    byte_level_vocabulary(folder)
    config = model_config(architecture, folder)
    tokenizer = load_tokenizer(config, identify(config))
    assert tokenizer("abc")["input_ids"] == [0, 13, 6, 2]
    assert tokenizer("ab", "d")["input_ids"] == [0, 13, 2, 2, 7, 2]
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (1, 2)
    tokenizer.save_pretrained(folder.parent / "whole")
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    shutil.copy(folder.parent / "whole" / "tokenizer.json", folder)
    again = load_tokenizer(config, identify(config))
    assert again("ab", "d")["input_ids"] == [0, 13, 2, 2, 7, 2]


def test_a_vocabulary_without_its_merges_is_no_tokenizer(roberta: Path) -> None:
    byte_level_vocabulary(roberta)
    (roberta / "merges.txt").unlink()
    config = model_config("roberta", roberta)
    with pytest.raises(ModelError, match=r"\(tokenizer.json or vocab.json with merges.txt\), found none"):
        load_tokenizer(config, identify(config))


def test_a_folder_with_a_pickle_alone_says_how_to_convert_it_and_that_works(bart: Path, tmp_path: Path) -> None:
    byte_level_vocabulary(bart)
    stored = load_file(bart / "model.safetensors")
    torch.save(stored, bart / "pytorch_model.bin")
    (bart / "model.safetensors").unlink()
    line = refused(model_config("bart", bart))
    assert line.endswith("then model.source=local model.path=DIR")
    command = re.search(r'python -c "(.*)"', line)
    assert command is not None
    exec(command[1].replace("DIR", str(tmp_path / "converted")))
    converted = model_config("bart", tmp_path / "converted")
    loaded = load(converted).model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in stored.items())
    assert len(load_tokenizer(converted, identify(converted))) == 15
