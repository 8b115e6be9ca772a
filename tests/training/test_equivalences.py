"""Which runs are the same run: Delta-LoRA without its update and LoRA, and Delta-LoRA and LoRA with a larger alpha."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from deltalora.methods import Method
from deltalora.training.loop import Trainer

pytestmark = pytest.mark.invariant

LAMBDA, ALPHA = 2.0, 8.0
#: Adam's eps nearly taken away: it is the one term of AdamW that sees the scale of a gradient.
EXACT = {"dtype": torch.float64, "adam_epsilon": 1e-30}
#: Largest difference of any merged weight; what was measured is 2.8e-16 at most.
TOLERANCE = 1e-13

Run = tuple[Trainer, PreTrainedModel, Method]


def lora(build_trainer: Callable, architecture: str, alpha: float = ALPHA, **changes: object) -> Run:
    return build_trainer({"name": "lora", "rank": 2, "alpha": alpha}, architecture, **changes)


def delta_lora(build_trainer: Callable, architecture: str, values: dict[str, object], **changes: object) -> Run:
    settings = {"name": "delta_lora", "rank": 2, "alpha": ALPHA, "update_ratio": LAMBDA, **values}
    return build_trainer(settings, architecture, **changes)


def at_three_times_alpha(build_trainer: Callable, architecture: str, **changes: object) -> tuple[Run, Run]:
    """Delta-LoRA from its first step on, and LoRA with alpha times 1 + lambda."""
    return (
        delta_lora(build_trainer, architecture, {"start_step": -1}, **changes),
        lora(build_trainer, architecture, (1 + LAMBDA) * ALPHA, **changes),
    )


def run(*runs: Run) -> None:
    for trainer, _, _ in runs:
        trainer.run()


def parameters(model: PreTrainedModel) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in model.named_parameters(remove_duplicate=False)}


def merged_difference(left: Run, right: Run) -> float:
    """Largest difference of any weight of the two models as they are tested."""
    pair = [parameters(method.merge(model)) for _, model, method in (left, right)]
    return max(float((pair[0][name] - pair[1][name]).abs().max()) for name in pair[0])


def gradient_norms(of: Run, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Fills, while the run trains, the norm that clipping compares with its threshold."""
    trainer, model, method = of
    trained = [parameter for group in method.trainable(model) for parameter in group.parameters.values()]
    step, norms = trainer.optimizer.step, []

    def measured() -> None:
        norms.append(float(torch.stack([parameter.grad.norm() for parameter in trained]).norm()))
        step()

    monkeypatch.setattr(trainer.optimizer, "step", measured)
    return norms


@pytest.mark.parametrize("form", ["literal", "closed_form"])
def test_delta_lora_without_an_update_is_lora_without_dropout_bit_for_bit(
    build_trainer: Callable, architecture: str, form: str
) -> None:
    """With lambda = 0, K = T and K = T - 1; the backbone's own dropout is on, and both draw the same numbers."""
    shared = {"dropout": 0.1, "clip_norm": 0.5, "accumulation_steps": 2, "evaluate_every": 3, "max_steps": 8}
    plain, expected, _ = lora(build_trainer, architecture, **shared)
    plain.run()
    for idle in ({"update_ratio": 0.0, "start_step": -1}, {"start_step": 8}, {"start_step": 7}):
        delta, found, method = delta_lora(build_trainer, architecture, idle | {"update": form}, **shared)
        delta.run()
        left, right = parameters(expected), parameters(found)
        assert left.keys() == right.keys()
        assert [name for name in left if not torch.equal(left[name], right[name])] == [], idle
        assert delta.state.curve == plain.state.curve
        assert method.diagnostics() == {"weight_updates": 0}


@pytest.mark.parametrize("form", ["literal", "closed_form"])
def test_with_one_single_update_it_is_not_lora(build_trainer: Callable, architecture: str, form: str) -> None:
    plain = lora(build_trainer, architecture, max_steps=8)
    delta = delta_lora(build_trainer, architecture, {"start_step": 6, "update": form}, max_steps=8)
    run(plain, delta)
    assert delta[2].diagnostics() == {"weight_updates": 1}
    assert merged_difference(plain, delta) > 1e-4
    assert delta[0].state.validation_loss != plain[0].state.validation_loss


@pytest.mark.parametrize("start_step", [-1, 0])
def test_from_a_zero_product_it_is_lora_with_alpha_times_one_plus_lambda(
    build_trainer: Callable, architecture: str, start_step: int
) -> None:
    """Also with K = 0, as the warm-up's first step has rate 0 and moves nothing; decay and accumulation are no bar."""
    shared = EXACT | {"accumulation_steps": 2, "max_steps": 8}
    scaled = lora(build_trainer, architecture, (1 + LAMBDA) * ALPHA, **shared)
    plain = lora(build_trainer, architecture, **shared)
    run(scaled, plain)
    for form in ("literal", "closed_form"):
        delta = delta_lora(build_trainer, architecture, {"start_step": start_step, "update": form}, **shared)
        run(delta)
        assert merged_difference(delta, scaled) <= TOLERANCE
        assert merged_difference(delta, plain) > 1e-2, "against LoRA with its own alpha it is another run"
        assert delta[0].state.validation_loss == pytest.approx(scaled[0].state.validation_loss, rel=0, abs=TOLERANCE)


def test_clipping_ends_that_equivalence(
    build_trainer: Callable, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delta-LoRA clips the gradient of s·BA, LoRA that of (1+lambda)s·BA; a threshold between the two hits one alone.

    Measured: 1.4e-2 for GPT-2, 1.4e-3 for RoBERTa, 6.4e-3 for BART, where the unclipped runs agree to 3e-16.
    """
    delta, scaled = at_three_times_alpha(build_trainer, architecture, **EXACT)
    norms = [gradient_norms(one, monkeypatch) for one in (delta, scaled)]
    run(delta, scaled)
    threshold = sorted(norms[1])[6]
    pair = at_three_times_alpha(build_trainer, architecture, clip_norm=threshold, **EXACT)
    run(*pair)
    assert merged_difference(delta, scaled) <= TOLERANCE
    assert merged_difference(*pair) > 1e-3


@pytest.mark.parametrize("architecture", ["gpt2", "bart"])  # a head's gradient has one scale in both
def test_where_every_step_of_both_is_clipped_the_equivalence_returns(
    build_trainer: Callable, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clipped gradient has no scale left, but for the 1e-6 that torch adds to the norm (measured: 1.6e-7)."""
    pair = at_three_times_alpha(build_trainer, architecture, clip_norm=1e-4, **EXACT)
    norms = [gradient_norms(one, monkeypatch) for one in pair]
    run(*pair)
    assert all(norm == pytest.approx(1e-4, rel=1e-2) for norm in norms[0] + norms[1])
    assert merged_difference(*pair) < 1e-6


@pytest.mark.parametrize("architecture", ["gpt2", "bart"])
def test_adams_eps_is_what_the_equivalence_is_up_to(build_trainer: Callable, architecture: str) -> None:
    """Measured after 12 steps at rate 5e-3: up to 2e-3 with the recipes' 1e-6, which falls with eps."""
    differences = []
    for epsilon in (1e-6, 1e-9):
        pair = at_three_times_alpha(build_trainer, architecture, **EXACT | {"adam_epsilon": epsilon})
        run(*pair)
        differences.append(merged_difference(*pair))
    assert differences[0] > 10 * differences[1] > TOLERANCE
