"""The one loop, with every method."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from deltalora.training.loop import DivergedError

Settings = dict[str, dict[str, object]]
METHOD_NAMES = ("full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora")


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def assert_identical(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_method_lowers_the_training_loss(build_trainer: Callable, method_settings: Settings, name: str) -> None:
    # The same twenty examples in every step, so that the loss of random sequences can fall at all.
    trainer, _, _ = build_trainer(method_settings[name], max_steps=40, batch_size=20, learning_rate=2e-2)
    curve = trainer.run().curve
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] - 0.01


@pytest.mark.invariant
@pytest.mark.parametrize("name", METHOD_NAMES)
def test_n_micro_batches_of_m_take_the_steps_of_one_batch_of_n_times_m(
    build_trainer: Callable, method_settings: Settings, name: str
) -> None:
    settings = {key: value for key, value in method_settings[name].items() if key != "dropout"}
    whole, model_whole, _ = build_trainer(settings, dtype=torch.float64)
    split, model_split, _ = build_trainer(settings, dtype=torch.float64, accumulation_steps=3)
    whole.run(), split.run()
    for (key, left), right in zip(weights(model_whole).items(), weights(model_split).values(), strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-10, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.invariant
@pytest.mark.parametrize("name", METHOD_NAMES)
def test_a_resumed_run_ends_with_the_same_bits(
    build_trainer: Callable, method_settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, expected, _ = build_trainer(method_settings[name], dropout=0.1)
    state = undisturbed.run()

    interrupted, _, _ = build_trainer(method_settings[name], dropout=0.1, checkpoint_every=5)
    step, calls = interrupted._step, iter(range(8))

    def stops_after_eight(*arguments: object) -> float:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(interrupted, "_step", stops_after_eight)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()

    resumed, found, _ = build_trainer(method_settings[name], dropout=0.1, checkpoint_every=5)
    torch.manual_seed(99)  # whatever was drawn in between must not matter
    again = resumed.run()
    assert_identical(weights(expected), weights(found))
    assert [point["train_loss"] for point in again.curve] == [point["train_loss"] for point in state.curve]
    assert again.validation_loss == state.validation_loss
    assert again.tokens == state.tokens


@pytest.mark.invariant
@pytest.mark.parametrize("change", [{"update_ratio": 0.0}, {"start_step": 12}, {"start_step": 11}])
def test_delta_lora_without_an_update_is_lora_without_dropout_bit_for_bit(
    build_trainer: Callable, method_settings: Settings, change: dict[str, object]
) -> None:
    lora, expected, _ = build_trainer(method_settings["lora"] | {"dropout": 0.0})
    delta, found, _ = build_trainer(method_settings["delta_lora"] | change)
    lora.run(), delta.run()
    assert_identical(weights(expected), weights(found))


def test_delta_lora_with_its_update_is_not_lora(build_trainer: Callable, method_settings: Settings) -> None:
    lora, expected, _ = build_trainer(method_settings["lora"] | {"dropout": 0.0})
    delta, found, method = build_trainer(method_settings["delta_lora"])
    lora.run(), delta.run()
    moved = [name for name, tensor in weights(found).items() if not torch.equal(tensor, weights(expected)[name])]
    assert moved
    assert method.diagnostics()


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


def test_evaluating_does_not_move_a_weight_nor_draw_a_random_number(
    build_trainer: Callable, method_settings: Settings
) -> None:
    for name in METHOD_NAMES:
        trainer, model, _ = build_trainer(method_settings[name], dropout=0.1)
        before, drawn = copy.deepcopy(weights(model)), torch.get_rng_state()
        first, second = trainer.validation_loss(), trainer.validation_loss()
        assert first == second
        assert_identical(before, weights(model))
        assert torch.equal(drawn, torch.get_rng_state())


def test_a_diverged_run_says_which_loss_and_which_step(build_trainer: Callable, method_settings: Settings) -> None:
    trainer, _, _ = build_trainer(method_settings["full"], learning_rate=1e30, warmup_steps=0)
    with pytest.raises(DivergedError, match=r"the (training|validation) loss is (nan|inf) after step \d+: lower"):
        trainer.run()
