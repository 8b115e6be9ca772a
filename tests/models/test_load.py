"""Weights from the package, a folder, the hub's cache or a seed: every tensor accounted for, or one line why not."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from deltalora.config import ModelConfig
from deltalora.errors import ModelError
from deltalora.models import identify, load_backbone, load_tokenizer, meta_backbone
from deltalora.models.embedded import embedded_model_dir

SHAPE = {"n_layer": 2, "n_embd": 16, "n_head": 2, "n_positions": 24, "vocab_size": 40}
TINY_SHAPE = {"n_layer": 3, "n_embd": 128, "n_head": 4, "n_positions": 256, "vocab_size": 1536}
SHA = "0123456789abcdef0123456789abcdef01234567"


def local(folder: Path, **changes: Any) -> ModelConfig:
    values: dict[str, Any] = {
        "name": "small",
        "architecture": "gpt2",
        "source": "local",
        "path": str(folder),
        "revision": None,
        "weights": "pretrained",
        "shape": SHAPE,
        "dropout": {"residual": 0.1, "attention": 0.2, "embedding": 0.3},
    }
    return ModelConfig(**(values | changes))


def embedded(**changes: Any) -> ModelConfig:
    return local(Path("gpt2"), **({"source": "embedded", "shape": TINY_SHAPE} | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A GPT-2 of random weights, saved as transformers saves it."""
    torch.manual_seed(0)
    place = tmp_path / "small"
    GPT2LMHeadModel(GPT2Config(**SHAPE, bos_token_id=0, eos_token_id=0)).save_pretrained(place)
    return place


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def refused(config: ModelConfig) -> str:
    with pytest.raises(ModelError) as caught:
        load_backbone(config, identify(config), seed=0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_embedded_backbone_loads_with_its_hash_and_the_configured_dropout() -> None:
    config = embedded()
    identity = identify(config)
    assert identity.folder == embedded_model_dir("gpt2")
    assert identity.revision is None
    assert len(identity.sha256) == 64
    model = load_backbone(config, identity, seed=0)
    assert not model.training
    assert sum(parameter.numel() for parameter in model.parameters()) == 824_448
    assert (model.config.resid_pdrop, model.config.attn_pdrop, model.config.embd_pdrop) == (0.1, 0.2, 0.3)
    block = model.transformer.h[0]
    assert (block.mlp.dropout.p, block.attn.attn_dropout.p, model.transformer.drop.p) == (0.1, 0.2, 0.3)


def test_the_embedded_tokenizer_belongs_to_the_embedded_backbone() -> None:
    config = embedded()
    assert len(load_tokenizer(config, identify(config))) == TINY_SHAPE["vocab_size"]


def test_a_local_folder_gives_back_exactly_what_it_holds(folder: Path) -> None:
    config = local(folder)
    stored = load_file(folder / "model.safetensors")
    loaded = load_backbone(config, identify(config), seed=0).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in stored.items())
    assert loaded["lm_head.weight"].data_ptr() == loaded["transformer.wte.weight"].data_ptr()


def test_the_hash_is_of_all_a_run_reads_and_of_nothing_else(folder: Path, tmp_path: Path) -> None:
    before = identify(local(folder)).sha256
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    (moved / "README.md").write_text("words")
    assert identify(local(moved)).sha256 == before
    seen = {before}
    for change in (
        lambda: change_config(moved, layer_norm_epsilon=1e-3),
        lambda: (moved / "tokenizer_config.json").write_text("{}"),
    ):
        change()
        assert identify(local(moved)).sha256 not in seen
        seen.add(identify(local(moved)).sha256)
    before = identify(local(moved)).sha256
    change_weights(moved, lambda tensors: tensors["transformer.ln_f.bias"].add_(1e-6))
    assert identify(local(moved)).sha256 != before


def test_weights_in_several_files_are_one_model(folder: Path, tmp_path: Path) -> None:
    config = local(folder)
    whole = load_backbone(config, identify(config), seed=0)
    whole.save_pretrained(tmp_path / "shards", max_shard_size="10KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    sharded = load_backbone(local(tmp_path / "shards"), identify(local(tmp_path / "shards")), seed=0)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), sharded.parameters(), strict=True))


def test_weights_stored_in_half_precision_are_loaded_in_full(folder: Path) -> None:
    def halve(tensors: dict[str, torch.Tensor]) -> None:
        tensors.update({name: tensor.half() for name, tensor in tensors.items()})

    change_weights(folder, halve)
    change_config(folder, dtype="float16")
    stored = load_file(folder / "model.safetensors")
    model = load_backbone(local(folder), identify(local(folder)), seed=0)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(torch.equal(model.state_dict()[name], tensor.float()) for name, tensor in stored.items())


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=40, **shape)).save_pretrained(tmp_path / "llama")
    assert "expected model_type=gpt2 for small, found llama; correct model.path" in refused(local(tmp_path / "llama"))


def test_another_shape_than_stated_is_refused_with_the_key(folder: Path) -> None:
    assert "expected n_layer=3 for small, found 2" in refused(local(folder, shape=SHAPE | {"n_layer": 3}))


def test_a_missing_tensor_is_refused_by_name(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.pop("transformer.h.1.attn.c_attn.weight"))
    assert "found 1 missing keys, first transformer.h.1.attn.c_attn.weight" in refused(local(folder))


def test_a_left_over_tensor_is_refused_by_name(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.update({"transformer.h.9.extra": torch.zeros(3)}))
    assert "found 1 unexpected keys, first transformer.h.9.extra" in refused(local(folder))


def test_a_tensor_of_another_shape_than_its_config_is_refused_by_name(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.update({"transformer.ln_f.weight": torch.zeros(17)}))
    assert "found 1 mismatched keys, first" in (line := refused(local(folder)))
    assert "transformer.ln_f.weight" in line


def test_a_cut_weight_file_is_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "expected whole safetensors files, found: " in refused(local(folder))


def test_a_broken_config_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": ')
    assert "expected a config.json of transformers, found: " in refused(local(folder))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "expected a folder with the weights of small, found none; correct model.path" in refused(
        local(tmp_path / "no")
    )


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_config_or_weights_says_what_it_has(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    (left,) = {"config.json", "model.safetensors"} - {missing}
    line = refused(local(folder))
    assert "expected config.json and *.safetensors of small, found " in line
    assert left in line.partition("found ")[2]


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0"}'])
def test_a_folder_without_a_readable_tokenizer_is_refused_in_one_line(folder: Path, content: str | None) -> None:
    """transformers would build one of no words where there is none."""
    if content is not None:
        (folder / "tokenizer.json").write_text(content)
    config = local(folder)
    with pytest.raises(ModelError, match=r"small: expected a tokenizer .*, found") as caught:
        load_tokenizer(config, identify(config))
    assert "\n" not in str(caught.value)


def test_hub_weights_that_are_not_to_be_had_point_to_a_local_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    line = refused(local(Path("owner/name"), source="hub", revision="main"))
    assert line.startswith("owner/name@main: expected the weights of small in the local cache or on the hub")
    assert "model.source=local model.path=DIR" in line


@pytest.mark.parametrize("revision", ["main", SHA])
def test_the_hubs_cache_is_read_offline_and_its_commit_recorded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    repository = tmp_path / "hub" / "models--owner--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(SHA)
    shutil.copytree(folder, repository / "snapshots" / SHA)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    config = local(Path("owner/name"), source="hub", revision=revision)
    identity = identify(config)
    assert identity.revision == SHA
    assert identity.folder == repository / "snapshots" / SHA
    assert identity.sha256 == identify(local(folder)).sha256
    loaded, original = load_backbone(config, identity, 0), load_backbone(local(folder), identify(local(folder)), 0)
    assert all(torch.equal(one, other) for one, other in zip(loaded.parameters(), original.parameters(), strict=True))


def random_weights(seed: int) -> list[torch.Tensor]:
    config = local(Path("nowhere"), weights="random")
    return [parameter.detach() for parameter in load_backbone(config, identify(config), seed).parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(left, right) for left, right in zip(one, other, strict=True))


def test_random_weights_are_their_seeds_and_nobody_elses() -> None:
    torch.manual_seed(1)
    first = random_weights(seed=5)
    torch.manual_seed(2)
    assert same(random_weights(seed=5), first)
    assert not same(random_weights(seed=6), first)
    assert {tensor.dtype for tensor in first} == {torch.float32}


def test_drawing_random_weights_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    random_weights(seed=5)
    assert torch.equal(torch.rand(3), expected)


def test_loading_stored_weights_does_not_depend_on_the_seed(folder: Path) -> None:
    config = local(folder)
    one, other = (list(load_backbone(config, identify(config), seed).parameters()) for seed in (1, 2))
    assert same(one, other)


def test_random_weights_are_identified_by_their_shape_alone() -> None:
    config = local(Path("nowhere"), weights="random")
    assert identify(config) == identify(local(Path("elsewhere"), weights="random"))
    assert identify(config).folder is None
    assert identify(config) != identify(local(Path("nowhere"), weights="random", shape=SHAPE | {"n_layer": 3}))


def test_random_weights_come_with_the_embedded_tokenizer() -> None:
    config = local(Path("nowhere"), weights="random")
    assert len(load_tokenizer(config, identify(config))) == TINY_SHAPE["vocab_size"]


def test_a_meta_backbone_has_shapes_and_no_storage(folder: Path) -> None:
    meta = meta_backbone(local(Path("nobody/has-it"), source="hub", revision="main"))
    assert all(parameter.is_meta for parameter in meta.parameters())
    real = load_backbone(local(folder), identify(local(folder)), seed=0)
    shapes = {name: parameter.shape for name, parameter in meta.named_parameters()}
    assert shapes == {name: parameter.shape for name, parameter in real.named_parameters()}


def test_a_meta_backbone_without_stated_shape_reads_the_config_alone(folder: Path) -> None:
    meta = meta_backbone(local(folder, shape=None))
    assert sum(parameter.numel() for parameter in meta.parameters()) == sum(
        parameter.numel() for parameter in meta_backbone(local(folder)).parameters()
    )


def test_gpt2_medium_is_counted_without_its_weights() -> None:
    shape = {"n_layer": 24, "n_embd": 1024, "n_head": 16, "n_positions": 1024, "vocab_size": 50257}
    meta = meta_backbone(local(Path("openai-community/gpt2-medium"), source="hub", revision="main", shape=shape))
    assert sum(parameter.numel() for parameter in meta.parameters()) == 354_823_168


def test_dropout_is_the_configurations_not_the_checkpoints(folder: Path) -> None:
    change_config(folder, resid_pdrop=0.5, attn_pdrop=0.5, embd_pdrop=0.5)
    config = local(folder, dropout={"residual": 0.0, "attention": 0.0, "embedding": 0.0})
    model = load_backbone(config, identify(config), seed=0).train()
    ids = torch.arange(8).unsqueeze(0)
    with torch.no_grad():
        assert torch.equal(model(ids).logits, copy.deepcopy(model).eval()(ids).logits)
