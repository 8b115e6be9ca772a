"""Exports of real runs on tiny backbones: what peft and transformers load computes what the run computed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from peft import (
    AutoPeftModelForCausalLM,
    AutoPeftModelForSeq2SeqLM,
    AutoPeftModelForSequenceClassification,
    PeftConfig,
    PeftModel,
)
from safetensors.torch import load_file, save_file

import deltalora
from deltalora.cli import main
from deltalora.config import run_config
from deltalora.errors import ConfigError, ModelError, StoreError
from deltalora.export import RestoredRun, restore, write_adapter, write_plain
from deltalora.export.low_rank import module_updates
from deltalora.methods.dylora import DyLoRA
from deltalora.methods.low_rank import LowRankMethod
from deltalora.models.embedded import embedded_model_dir
from deltalora.results import Store
from deltalora.training import execute

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # peft 0.21 on transformers 5.23
]

STEPS = 14
ADALORA = "recipe.adalora={initial_warmup: 1, final_warmup: 4, mask_interval: 2}"
EXPERIMENTS = {
    "e2e": ["experiment=e2e", "+debug=two_steps"],
    "xsum": ["experiment=xsum", "+debug=two_steps"],
    "rte": ["experiment=glue/rte", "+debug=two_steps_glue"],
}
CLOSED = "method.update=closed_form"
RUNS = [
    ("e2e", "delta_lora", ()),
    ("e2e", "adalora", ()),
    ("xsum", "lora", ()),
    ("xsum", "delta_lora", (CLOSED,)),
    ("xsum", "dylora", ()),
    ("rte", "lora", ()),
    ("rte", "adalora", ()),
    ("rte", "delta_lora", ()),
    ("rte", "delta_lora", (CLOSED,)),
    ("rte", "delta_lora", ("init_from=none",)),
]
Finished = Callable[..., RestoredRun]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Returns a function of (experiment, method, overrides) that runs it once and restores it anew each time."""
    store = Store(tmp_path_factory.mktemp("store"))

    @cache
    def run_id(experiment: str, method: str, overrides: tuple[str, ...]) -> str:
        shared = [f"train.max_steps={STEPS}", "recipe.start_step=2", ADALORA, f"runtime.results_dir={store.root}"]
        config = run_config([*EXPERIMENTS[experiment], f"method={method}", *shared, *overrides])
        return execute(config).record.run_id

    return lambda experiment, method, overrides=(): restore(store, run_id(experiment, method, overrides))


def configuration_of(adapter: Path) -> dict[str, object]:
    """Its adapter_config.json."""
    read: dict[str, object] = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    return read


def logits(run: RestoredRun, model: torch.nn.Module) -> torch.Tensor:
    ids = torch.randint(4, 1000, (3, 20), generator=torch.Generator().manual_seed(3))
    mask = torch.ones_like(ids)
    mask[0, 12:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if run.model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, :7]
    with torch.no_grad():
        return model.eval()(**inputs).logits


@pytest.mark.parity
@pytest.mark.parametrize(("experiment", "method", "overrides"), RUNS)
def test_the_adapter_on_the_untouched_base_gives_the_runs_logits(
    finished, tmp_path, fidelity, experiment, method, overrides
):
    run = finished(experiment, method, overrides)
    base = logits(run, run.untouched())
    expected = logits(run, run.model)
    assert (expected - base).abs().max() > 1e-3 * base.abs().max(), "the run has learnt something"
    checked = write_adapter(run, tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(run.untouched(), str(tmp_path / "adapter"))
    scale = expected.abs().max()
    what = f"logits of {experiment}, relative, {' '.join(overrides) or 'as configured'}"
    fidelity.close(method, "export to peft 0.21.2, fp32", what, logits(run, loaded) / scale, expected / scale, 1e-5)
    assert checked.difference <= 1e-5
    saved = configuration_of(tmp_path / "adapter")
    assert all(type(alpha) is int and alpha > 0 for alpha in (saved["lora_alpha"], *saved["alpha_pattern"].values()))
    assert saved["alpha_pattern"].keys() == saved["rank_pattern"].keys()
    assert saved["modules_to_save"] == (["classifier", "score"] if experiment == "rte" else None), "as peft has them"
    assert loaded.peft_config["default"].base_model_name_or_path == saved["base_model_name_or_path"]


@pytest.mark.parity
@pytest.mark.parametrize(("experiment", "method", "overrides"), RUNS[:4] + RUNS[8:9] + [("rte", "full", ())])
def test_the_plain_model_gives_the_runs_logits(finished, tmp_path, fidelity, experiment, method, overrides):
    run = finished(experiment, method, overrides)
    write_plain(run, tmp_path / "plain")
    plain = type(run.untouched()).from_pretrained(tmp_path / "plain", local_files_only=True)
    expected = logits(run, run.model)
    pair = (logits(run, plain) / expected.abs().max(), expected / expected.abs().max())
    fidelity.close(method, "export to a transformers folder, fp32", f"logits of {experiment}, relative", *pair, 1e-5)
    assert (tmp_path / "plain/tokenizer.json").is_file()


@pytest.mark.parametrize(
    ("experiment", "method", "overrides", "rank"),
    [
        ("xsum", "lora", (), 4),
        ("rte", "lora", (), 8),
        ("xsum", "delta_lora", (CLOSED,), 8),
        ("rte", "delta_lora", ("init_from=none",), 16),
        ("rte", "delta_lora", (), 32),  # what MNLI moved in W before is another 2r
        ("e2e", "delta_lora", (), 16),  # q and v share one pair of factors: twice 2r
    ],
)
def test_the_rank_is_what_the_method_needs(finished, tmp_path, experiment, method, overrides, rank):
    run = finished(experiment, method, overrides)
    assert write_adapter(run, tmp_path / "adapter").rank == rank
    saved = configuration_of(tmp_path / "adapter")
    assert saved["r"] == rank
    assert saved["inference_mode"] is True
    names = {"e2e": ["c_attn"], "xsum": ["q_proj", "v_proj"], "rte": ["query", "value"]}[experiment]
    assert set(saved["target_modules"]) == set(names)


@pytest.mark.parametrize(
    ("experiment", "architecture", "network", "arguments"),
    [
        ("e2e", "gpt2", AutoPeftModelForCausalLM, {}),
        ("xsum", "bart", AutoPeftModelForSeq2SeqLM, {}),
        ("rte", "roberta", AutoPeftModelForSequenceClassification, {"num_labels": 2}),
    ],
)
def test_an_adapter_on_an_embedded_model_finds_it_by_its_place_in_the_package(
    finished, tmp_path, monkeypatch, experiment, architecture, network, arguments
):
    run = finished(experiment, "delta_lora")
    write_adapter(run, tmp_path / "adapter")
    saved = configuration_of(tmp_path / "adapter")
    assert saved["base_model_name_or_path"] == f"deltalora/models/embedded/{architecture}"
    assert saved["revision"] is None
    monkeypatch.chdir(Path(deltalora.__file__).parents[1])
    loaded = network.from_pretrained(str(tmp_path / "adapter"), **arguments)
    torch.testing.assert_close(logits(run, loaded), logits(run, run.model), rtol=0, atol=1e-5)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        OSError, match=f"deltalora/models/embedded/{architecture}"
    ):  # and never a stranger's from the hub
        network.from_pretrained(str(tmp_path / "adapter"), **arguments)
    readme = (tmp_path / "adapter/README.md").read_text(encoding="utf-8")
    assert f'from_pretrained(embedded_model_dir("{architecture}")' in readme


def test_an_adapter_on_a_hub_model_names_it_there_with_its_commit(finished, tmp_path):
    run = finished("xsum", "lora")
    hub = {"source": "hub", "path": "facebook/bart-large", "revision": "main"}
    config = run.config.model_copy(update={"model": run.config.model.model_copy(update=hub)})
    write_adapter(replace(run, config=config, identity=replace(run.identity, revision="c0ffee")), tmp_path / "adapter")
    saved = PeftConfig.from_pretrained(str(tmp_path / "adapter"))
    assert (saved.base_model_name_or_path, saved.revision) == ("facebook/bart-large", "c0ffee")
    readme = (tmp_path / "adapter/README.md").read_text(encoding="utf-8")
    assert 'from_pretrained("facebook/bart-large", revision="c0ffee")' in readme


def test_an_adapter_on_a_local_model_names_the_model_and_no_folder(tmp_path, monkeypatch):
    folder = tmp_path / "weights here"
    shutil.copytree(embedded_model_dir("bart"), folder)
    store = Store(tmp_path / "store")
    local = ["model.source=local", f"model.path='{folder}'", "train.max_steps=3", f"runtime.results_dir={store.root}"]
    run_id = execute(run_config([*EXPERIMENTS["xsum"], "method=lora", *local])).record.run_id
    run = restore(store, run_id, folder)
    write_adapter(run, tmp_path / "adapter")
    assert configuration_of(tmp_path / "adapter")["base_model_name_or_path"] == "./tiny_bart"
    for path in (tmp_path / "adapter").iterdir():
        assert folder.name.encode() not in path.read_bytes(), path.name
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
    folder.rename(tmp_path / "tiny_bart")
    monkeypatch.chdir(tmp_path)
    loaded = AutoPeftModelForSeq2SeqLM.from_pretrained(str(tmp_path / "adapter"))
    torch.testing.assert_close(logits(run, loaded), logits(run, run.model), rtol=0, atol=1e-5)


def test_loras_own_factors_are_written_as_they_are(finished, tmp_path):
    run = finished("xsum", "lora")
    write_adapter(run, tmp_path / "adapter")
    tensors = load_file(tmp_path / "adapter/adapter_model.safetensors")
    assert isinstance(run.method, LowRankMethod)
    assert len(tensors) == 2 * len(run.method.adapted)
    for adapted in run.method.adapted:
        prefix = f"base_model.model.{adapted.projection.module}"
        assert torch.equal(tensors[f"{prefix}.lora_A.weight"], adapted.branch.lora_A)
        assert torch.equal(tensors[f"{prefix}.lora_B.weight"], adapted.branch.lora_B)


def test_k_columns_of_a_fused_weight_get_exactly_zero(finished, tmp_path):
    run = finished("e2e", "delta_lora")
    write_adapter(run, tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(run.untouched(), str(tmp_path / "adapter")).merge_and_unload()
    for ours, theirs in zip(run.untouched().transformer.h, loaded.transformer.h, strict=True):
        query, key, value = (theirs.attn.c_attn.weight - ours.attn.c_attn.weight).chunk(3, dim=1)
        assert torch.count_nonzero(key) == 0
        assert torch.count_nonzero(query) > 0
        assert torch.count_nonzero(value) > 0


@pytest.mark.parametrize("b", [1, 2, 3, 4])
def test_dylora_is_exported_at_any_rank(finished, tmp_path, b):
    run = finished("xsum", "dylora")
    assert isinstance(run.method, DyLoRA)
    run.method.set_rank(b)
    assert write_adapter(run, tmp_path / "adapter").rank == b
    loaded = PeftModel.from_pretrained(run.untouched(), str(tmp_path / "adapter"))
    torch.testing.assert_close(logits(run, loaded), logits(run, run.model), rtol=0, atol=1e-5)
    saved = configuration_of(tmp_path / "adapter")
    assert saved["lora_alpha"] == run.config.method.alpha, "scaling alpha/b at rank b"


def test_an_alpha_that_is_not_whole_is_rounded_and_the_rest_is_in_B(finished, tmp_path):
    run = finished("e2e", "adalora")
    assert isinstance(run.method, LowRankMethod)
    write_adapter(run, tmp_path / "adapter")
    saved = configuration_of(tmp_path / "adapter")
    tensors = load_file(tmp_path / "adapter/adapter_model.safetensors")
    rests = set()
    for update in module_updates(run):
        alpha = saved["alpha_pattern"].get(update.module, saved["lora_alpha"])
        B = tensors[f"base_model.model.{update.module}.lora_B.weight"]
        torch.testing.assert_close(alpha / update.rank * B, update.scaling * update.B, rtol=1e-6, atol=0)
        rests.add(update.scaling * update.rank - alpha)
    assert all(0 < abs(rest) < 0.5 for rest in rests), "of alpha / (r + 1e-5)"


def test_adaloras_ranks_differ_by_module_and_may_be_zero(finished, tmp_path):
    run = finished("rte", "adalora")
    assert isinstance(run.method, LowRankMethod)
    emptied, thin = run.method.adapted[0], run.method.adapted[1]
    with torch.no_grad():
        emptied.branch.lora_E.zero_()
        thin.branch.lora_E[1:] = 0.0
        thin.branch.lora_E[0] = 0.5
    write_adapter(run, tmp_path / "adapter")
    saved = configuration_of(tmp_path / "adapter")
    assert emptied.projection.module not in saved["target_modules"]
    assert saved["rank_pattern"][thin.projection.module] == 1
    loaded = PeftModel.from_pretrained(run.untouched(), str(tmp_path / "adapter"))
    torch.testing.assert_close(logits(run, loaded), logits(run, run.model), rtol=0, atol=1e-5)


def test_a_method_of_full_rank_has_no_adapter(finished, tmp_path):
    with pytest.raises(ConfigError, match=r"expected a low-rank method for a peft adapter, found full, .*--to merged"):
        write_adapter(finished("rte", "full"), tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_that_computes_something_else_is_not_written(finished, tmp_path, monkeypatch):
    run = finished("xsum", "lora")
    learnt = run.method.learnt
    broken = {name: (A, 1.01 * B, scaling) for name, (A, B, scaling) in learnt().items()}
    monkeypatch.setattr(run.method, "learnt", lambda: broken)
    with pytest.raises(ModelError, match=r"logits within 1e-05 of the run's, found \d.*; nothing was written"):
        write_adapter(run, tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_both_forms_and_refuses_what_it_cannot(finished, tmp_path, capsys):
    run = finished("xsum", "dylora")
    store = str(run.config.runtime.results_dir)
    command = ["export", run.record.run_id, "--store", store]
    assert main([*command, "--to", "peft", str(tmp_path / "a"), "--rank", "2"]) == 0
    assert "peft LoRA adapter of rank 2; its logits differ from the run's by" in capsys.readouterr().out
    assert main([*command, "--to", "merged", str(tmp_path / "m")]) == 0
    assert "plain transformers model" in capsys.readouterr().out
    assert "PeftModel.from_pretrained(base" in (tmp_path / "a/README.md").read_text(encoding="utf-8")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "m").iterdir()} == {0o644}
    for arguments, message in (
        (["--to", "peft", str(tmp_path / "a")], "expected a new or empty folder for the export, found it in use"),
        (["--to", "peft", str(tmp_path / "b"), "--rank", "9"], "expected a DyLoRA rank between 1 and 4, found 9"),
        ([str(tmp_path / "b")], "the following arguments are required: --to"),
    ):
        assert main([*command, *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert main(["export", "0123456789ab", "--store", store, "--to", "peft", str(tmp_path / "b")]) == 2
    assert "run 0123456789ab: expected its record" in capsys.readouterr().err
    lora = finished("xsum", "lora").record.run_id
    assert main(["export", lora, "--store", store, "--to", "peft", str(tmp_path / "b"), "--rank", "2"]) == 2
    assert "--rank is for DyLoRA, found a run of lora" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_other_weights_than_the_runs_own_and_a_missing_parent_are_refused(finished, tmp_path):
    run = finished("rte", "delta_lora")
    store = Store(tmp_path / "store")
    store.write(run.record)
    with pytest.raises(StoreError, match=r"expected what run \w+ trained, found no such file"):
        restore(store, run.record.run_id)
    save_file(run.method.state_dict(run.model), store.run_dir(run.record.run_id) / "state.safetensors")
    with pytest.raises(StoreError, match=rf"expected what run {run.record.parent} trained"):
        restore(store, run.record.run_id)
    other = run.record.model_copy(update={"model": run.record.model.model_copy(update={"sha256": "0" * 64})})
    store.write(other)
    with pytest.raises(
        ModelError, match=r"expected the weights it started from \(sha256 000000000000…\), found others"
    ):
        restore(store, run.record.run_id)
