"""How examples are put together changes no result, and which come together is the same for every method."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

from deltalora.tasks import IGNORED, Batch, Collate
from deltalora.training.batches import evaluation_batches
from deltalora.training.loop import Trainer

pytestmark = pytest.mark.invariant

Settings = dict[str, object]

#: Of weights after 8 steps, of gradients and of losses in float64; what was measured is 1.2e-14 at most.
TOLERANCE = 1e-13


class Wider:
    """A collate that adds columns of padding."""

    def __init__(self, collate: Collate, columns: int) -> None:
        self.collate = collate
        self.columns = columns

    def __call__(self, examples: Sequence[Any], pad_id: int) -> Batch:
        batch = self.collate(examples, pad_id)
        more = (0, self.columns)
        sequences = batch.labels.dim() == 2
        return Batch(
            F.pad(batch.input_ids, more, value=pad_id),
            F.pad(batch.attention_mask, more, value=0),
            F.pad(batch.labels, more, value=IGNORED) if sequences else batch.labels,
        )


def difference(left: PreTrainedModel, right: PreTrainedModel) -> float:
    pairs = zip(left.parameters(), right.parameters(), strict=True)
    return max(float((mine - theirs).detach().abs().max()) for mine, theirs in pairs)


def training_batches(trainer: Trainer) -> list[list[list[int]]]:
    """Token ids of every batch that reaches the model in training mode, as the trainer runs."""
    seen: list[list[list[int]]] = []

    def look(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if module.training:
            seen.append(inputs[0].input_ids.tolist())

    trainer.objective.register_forward_pre_hook(look)
    trainer.run()
    return seen


def test_padding_the_batches_wider_changes_no_weight_of_a_whole_run(
    build_trainer: Callable, trained: Callable, architectures: dict, settings: Settings, architecture: str
) -> None:
    usual, expected, _ = trained(settings, architecture)
    settings = {key: value for key, value in settings.items() if key != "dropout"}
    shared = {"dtype": torch.float64, "max_steps": 8, "label_smoothing": 0.1}
    collate = Wider(architectures[architecture].collate, 9)
    wider, found, _ = build_trainer(settings, architecture, collate=collate, **shared)
    wider.run()
    assert difference(expected, found) <= TOLERANCE
    assert wider.state.tokens == usual.state.tokens
    assert wider.state.validation_loss == pytest.approx(usual.state.validation_loss, rel=0, abs=TOLERANCE)


def test_padding_that_is_not_masked_would_change_it(build_trainer: Callable, architectures: dict) -> None:
    """Where attention is not causal; so the test above can fail."""

    class Unmasked(Wider):
        def __call__(self, examples: Sequence[Any], pad_id: int) -> Batch:
            batch = super().__call__(examples, pad_id)
            return Batch(batch.input_ids, torch.ones_like(batch.attention_mask), batch.labels)

    for architecture in ("roberta", "bart"):
        runs = []
        for columns in (0, 9):
            collate = Unmasked(architectures[architecture].collate, columns)
            trainer, model, _ = build_trainer({"name": "ft_qv"}, architecture, dtype=torch.float64, collate=collate)
            trainer.run()
            runs.append(model)
        assert difference(*runs) > 1e-3


def test_the_summed_gradient_of_a_batch_is_that_of_its_examples_one_by_one(
    trained: Callable, architectures: dict, settings: Settings, architecture: str
) -> None:
    """At the end of a run, where no branch is zero any more; each example alone has no padding at all."""
    trainer, model, method = trained(settings, architecture)
    usual = architectures[architecture]
    examples = usual.examples(6, 11)
    parameters = {name: one for group in method.trainable(model) for name, one in group.parameters.items()}

    def gradients(batches: Sequence[Sequence[Any]]) -> list[torch.Tensor]:
        loss = torch.stack([trainer.objective(usual.collate(batch, usual.pad_id)) for batch in batches]).sum()
        return list(torch.autograd.grad(loss, list(parameters.values()), allow_unused=True, materialize_grads=True))

    together, alone = gradients([examples]), gradients([[example] for example in examples])
    for name, left, right in zip(parameters, together, alone, strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=TOLERANCE, msg=lambda text, name=name: f"{name}: {text}")
    assert max(float(gradient.abs().max()) for gradient in together) > 1e-3


def test_the_validation_loss_does_not_depend_on_the_evaluation_batch_size(
    trained: Callable, architectures: dict, settings: Settings, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's own evaluation took all seven examples at once; its trainer takes four times the batch size."""
    usual = architectures[architecture]
    trainer, model, _ = trained(settings, architecture)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "config", trainer.config.model_copy(update={"batch_size": 1}))
        assert trainer.validation_loss() == pytest.approx(trainer.state.validation_loss, rel=0, abs=TOLERANCE)
    model.eval()
    for size in (1, 2, 3):
        batches = list(evaluation_batches(usual.examples(7, 5), usual.collate, size, usual.pad_id))
        assert len(batches) == -(-7 // size)
        with torch.no_grad():
            losses = [float(trainer.objective(batch)) for batch in batches]
        loss = sum(losses) / sum(map(trainer.objective.labels, batches))
        assert loss == pytest.approx(trainer.state.validation_loss, rel=0, abs=TOLERANCE)
    model.train()


def test_every_method_sees_the_same_batches_in_the_same_order(
    build_trainer: Callable, method_settings: dict, architecture: str
) -> None:
    """Whatever a method or dropout draws, and whatever has been drawn before: four steps an epoch, three epochs."""
    orders = []
    for seed, settings in enumerate(method_settings.values()):
        trainer, _, _ = build_trainer(settings, architecture, dropout=0.1)
        torch.manual_seed(seed)
        orders.append(training_batches(trainer))
    assert all(order == orders[0] for order in orders)
    assert [len(batch) for batch in orders[0]] == [6, 6, 6, 2] * 3
    assert len({str(batch) for batch in orders[0]}) == 12


@pytest.mark.parametrize("name", ["lora", "dylora"])
def test_a_resumed_run_goes_on_with_the_batch_that_came_next(
    build_trainer: Callable, stop_after: Callable, method_settings: dict, name: str
) -> None:
    whole = training_batches(build_trainer(method_settings[name], dropout=0.1)[0])
    stop_after(build_trainer(method_settings[name], dropout=0.1, checkpoint_every=5)[0], 8)
    rest = training_batches(build_trainer(method_settings[name], dropout=0.1)[0])
    assert rest == whole[5:]
