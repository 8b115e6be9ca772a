"""The validation loss is a mean over labels, whatever their batches, and without what belongs to training."""

from collections.abc import Callable

import pytest
import torch

from deltalora.tasks import EncodedExample


def loss_of(build_trainer: Callable, architecture: str, **settings: object) -> float:
    trainer, _, _ = build_trainer({"name": "full"}, architecture, dtype=torch.float64, **settings)
    loss: float = trainer.validation_loss()
    return loss


def uneven(architectures: dict, architecture: str) -> list[EncodedExample]:
    """Thirty examples, the last six of batches of 24: the batches differ in length and in number of labels."""
    examples: list[EncodedExample] = list(architectures[architecture].examples(30, 11))
    return examples


def test_it_is_the_sum_over_all_labels_by_their_number_and_no_mean_of_means(
    build_trainer: Callable, architectures: dict, architecture: str
) -> None:
    examples = uneven(architectures, architecture)
    trainer, model, _ = build_trainer({"name": "full"}, architecture, dtype=torch.float64, validation=examples)
    one = architectures[architecture]
    objective = one.objective(model.eval())
    with torch.no_grad():
        batches = [one.collate([example], one.pad_id) for example in examples]
        losses = [float(objective(batch)) for batch in batches]
    labels = [objective.labels(batch) for batch in batches]
    assert trainer.validation_loss() == pytest.approx(sum(losses) / sum(labels), rel=1e-10)
    if architecture != "roberta":  # a classified example has one label, so that both means are one there
        means = [loss / count for loss, count in zip(losses, labels, strict=True)]
        assert sum(means) / len(means) != pytest.approx(sum(losses) / sum(labels), rel=1e-3)


def test_the_size_of_its_batches_does_not_move_it(
    build_trainer: Callable, architectures: dict, architecture: str
) -> None:
    examples = uneven(architectures, architecture)
    losses = [loss_of(build_trainer, architecture, validation=examples, batch_size=size) for size in (1, 6, 20)]
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-10)


def test_label_smoothing_is_for_training_only(build_trainer: Callable, architecture: str) -> None:
    plain = loss_of(build_trainer, architecture)
    assert loss_of(build_trainer, architecture, label_smoothing=0.3) == plain


def test_model_dropout_is_for_training_only(build_trainer: Callable, architecture: str) -> None:
    plain = loss_of(build_trainer, architecture)
    assert loss_of(build_trainer, architecture, dropout=0.5) == plain
