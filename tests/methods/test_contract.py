"""What every method owes the loop, on every architecture."""

import io

import pytest
import torch

from deltalora.errors import ModelError
from deltalora.methods import find_projections, head_parameters, token_embedding

LOW_RANK = ("lora", "dylora", "adalora", "delta_lora", "delta_lora_closed_form")
QUERY_VALUE_ONLY = ("ft_qv", *LOW_RANK)
# One fused layout without a head, one with separate projections and a head, where more would only repeat.
FUSED_AND_SEPARATE = pytest.mark.parametrize("architecture", ["gpt2", "roberta"])


def _state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _assert_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.mark.parametrize("name", QUERY_VALUE_ONLY)
def test_only_query_and_value_blocks_and_the_head_change_under_weight_decay(
    name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    untouched = make_model(architecture)
    projections = find_projections(untouched)
    head = set(head_parameters(untouched))
    model = make_model(architecture)
    method = make_method(name, model)
    train(method, model, make_optimizer(method, model), make_batch(architecture), last=10)
    before, after = _state(untouched), _state(method.merge(model))
    for projection in projections:
        key = f"{projection.module}.weight"
        assert not torch.equal(projection.block(before[key]), projection.block(after[key])), projection.name
        projection.block(after[key]).copy_(projection.block(before[key]))
    for key in head:
        assert not torch.equal(before.pop(key), after.pop(key)), key
    _assert_same(before, after)


@pytest.mark.parametrize("name", LOW_RANK)
def test_frozen_tensors_of_the_injected_model_stay_bit_identical(
    name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model(architecture)
    method = make_method(name, model)
    moved = {f"{p.module}.base.weight" for p in find_projections(make_model(architecture))}
    frozen = {
        key: parameter.detach().clone()
        for key, parameter in model.named_parameters()
        if not parameter.requires_grad and not (name == "delta_lora" and key in moved)
    }
    train(method, model, make_optimizer(method, model), make_batch(architecture), last=10)
    now = dict(model.named_parameters())
    _assert_same(frozen, {key: now[key].detach() for key in frozen})


@pytest.mark.parametrize("name", ["full", "ft_frozen_embeddings"])
def test_full_fine_tuning_moves_all_but_what_it_freezes(
    name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model(architecture)
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    method = make_method(name, model)
    train(method, model, make_optimizer(method, model), make_batch(architecture), last=2)
    still = {key for key, parameter in model.named_parameters() if torch.equal(parameter, before[key])}
    embedding = token_embedding(model)
    frozen = {key for key, parameter in model.named_parameters() if parameter is embedding}
    assert still == (frozen if name == "ft_frozen_embeddings" else set())


def test_injection_does_not_change_the_outputs(method_name, architecture, make_model, make_method, make_batch):
    untouched, model = make_model(architecture).eval(), make_model(architecture).eval()
    make_method(method_name, model)
    batch = make_batch(architecture)
    with torch.no_grad():
        assert torch.equal(untouched(**batch).logits, model(**batch).logits)


def test_injection_draws_only_from_its_generator(method_name, architecture, make_model, make_method):
    model = make_model(architecture)
    state = torch.get_rng_state()
    method = make_method(method_name, model)
    method.before_step(0)
    method.merge(model)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_merged_model_is_plain_and_computes_the_same(
    method_name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model(architecture, torch.float64)
    method = make_method(method_name, model)
    batch = make_batch(architecture)
    train(method, model, make_optimizer(method, model), batch, last=10)
    model.eval()
    merged = method.merge(model)
    untouched = make_model(architecture)
    assert list(merged.state_dict()) == list(untouched.state_dict())
    assert {p: type(m) for p, m in merged.named_modules()} == {p: type(m) for p, m in untouched.named_modules()}
    assert len(list(merged.parameters())) == len(list(untouched.parameters())), "ties are kept"
    with torch.no_grad():
        torch.testing.assert_close(merged(**batch).logits, model(**batch).logits, rtol=0, atol=1e-12)


@FUSED_AND_SEPARATE
def test_merging_leaves_the_training_model_untouched_bit_for_bit(
    method_name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    batch = make_batch(architecture)
    trajectories = []
    for merges in (False, True):
        model = make_model(architecture)
        method = make_method(method_name, model)
        optimizer = make_optimizer(method, model)
        losses = train(method, model, optimizer, batch, last=5)
        if merges:
            before = _state(model)
            method.merge(model)
            _assert_same(before, _state(model))
        losses += train(method, model, optimizer, batch, first=5, last=9)
        trajectories.append((losses, method.state_dict(model)))
    assert trajectories[0][0] == trajectories[1][0]
    _assert_same(trajectories[0][1], trajectories[1][1])


@FUSED_AND_SEPARATE
def test_merging_in_place_gives_what_merging_a_copy_gives(
    method_name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model(architecture)
    method = make_method(method_name, model)
    train(method, model, make_optimizer(method, model), make_batch(architecture), last=4)
    copied = _state(method.merge(model))
    assert method.merge(model, in_place=True) is model
    _assert_same(copied, _state(model))


@pytest.mark.invariant
@FUSED_AND_SEPARATE
def test_a_resumed_run_follows_the_uninterrupted_trajectory(
    method_name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    batch = make_batch(architecture)
    model = make_model(architecture)
    method = make_method(method_name, model)
    optimizer = make_optimizer(method, model)
    train(method, model, optimizer, batch, last=6)
    file = io.BytesIO()
    torch.save({"method": method.state_dict(model), "optimizer": optimizer.state_dict()}, file)
    losses = train(method, model, optimizer, batch, first=6, last=12)

    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed = make_model(architecture)
    other = make_method(method_name, resumed, seed=99)
    fresh = make_optimizer(other, resumed)
    other.load_state_dict(resumed, saved["method"])
    fresh.load_state_dict(saved["optimizer"])
    assert train(other, resumed, fresh, batch, first=6, last=12) == losses
    _assert_same(method.state_dict(model), other.state_dict(resumed))
    _assert_same(_state(method.merge(model)), _state(other.merge(resumed)))
    assert method.diagnostics() == other.diagnostics()


@pytest.mark.invariant
@FUSED_AND_SEPARATE
def test_an_attached_method_follows_the_explicit_calls(
    method_name, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    batch = make_batch(architecture)
    model = make_model(architecture)
    method = make_method(method_name, model)
    train(method, model, make_optimizer(method, model), batch, last=8)

    stranger = make_model(architecture)
    attached = make_method(method_name, stranger)
    optimizer = make_optimizer(attached, stranger)
    handle = attached.attach(stranger, optimizer)
    for _ in range(8):
        (stranger(**batch).loss + attached.penalty()).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert handle.step == 8
    _assert_same(_state(model), _state(stranger))

    handle.remove()
    stranger(**batch).loss.backward()
    optimizer.step()
    assert handle.step == 8


@pytest.mark.invariant
def test_an_attached_method_resumes_in_the_middle(
    method_name, make_model, make_method, make_batch, make_optimizer, train
):
    batch = make_batch("gpt2")
    model = make_model("gpt2")
    method = make_method(method_name, model)
    train(method, model, make_optimizer(method, model, weight_decay=0.0), batch, last=5)
    resumed = make_model("gpt2")
    other = make_method(method_name, resumed, seed=99)
    other.load_state_dict(resumed, method.state_dict(model))
    explicit = torch.optim.SGD([p for g in method.trainable(model) for p in g.parameters.values()], lr=0.1)
    train(method, model, explicit, batch, first=5, last=9)
    optimizer = torch.optim.SGD([p for g in other.trainable(resumed) for p in g.parameters.values()], lr=0.1)
    other.attach(resumed, optimizer, first_step=5)
    for _ in range(4):
        (resumed(**batch).loss + other.penalty()).backward()
        optimizer.step()
        optimizer.zero_grad()
    _assert_same(_state(model), _state(resumed))


def test_an_optimizer_built_before_injection_cannot_be_attached(make_model, make_method):
    model = make_model("gpt2")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    method = make_method("lora", model)
    with pytest.raises(ModelError, match=r"all 8 tensors trained by lora, 8 are not in it: build it from"):
        method.attach(model, optimizer)


def test_a_state_with_other_tensors_is_refused_and_changes_nothing(method_name, make_model, make_method):
    model = make_model("roberta")
    method = make_method(method_name, model)
    good = method.state_dict(model)
    before = _state(model)
    first = min(good)
    zeros = {key: torch.zeros_like(tensor) for key, tensor in good.items()}
    with pytest.raises(ModelError, match=rf"1 are missing, first '{first}'"):
        method.load_state_dict(model, {key: tensor for key, tensor in zeros.items() if key != first})
    with pytest.raises(ModelError, match=r"1 more were found, first 'stranger'"):
        method.load_state_dict(model, {**zeros, "stranger": torch.zeros(1)})
    with pytest.raises(ModelError, match=rf"for '{first}' .*found \(1, 2, 3\)"):
        method.load_state_dict(model, {**zeros, first: torch.zeros(1, 2, 3)})
    _assert_same(before, _state(model))


def test_groups_name_adapter_backbone_and_head(method_name, make_model, make_method):
    model = make_model("roberta")
    groups = {group.name: group for group in make_method(method_name, model).trainable(model)}
    assert set(groups) == {"adapter" if method_name in LOW_RANK else "backbone", "head"}
    assert set(groups["head"].parameters) == set(head_parameters(model))
    if method_name in LOW_RANK:
        assert all("lora_" in name for name in groups["adapter"].parameters)


@pytest.mark.parametrize("name", LOW_RANK)
def test_training_works_under_bf16_autocast(name, architecture, make_model, make_method, make_batch, make_optimizer):
    model = make_model(architecture)
    method = make_method(name, model)
    optimizer = make_optimizer(method, model)
    batch = make_batch(architecture)
    losses = []
    for step in range(8):
        method.before_step(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(**batch).loss + method.penalty()
        loss.backward()
        optimizer.step()
        method.after_step(step)
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert losses[-1] < losses[0]
