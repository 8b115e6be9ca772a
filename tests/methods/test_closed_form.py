"""Delta-LoRA in closed form: the literal algorithm without a write into W, and what only it can do."""

import pytest
import torch

from deltalora.config import parse_method_config
from deltalora.errors import ConfigError, ModelError

LAMBDA, START = 2.0, 2
THREE = pytest.mark.parametrize("architecture", ["gpt2", "roberta", "bart"])


def _effective(method) -> torch.Tensor:
    """W + all that is added to it, of every matrix, as one long vector in float64."""
    parts = []
    for adapted in method.adapted:
        A, B, scaling = adapted.branch.inference_factors()
        stored = adapted.projection.block(adapted.weight).double()
        product = scaling * (B.double() @ A.double())
        parts.append((stored + (product.T if adapted.projection.transposed else product)).detach().flatten())
    return torch.cat(parts)


def _learnt(method) -> torch.Tensor:
    parts = []
    for adapted in method.adapted:
        A, B, scaling = adapted.branch.learnt_factors()
        product = scaling * (B.double() @ A.double())
        parts.append((product.T if adapted.projection.transposed else product).detach().flatten())
    return torch.cat(parts)


def _step(method, model, optimizer, batches, t, clip=None, autocast=False):
    """One optimizer step over several micro-batches."""
    method.before_step(t)
    total = 0.0
    for batch in batches:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            loss = model(**batch).loss / len(batches)
        loss.backward()
        total += float(loss.detach())
    if clip is not None:
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], clip)
    optimizer.step()
    method.after_step(t)
    optimizer.zero_grad()
    return total


@pytest.fixture
def both(make_model, make_method, make_optimizer):
    """Returns a function of (architecture, dtype, method values) that gives the two forms from one start."""

    def make(architecture, dtype=torch.float64, **values):
        made = []
        for update in ("literal", "closed_form"):
            model = make_model(architecture, dtype)
            method = make_method("delta_lora", model, update=update, start_step=START, update_ratio=LAMBDA, **values)
            made.append((method, model, make_optimizer(method, model)))
        return made

    return make


@pytest.mark.parity
@pytest.mark.parametrize(("clip", "micro_batches"), [(None, 1), (0.5, 1), (0.5, 2)])
def test_it_equals_the_literal_form_at_every_step(architecture, clip, micro_batches, both, make_batch, fidelity):
    literal, closed = both(architecture)
    batch = make_batch(architecture)
    batches = [
        {key: value.chunk(micro_batches)[index] for key, value in batch.items()} for index in range(micro_batches)
    ]
    oracle = "Algorithm 1, literal form, float64"
    setting = f"30 AdamW steps{', clipping' if clip else ''}{', accumulation' if micro_batches > 1 else ''}"
    start = _effective(closed[0])
    for t in range(30):
        losses = [_step(*one, batches, t, clip) for one in (literal, closed)]
        fidelity.close("delta_lora, closed form", oracle, f"loss, {setting}", losses[1], losses[0], 1e-12)
        for ours, theirs in zip(closed[0].adapted, literal[0].adapted, strict=True):
            for factor in ("lora_A", "lora_B"):
                pair = (getattr(ours.branch, factor), getattr(theirs.branch, factor))
                fidelity.close("delta_lora, closed form", oracle, f"A and B, {setting}", *pair, 1e-11)
        weights = (_effective(closed[0]), _effective(literal[0]))
        fidelity.close("delta_lora, closed form", oracle, f"W + s B A, {setting}", *weights, 1e-11)
    assert (_effective(literal[0]) - start).abs().max() > 1e-2


@pytest.mark.invariant
@THREE
def test_nothing_is_written_into_the_weights(architecture, both, make_batch):
    _, (method, model, optimizer) = both(architecture, torch.float32)
    before = [adapted.weight.clone() for adapted in method.adapted]
    for t in range(8):
        _step(method, model, optimizer, [make_batch(architecture)], t)
    assert method.diagnostics() == {"weight_updates": 8 - START - 1}
    assert all(torch.equal(b, adapted.weight) for b, adapted in zip(before, method.adapted, strict=True))
    assert method.extra_updatable(model) == {}
    assert not any(key.startswith("weight/") for key in method.state_dict(model))


@pytest.mark.invariant
def test_what_was_learnt_is_of_rank_2r_and_the_same_in_both_forms(architecture, both, make_batch):
    literal, closed = both(architecture)
    untouched = _effective(closed[0])
    for t in range(12):
        for one in (literal, closed):
            _step(*one, [make_batch(architecture)], t)
    for method in (literal[0], closed[0]):
        torch.testing.assert_close(untouched + _learnt(method), _effective(method), rtol=0, atol=1e-12)
        for adapted in method.adapted:
            A, B, _ = adapted.branch.learnt_factors()
            assert A.shape == (6, adapted.projection.in_features)
            assert B.shape == (adapted.projection.out_features, 6)


@pytest.mark.invariant
@pytest.mark.parametrize("idle", [{"update_ratio": 0.0, "start_step": -1}, {"start_step": 12}])
def test_without_updates_it_is_lora_without_dropout_bit_for_bit(
    idle, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    runs = []
    for name, values in (("lora", {}), ("delta_lora_closed_form", idle)):
        model = make_model(architecture)
        method = make_method(name, model, **values)
        losses = train(method, model, make_optimizer(method, model), make_batch(architecture), last=12)
        runs.append((losses, method.merge(model).state_dict()))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(runs[0][1][key], runs[1][1][key]) for key in runs[0][1])


@pytest.mark.invariant
@THREE
def test_a_warm_start_continues_like_the_literal_form(architecture, both, make_batch):
    ended = both(architecture)
    begun = both(architecture)
    for (old, old_model, old_optimizer), (new, new_model, _) in zip(ended, begun, strict=True):
        for t in range(6):
            _step(old, old_model, old_optimizer, [make_batch(architecture)], t)
        new.warm_start(new_model, old.state_dict(old_model), skip=())
    torch.testing.assert_close(_effective(begun[0][0]), _effective(ended[0][0]), rtol=0, atol=1e-12)
    for t in range(6):
        for one in begun:
            _step(*one, [make_batch(architecture)], t)
        torch.testing.assert_close(_effective(begun[1][0]), _effective(begun[0][0]), rtol=0, atol=1e-11)


@pytest.mark.invariant
@THREE
def test_under_bf16_autocast_it_stays_as_near_to_full_precision_as_the_literal_form(architecture, both, make_batch):
    """Its own rounding is that of the branch; the same order as the literal form's rounding of W."""
    exact = both(architecture, torch.float32)[0]
    rounded = both(architecture, torch.float32)
    start = _effective(exact[0])
    for t in range(20):
        _step(*exact, [make_batch(architecture)], t)
        for one in rounded:
            _step(*one, [make_batch(architecture)], t, autocast=True)
    change = (_effective(exact[0]) - start).norm()
    off = [float((_effective(method) - _effective(exact[0])).norm() / change) for method, _, _ in rounded]
    assert change > 0.1
    assert max(off) < 0.15
    assert off[1] < 2 * off[0]


@pytest.mark.invariant
@THREE
def test_over_weights_stored_in_bf16_no_update_is_lost(
    architecture, make_model, make_method, make_optimizer, make_batch
):
    """The same steps written into bf16 one by one lose a tenth of W's change and more; the closed form loses none."""
    model = make_model(architecture, torch.bfloat16)
    method = make_method("delta_lora_closed_form", model)
    if architecture == "roberta":
        model.classifier.float()  # a fresh head learns in full precision, as the factors do
    assert {adapted.weight.dtype for adapted in method.adapted} == {torch.bfloat16}
    assert {adapted.branch.lora_A.dtype for adapted in method.adapted} == {torch.float32}
    optimizer = make_optimizer(method, model, lr=2e-4)
    stored = [adapted.projection.block(adapted.weight).clone() for adapted in method.adapted]
    written = [block.clone() for block in stored]
    products, losses = [_product(adapted) for adapted in method.adapted], []
    for t in range(150):
        losses.append(_step(method, model, optimizer, [make_batch(architecture)], t, autocast=True))
        before, products = products, [_product(adapted) for adapted in method.adapted]
        if t > 2:
            for block, old, new in zip(written, before, products, strict=True):
                block += (LAMBDA * (new - old)).bfloat16()
        if t == 2:
            at_start = products
    assert losses[-1] < losses[0]
    exact = torch.cat([(LAMBDA * (P - P_k)).flatten() for P, P_k in zip(products, at_start, strict=True)])
    closed = _moved(method, model)
    literal = torch.cat([(w.float() - s.float()).flatten() for w, s in zip(written, stored, strict=True)])
    assert float((closed - exact).norm() / exact.norm()) < 1e-5
    assert float((literal - exact).norm() / exact.norm()) > 0.1


def _product(adapted) -> torch.Tensor:
    """s B A in the module's layout."""
    product = (adapted.branch.scaling * adapted.branch.lora_B @ adapted.branch.lora_A).detach()
    return product.T if adapted.projection.transposed else product


def _moved(method, model) -> torch.Tensor:
    """W's own change in closed form, in the module's layout."""
    moved = []
    for adapted in method.adapted:
        A, B, scaling = method.moved_by(method.state_dict(model))[adapted.projection.name]
        product = scaling * B @ A
        moved.append((product.T if adapted.projection.transposed else product).flatten())
    return torch.cat(moved)


def test_merging_into_bf16_rounds_once(make_model, make_method, make_batch, make_optimizer):
    model = make_model("gpt2", torch.bfloat16)
    method = make_method("delta_lora_closed_form", model)
    optimizer = make_optimizer(method, model)
    for t in range(6):
        _step(method, model, optimizer, [make_batch("gpt2")], t, autocast=True)
    adapted = method.adapted[0]
    A, B, scaling = adapted.branch.inference_factors()
    block = adapted.projection.block(adapted.weight)
    expected = (block.float() + (scaling * B @ A).T).bfloat16()
    merged = method.merge(model).get_parameter(f"{adapted.projection.module}.weight")
    assert torch.equal(adapted.projection.block(merged), expected)


def test_dropout_and_half_precision_are_sent_to_the_form_that_can():
    values = {"name": "delta_lora", "rank": 2, "alpha": 4.0, "update_ratio": 2.0, "start_step": 0}
    with pytest.raises(ConfigError, match=r"expected dropout 0 with update=closed_form, found 0\.1: .*update=literal"):
        parse_method_config({**values, "update": "closed_form", "dropout": 0.1})


def test_the_literal_form_over_bf16_names_the_closed_form(make_model, make_method):
    with pytest.raises(ModelError, match=r"or set update=closed_form"):
        make_method("delta_lora", make_model("gpt2", torch.bfloat16))
