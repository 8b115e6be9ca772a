"""What is frozen keeps every bit: through training, interruption, evaluation, and switches between the two modes."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import loralib
import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2LMHeadModel, PreTrainedModel

from deltalora.methods import Method, find_projections, head_parameters, token_embedding
from deltalora.methods.targets import Projection
from deltalora.training.loop import Trainer
from fidelity import Fidelity

pytestmark = pytest.mark.invariant

Settings = dict[str, object]

#: Everything at once that could touch a frozen tensor: decay, clipping, accumulation, evaluations, dropout.
HARD = {
    "weight_decay": 0.1,
    "clip_norm": 0.5,
    "accumulation_steps": 2,
    "evaluate_every": 3,
    "label_smoothing": 0.1,
    "dropout": 0.1,
    "max_steps": 8,
}
SWITCHES = 1000


def bits(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def differing(left: dict[str, Tensor], right: dict[str, Tensor]) -> list[str]:
    assert left.keys() == right.keys()
    return [name for name in left if not torch.equal(left[name], right[name])]


def interrupted(
    build_trainer: Callable, stop_after: Callable, settings: Settings, architecture: str
) -> tuple[Trainer, PreTrainedModel, Method]:
    """Trains six steps, loses all after the checkpoint of the fifth, and goes on in a fresh model from there."""
    first, _, _ = build_trainer(settings, architecture, checkpoint_every=5, **HARD)
    stop_after(first, 6)
    trainer, model, method = build_trainer(settings, architecture, **HARD)
    torch.manual_seed(99)  # whatever was drawn in between must not matter
    trainer.run()
    return trainer, model, method


def test_an_interrupted_run_ends_with_the_bits_of_an_undisturbed_one_and_moves_nothing_that_is_frozen(
    build_trainer: Callable, stop_after: Callable, make_model: Callable, settings: Settings, architecture: str
) -> None:
    undisturbed, expected, method = build_trainer(settings, architecture, **HARD)
    undisturbed.run()
    resumed, found, other = interrupted(build_trainer, stop_after, settings, architecture)
    assert differing(bits(expected), bits(found)) == []
    assert differing(method.state_dict(expected), other.state_dict(found)) == []
    assert resumed.state.curve == undisturbed.state.curve
    assert resumed.state.validation_loss == undisturbed.state.validation_loss
    assert resumed.state.tokens == undisturbed.state.tokens
    assert_only_what_is_trained_moved(settings, make_model(architecture), found, other)


def assert_only_what_is_trained_moved(
    settings: Settings, untouched: PreTrainedModel, model: PreTrainedModel, method: Method
) -> None:
    """All of it moved, and not one bit more: neither K columns nor biases, and before merging not even W_Q and W_V."""
    injected, before, after = bits(model), bits(untouched), bits(method.merge(model))
    if settings["name"] in ("full", "ft_frozen_embeddings"):
        parameters = dict(untouched.named_parameters(remove_duplicate=False))
        frozen = {name for name, tensor in parameters.items() if tensor is token_embedding(untouched)}
        still = parameters.keys() - set(differing(before, after))
        assert still == (frozen if settings["name"] == "ft_frozen_embeddings" else set())
        return
    projections, head = find_projections(untouched), head_parameters(untouched).keys()
    if settings["name"] != "ft_qv":
        stored = {name.replace(".base.", "."): tensor for name, tensor in injected.items()}
        if settings["name"] == "delta_lora" and "update" not in settings:  # the literal form writes into W
            put_back(projections, before, stored)
        kept = before.keys() - head
        assert differing({name: before[name] for name in kept}, {name: stored[name] for name in kept}) == []
    if isinstance(untouched, GPT2LMHeadModel):
        for key in {f"{projection.module}.weight" for projection in projections}:
            assert torch.equal(before[key][:, 16:32], after[key][:, 16:32]), f"the K columns of {key}"
    put_back(projections, before, after)
    assert set(differing(before, after)) == set(head)


def put_back(projections: Sequence[Projection], before: dict[str, Tensor], after: dict[str, Tensor]) -> None:
    """Undoes the change of W_Q and W_V, of which there has to be one."""
    for projection in projections:
        key = f"{projection.module}.weight"
        assert not torch.equal(projection.block(before[key]), projection.block(after[key])), projection.name
        projection.block(after[key]).copy_(projection.block(before[key]))


def test_a_run_that_evaluates_after_every_step_ends_with_the_bits_of_one_that_does_so_at_its_end(
    build_trainer: Callable, settings: Settings, architecture: str
) -> None:
    shared = {"dropout": 0.1, "max_steps": 7}
    rarely, expected, _ = build_trainer(settings, architecture, **shared)
    rarely.run()
    always, found, _ = build_trainer(settings, architecture, evaluate_every=1, **shared)
    always.run()
    assert sum("validation_loss" in point for point in always.state.curve) == 7
    assert differing(bits(expected), bits(found)) == []
    assert rarely.state.validation_loss == always.state.validation_loss


def test_a_thousand_switches_between_the_modes_change_no_bit(trained: Callable, settings: Settings) -> None:
    """Here of GPT-2, with an evaluation every hundred; the two other backbones are switched in the test above."""
    trainer, model, method = trained(settings, "gpt2")
    before, held, drawn = bits(model), method.state_dict(model), torch.get_rng_state()
    losses = set()
    for switch in range(SWITCHES):
        model.eval()
        if switch % 100 == 0:
            losses.add(trainer.validation_loss())
        model.train()
    assert losses == {trainer.state.validation_loss}
    assert differing(before, bits(model)) == []
    assert differing(held, method.state_dict(model)) == []
    assert torch.equal(drawn, torch.get_rng_state())


def test_a_thousand_evaluations_change_no_bit_and_draw_no_random_number(
    build_trainer: Callable, architectures: dict, method_settings: dict
) -> None:
    """Of Delta-LoRA in its literal form, the one method that writes into the weights it evaluates with."""
    validation = architectures["gpt2"].examples(1, 5)
    settings = method_settings["delta_lora"]
    trainer, model, method = build_trainer(settings, dropout=0.1, validation=validation, max_steps=8)
    trainer.run()
    before, held, drawn = bits(model), method.state_dict(model), torch.get_rng_state()
    assert {trainer.validation_loss() for _ in range(SWITCHES)} == {trainer.state.validation_loss}
    assert differing(before, bits(model)) == []
    assert differing(held, method.state_dict(model)) == []
    assert torch.equal(drawn, torch.get_rng_state())


def loralib_layers(merge_weights: bool) -> tuple[nn.Module, nn.Module]:
    """A separate and a fused projection of width 64, whose W is frozen, in fp32 as upstream has it."""
    torch.manual_seed(0)
    shape = {"r": 4, "lora_alpha": 32, "merge_weights": merge_weights}
    fused = loralib.MergedLinear(64, 192, enable_lora=[True, False, True], fan_in_fan_out=True, **shape)
    return loralib.Linear(64, 64, **shape), fused


def steps_with_an_evaluation_after_each(layer: nn.Module, count: int) -> Iterator[Tensor]:
    """AdamW on random targets; yields W in training mode after each pair of switches."""
    optimizer = torch.optim.AdamW([layer.lora_A, layer.lora_B], lr=1e-3)
    generator = torch.Generator().manual_seed(1)
    width = layer.out_features
    for _ in range(count):
        x = torch.randn(8, 64, generator=generator)
        (layer(x) - torch.randn(8, width, generator=generator)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        layer.eval()
        layer.train()
        yield layer.weight.detach().clone()


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["separate", "fused"])
def test_loralibs_merging_at_every_evaluation_drifts_and_not_merging_does_not(kind: str, fidelity: Fidelity) -> None:
    """The frozen W of `merge_weights=True` (loralib's default) wanders by rounding; ours stays where it was.

    The difference kept is loralib's drift: 5e-7 where W is uniform within 0.125, and it grows as a random walk does.
    """
    plain, merging = (loralib_layers(merge_weights)[kind == "fused"] for merge_weights in (False, True))
    start = plain.weight.detach().clone()
    assert all(torch.equal(W, start) for W in steps_with_an_evaluation_after_each(plain, 50))
    assert torch.equal(merging.weight, start)
    course = [start, *steps_with_an_evaluation_after_each(merging, SWITCHES)]
    assert sum(not torch.equal(before, after) for before, after in pairwise(course)) > 900
    drift = [float((W - start).abs().max()) for W in course]
    assert drift[1000] > 2 * drift[100] > 4 * drift[10] > 0, "it grows with the number of evaluations"
    assert drift[1000] > 3e-7
    fidelity.close(
        f"lora {kind}",
        "loralib 0.1.2 merge_weights=True",
        f"frozen W after {SWITCHES:,} steps and evaluations",
        start,
        course[-1],
        tolerance=2e-6,
    )
