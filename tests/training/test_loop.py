"""The one loop, with every method; what holds over whole trajectories stands in the files beside this one."""

import math
from collections.abc import Callable

import pytest
import torch

from deltalora.training.loop import DivergedError

Settings = dict[str, dict[str, object]]
METHOD_NAMES = ("full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora")


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_method_lowers_the_training_loss(build_trainer: Callable, method_settings: Settings, name: str) -> None:
    # The same twenty examples in every step, so that the loss of random sequences can fall at all.
    trainer, _, _ = build_trainer(method_settings[name], max_steps=40, batch_size=20, learning_rate=2e-2)
    curve = trainer.run().curve
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] - 0.01


def test_bf16_autocast_trains_and_leaves_every_stored_weight_in_fp32(
    build_trainer: Callable, method_settings: Settings
) -> None:
    exact, _, _ = build_trainer(method_settings["delta_lora"])
    autocast, model, _ = build_trainer(method_settings["delta_lora"], precision="bf16")
    reference, state = exact.run(), autocast.run()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert state.validation_loss == pytest.approx(reference.validation_loss, rel=2e-2)
    assert state.validation_loss != reference.validation_loss


def test_the_rate_rises_from_zero_over_the_warm_up_and_falls_to_the_last_step(
    build_trainer: Callable, method_settings: Settings
) -> None:
    trainer, _, _ = build_trainer(method_settings["full"], warmup_steps=4, learning_rate=1.0e-3)
    rates = [point["learning_rate"] for point in trainer.run().curve]
    expected = [0, 0.25, 0.5, 0.75, *(left / 8 for left in range(8, 0, -1))]
    assert rates == pytest.approx([1e-3 * factor for factor in expected])


def test_clipping_bounds_the_gradient_that_the_optimizer_sees(
    build_trainer: Callable, method_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, model, _ = build_trainer(method_settings["full"], clip_norm=1e-3)
    norms = []
    step = trainer.optimizer.step

    def measured(*arguments: object) -> None:
        norms.append(math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None)))
        step(*arguments)

    monkeypatch.setattr(trainer.optimizer, "step", measured)
    trainer.run()
    assert len(norms) == 12
    assert max(norms) <= 1e-3 * (1 + 1e-4)
    assert min(norms) > 0


def test_the_best_weights_are_the_ones_left_in_the_model(build_trainer: Callable, method_settings: Settings) -> None:
    # A rate far too large: the loss rises after the first evaluations, so the best is not the last.
    trainer, _, _ = build_trainer(
        method_settings["full"], selection="best", evaluate_every=1, learning_rate=0.3, warmup_steps=0
    )
    state = trainer.run()
    losses = [point["validation_loss"] for point in state.curve]
    assert state.best_step == losses.index(min(losses)) + 1 < 12
    assert trainer.validation_loss() == pytest.approx(min(losses), rel=1e-6)


def test_evaluation_happens_by_epoch_by_steps_or_at_the_end(build_trainer: Callable, method_settings: Settings) -> None:
    def evaluated(every: object) -> list[int]:
        curve = build_trainer(method_settings["full"], evaluate_every=every)[0].run().curve
        return [point["step"] for point in curve if "validation_loss" in point]

    assert evaluated("epoch") == [4, 8, 12]  # 20 examples in batches of 6
    assert evaluated(5) == [5, 10, 12]
    assert evaluated("end") == [12]


def test_a_diverged_run_says_which_loss_and_which_step(build_trainer: Callable, method_settings: Settings) -> None:
    trainer, _, _ = build_trainer(method_settings["full"], learning_rate=1e30, warmup_steps=0)
    with pytest.raises(DivergedError, match=r"the (training|validation) loss is (nan|inf) after step \d+: lower"):
        trainer.run()
