"""A run on two classes that begins where a run on three ended: GLUE's start from MNLI."""

import pytest
import torch
from transformers import RobertaForSequenceClassification

from deltalora.errors import ModelError
from deltalora.methods import head_parameters, output_layer
from tiny_models import roberta_config

IDS = torch.tensor([[0, 5, 6, 7, 2], [0, 9, 8, 4, 2]])


def classifier(labels, seed=0):
    """The same backbone for every number of labels, a head from `seed`."""
    config = roberta_config(vocab_size=40, max_position_embeddings=20, num_labels=labels)
    model = RobertaForSequenceClassification(config)
    for part, own_seed in ((model.roberta, 0), (model.classifier, seed)):
        generator = torch.Generator().manual_seed(own_seed)
        for parameter in part.parameters():
            parameter.data.normal_(std=0.4, generator=generator)
    return model.train()


def hidden(model):
    model.eval()
    with torch.no_grad():
        return model.roberta(IDS).last_hidden_state


@pytest.fixture
def parent(method_name, make_method, make_optimizer, train):
    """A method trained for ten steps on three classes, and its model."""
    model = classifier(3)
    method = make_method(method_name, model)
    batch = {"input_ids": IDS, "labels": torch.tensor([0, 2])}
    train(method, model, make_optimizer(method, model), batch, last=10)
    return method, model


@pytest.fixture
def child(method_name, make_method):
    model = classifier(2, seed=1)
    return make_method(method_name, model, seed=99), model


def test_the_encoder_and_the_dense_layer_are_the_parents_and_the_output_layer_is_fresh(parent, child, method_name):
    (trained, three), (method, two) = parent, child
    own = {name: parameter.detach().clone() for name, parameter in head_parameters(two).items()}
    assert not torch.allclose(hidden(two), hidden(three))
    method.warm_start(two, trained.state_dict(three), output_layer(two))
    # In closed form what the parent computed with is written into W, and rounded, once.
    rounding = 1e-5 if method_name == "delta_lora_closed_form" else 0.0
    torch.testing.assert_close(hidden(two), hidden(three), rtol=0, atol=rounding)
    torch.testing.assert_close(hidden(method.merge(two)), hidden(trained.merge(three)), rtol=0, atol=rounding)
    for name, parameter in head_parameters(two).items():
        if name.startswith("classifier.dense."):
            assert torch.equal(parameter, three.get_parameter(name))
        else:
            assert torch.equal(parameter, own[name])


def test_nothing_of_the_methods_own_books_is_taken_over(parent, child):
    (trained, three), (method, two) = parent, child

    def books(state):
        return {key: tensor for key, tensor in state.items() if not key.startswith(("parameter/", "weight/"))}

    before = books(method.state_dict(two))
    method.warm_start(two, trained.state_dict(three), output_layer(two))
    after = books(method.state_dict(two))
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)
    if method.config.name in ("adalora", "delta_lora", "dylora"):
        assert any(not torch.equal(after[key], tensor) for key, tensor in books(trained.state_dict(three)).items())


def test_training_goes_on_from_there(parent, child, make_optimizer, train):
    (trained, three), (method, two) = parent, child
    method.warm_start(two, trained.state_dict(three), output_layer(two))
    started = hidden(two)
    batch = {"input_ids": IDS, "labels": torch.tensor([0, 1])}
    losses = train(method, two, make_optimizer(method, two), batch, last=10)
    assert losses[-1] < losses[0]
    assert not torch.equal(hidden(two), started)
    method.diagnostics()


def test_a_missing_tensor_is_refused_and_nothing_changes(parent, child):
    (trained, three), (method, two) = parent, child
    before = method.state_dict(two)
    state = trained.state_dict(three)
    missing = sorted(key for key in state if key.startswith("parameter/") and "out_proj" not in key)[-1]
    del state[missing]
    with pytest.raises(ModelError, match=f"1 are missing, first '{missing}'") as caught:
        method.warm_start(two, state, output_layer(two))
    assert "\n" not in str(caught.value)
    assert all(torch.equal(tensor, before[key]) for key, tensor in method.state_dict(two).items())


def test_another_number_of_classes_must_be_skipped(parent, child):
    (trained, three), (method, two) = parent, child
    with pytest.raises(ModelError, match=r"expected shape \(2,.*classifier\.out_proj.*found \(3,"):
        method.warm_start(two, trained.state_dict(three), skip=())


def test_moved_weights_are_not_dropped_in_silence(make_method):
    """The state of Delta-LoRA has all that LoRA trains, and the moved W besides."""
    three, two = classifier(3), classifier(2)
    state = make_method("delta_lora", three).state_dict(three)
    with pytest.raises(ModelError, match=r"4 more were found, first 'weight/roberta\.encoder\.layer\.0"):
        make_method("lora", two).warm_start(two, state, output_layer(two))


def test_the_output_layer_is_the_last_of_the_head_alone(make_model):
    assert output_layer(classifier(2)) == {"classifier.out_proj.weight", "classifier.out_proj.bias"}
    assert output_layer(make_model("bart")) == set()
