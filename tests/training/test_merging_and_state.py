"""A trained model, merged or saved and loaded, is the same model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from deltalora import methods, models
from deltalora.config import RunConfig, run_config
from deltalora.methods import Method
from deltalora.methods.base import InjectedModule
from deltalora.results import Store, read_predictions
from deltalora.tasks import build_task
from deltalora.training import execute
from deltalora.training.checkpoint import STATE_FILE, load_state, save_state
from deltalora.training.classify import classify
from deltalora.training.prepare import pad_id
from deltalora.training.run_id import identify_run

pytestmark = pytest.mark.invariant

Settings = dict[str, object]

#: Of a loss and of logits in float64; what was measured is 1.8e-15 at most.
TOLERANCE = 1e-13


def bits(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def assert_identical(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []
    assert [name for name in left if left[name].dtype != right[name].dtype] == []


def fresh(model: PreTrainedModel, settings: Settings) -> tuple[PreTrainedModel, Method]:
    """An untouched backbone with the method injected from another seed."""
    method = methods.build_method(settings)
    method.plan(8)
    method.inject(model, torch.Generator().manual_seed(99))
    return model, method


def test_a_merged_model_has_the_validation_loss_that_the_run_reported(
    trained: Callable, architectures: dict, settings: Settings, architecture: str
) -> None:
    trainer, model, method = trained(settings, architecture)
    usual = architectures[architecture]
    validation = usual.collate(usual.examples(7, 5), usual.pad_id)

    def logits(of: PreTrainedModel) -> Tensor:
        extra = {"decoder_input_ids": validation.labels.clamp(min=0)} if architecture == "bart" else {}
        with torch.no_grad():
            output: Tensor = of(
                input_ids=validation.input_ids, attention_mask=validation.attention_mask, **extra
            ).logits
        return output

    before = logits(model.eval())
    model.train()
    merged = method.merge(model)
    assert not [module for module in merged.modules() if isinstance(module, InjectedModule)]
    torch.testing.assert_close(logits(merged.eval()), before, rtol=0, atol=TOLERANCE)
    objective = usual.objective(merged)
    with torch.no_grad():
        loss = float(objective(validation)) / objective.labels(validation)
    assert loss == pytest.approx(trainer.state.validation_loss, rel=0, abs=TOLERANCE)


def test_a_saved_state_is_loaded_bit_for_bit_into_a_fresh_model(
    trained: Callable, make_model: Callable, settings: Settings, architecture: str, tmp_path: Path
) -> None:
    _, model, method = trained(settings, architecture)
    save_state(tmp_path, method.state_dict(model))
    loaded, other = fresh(make_model(architecture, torch.float64), settings)
    assert [name for name, tensor in bits(loaded).items() if not torch.equal(tensor, bits(model)[name])]
    other.load_state_dict(loaded, load_state(tmp_path))
    assert_identical(method.state_dict(model), other.state_dict(loaded))
    assert_identical(bits(model), bits(loaded))
    assert_identical(bits(method.merge(model)), bits(other.merge(loaded)))
    assert method.diagnostics() == other.diagnostics()
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_adaloras_matrix_pruned_to_rank_zero_survives_saving_and_merging(
    build_trainer: Callable, make_model: Callable, method_settings: dict, architecture: str, tmp_path: Path
) -> None:
    settings = method_settings["adalora"] | {"target_rank": 1, "initial_warmup": 1}
    untouched = make_model(architecture)
    trainer, model, method = build_trainer(settings, architecture, max_steps=8, learning_rate=3e-2)
    trainer.run()
    ranks = method.diagnostics()["ranks"]
    assert {0, 2} <= set(ranks), "one matrix has lost all its triplets, and another has kept two"
    assert sum(ranks) == len(ranks)
    save_state(tmp_path, method.state_dict(model))
    loaded, other = fresh(make_model(architecture), settings)
    other.load_state_dict(loaded, load_state(tmp_path))
    assert other.diagnostics() == method.diagnostics()
    merged = other.merge(loaded)
    assert_identical(bits(method.merge(model)), bits(merged))
    for adapted, rank in zip(method.adapted, ranks, strict=True):
        key = f"{adapted.projection.module}.weight"
        before, after = (adapted.projection.block(of.get_parameter(key)) for of in (untouched, merged))
        assert torch.equal(before, after) == (rank == 0), adapted.projection.name


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[str], RunConfig]:
    def build(method: str) -> RunConfig:
        small = ["experiment=glue/sst2", "+debug=two_steps_glue", "runtime.device=cpu", "runtime.threads=1"]
        more = ["train.max_steps=6", "train.learning_rate=1e-2", f"runtime.results_dir={tmp_path / 'runs'}"]
        return run_config([*small, *more, f"method={method}", "task.limits.test=12"])

    return build


@pytest.mark.parametrize("name", ["dylora", "adalora", "delta_lora"])
def test_the_state_of_a_finished_run_gives_its_predictions_again(
    configure: Callable[[str], RunConfig], name: str, tmp_path: Path
) -> None:
    """What anyone can do with a run's folder: load the backbone, inject, load, merge, and ask."""
    config = configure(name)
    record = execute(config).record
    folder = Store(tmp_path / "runs").run_dir(record.run_id)
    identity = identify_run(config)
    task = build_task(config)
    model = models.load_backbone(config.model, identity.model, config.seed, task.num_labels)
    pretrained = methods.projection_weights(model)
    method = methods.build_method(config.method)
    method.plan(6)
    method.inject(model, torch.Generator().manual_seed(12345))
    state = load_state(folder)
    assert state.keys() == load_file(folder / STATE_FILE).keys() == method.state_dict(model).keys()
    method.load_state_dict(model, state)
    merged = method.merge(model, in_place=True).eval()
    assert methods.cosine_similarity(pretrained, methods.projection_weights(merged)) == record.similarity
    assert method.diagnostics() == record.diagnostics
    tokenizer = models.load_tokenizer(config.model, identity.model)
    inputs = task.encode(tokenizer, identity.data).test
    answers = classify(merged, inputs, pad_id(tokenizer), 4 * config.train.batch_size)
    assert record.predictions is not None
    rows = read_predictions(folder / record.predictions.file, record.predictions.sha256)
    assert [row.prediction for row in rows] == [f"{answer:.6g}" for answer in answers]
