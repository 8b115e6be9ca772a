"""DyLoRA held against its published code: huawei-noah/Efficient-NLP@bb44348, recorded in tests/golden/methods.

The published code detaches the components that a step does not train, but AdamW goes on moving them by momentum and
decay. Our `update="detached"` is that; `frozen` and `all` put them back on purpose. So under plain SGD all are equal to
the published code; under AdamW `detached` is, and the tests below say by how much the other two differ.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deltalora.methods import build_method
from deltalora.methods.dylora import DyLoRA
from golden.methods.network import Network, adapted_modules, load, pack

pytestmark = pytest.mark.golden

GOLDEN = Path(__file__).parents[1] / "golden" / "methods"
TENSORS = load_file(GOLDEN / "dylora.safetensors")
FACTS = json.loads((GOLDEN / "dylora.json").read_text(encoding="utf-8"))
ORACLE = "huawei-noah/Efficient-NLP@bb44348"
FACTORS = ("lora_A", "lora_B")
RANK, ALPHA = FACTS["method"]["rank"], FACTS["method"]["alpha"]
RANKS = range(1, RANK + 1)
#: The recorded mode (the published set_rank's frozen=True or not) that each of our values of `update` is held against.
RECORDED = {"frozen": "frozen", "all": "all", "detached": "frozen"}


def _injected(update: str, large: bool):
    network, batches = load(TENSORS)
    method = build_method({"name": "dylora", **FACTS["method"], "update": update})
    assert isinstance(method, DyLoRA)
    method.inject(network, torch.Generator().manual_seed(0))
    assert [adapted.projection.module for adapted in method.adapted] == adapted_modules()
    with torch.no_grad():
        for name, tensor in _named(method).items():
            if name.endswith("lora_A"):
                tensor.copy_(TENSORS[f"start/{name}"])
            elif large:
                tensor.copy_(TENSORS[f"large/{name}"])
    return method, network, batches


def _named(method: DyLoRA) -> dict[str, torch.nn.Parameter]:
    """Our factors by the published names."""
    return {
        f"{adapted.projection.module}.{factor}": getattr(adapted.branch, factor)
        for adapted in method.adapted
        for factor in FACTORS
    }


def _draw_from(method: DyLoRA, network: Network, seed: int) -> None:
    """Lets the method's own generator start where the published script's global one stood."""
    state = method.state_dict(network)
    state["rank_generator"] = torch.Generator().manual_seed(seed).get_state()
    method.load_state_dict(network, state)


def _open_a_step_of_rank(method: DyLoRA, b: int) -> None:
    for step in range(200):
        method.before_step(step)
        if method.diagnostics()["training_rank"] == b:
            return
    raise AssertionError(f"rank {b} was never drawn")


@pytest.mark.parametrize("b", RANKS)
def test_forward_and_merge_equal_the_published_layers_at_every_rank(b, fidelity):
    method, network, batches = _injected("frozen", large=True)
    method.set_rank(b)
    theirs = TENSORS[f"answer/{b}/forward"]
    fidelity.close("dylora", ORACLE, "forward at every rank", network.eval()(batches[0][0]), theirs, 1e-12)
    _open_a_step_of_rank(method, b)
    fidelity.close("dylora", ORACLE, "forward in training at every rank", network.train()(batches[0][0]), theirs, 1e-12)
    if f"answer/{b}/merged" in TENSORS:
        merged = pack(method.merge(network).state_dict(), ["weight"])
        fidelity.close("dylora", ORACLE, "merged weight at two ranks", merged, TENSORS[f"answer/{b}/merged"], 1e-12)


def test_the_published_scale_is_alpha_over_b_and_so_is_ours(fidelity):
    method, _, _ = _injected("frozen", large=True)
    scales = []
    for b in RANKS:
        method.set_rank(b)
        scales.append(method.adapted[0].branch.inference_factors()[2])
    assert scales == [ALPHA / b for b in RANKS]
    fidelity.close("dylora", ORACLE, "scale at every rank", scales, FACTS["scales"], 1e-13)


@pytest.mark.parametrize("update", RECORDED)
@pytest.mark.parametrize("b", RANKS)
def test_gradients_equal_the_published_layers_at_every_rank(b, update, fidelity):
    method, network, batches = _injected(update, large=True)
    _open_a_step_of_rank(method, b)
    network.loss(batches[0]).backward()
    ours = pack({name: p.grad for name, p in _named(method).items()}, FACTORS)
    assert ours.abs().max() > 1e-3
    theirs = TENSORS[f"answer/{b}/gradient/{RECORDED[update]}"]
    fidelity.close("dylora", ORACLE, f"gradients, update {update}", ours, theirs, 1e-12)


def test_a_seed_draws_the_published_ranks(fidelity):
    method, network, _ = _injected("frozen", large=False)
    _draw_from(method, network, FACTS["seed"])
    ranks = []
    for step in range(20):
        method.before_step(step)
        ranks.append(method.diagnostics()["training_rank"])
    assert set(ranks) == set(RANKS)
    fidelity.close("dylora", ORACLE, "20 drawn ranks", ranks, FACTS["runs"]["SGD/frozen"]["ranks"], 0)


def _train(optimizer_name: str, update: str, put_back: bool = True):
    """Yields step, loss and method after each of the recorded run's steps."""
    run = FACTS["runs"][f"{optimizer_name}/{RECORDED[update]}"]
    method, network, batches = _injected(update, large=False)
    _draw_from(method, network, FACTS["seed"])
    parameters = [p for group in method.trainable(network) for p in group.parameters.values()]
    optimizer = getattr(torch.optim, optimizer_name)(parameters, **FACTS["optimizers"][optimizer_name])
    for step, b in enumerate(run["ranks"]):
        method.before_step(step)
        assert method.diagnostics()["training_rank"] == b
        loss = network.loss(batches[step % len(batches)])
        loss.backward()
        optimizer.step()
        if put_back:
            method.after_step(step)
        optimizer.zero_grad()
        yield step, loss.item(), method


@pytest.mark.parametrize(
    ("optimizer_name", "update", "put_back"),
    [
        ("SGD", "frozen", True),
        ("SGD", "all", True),
        ("SGD", "detached", True),
        ("AdamW", "detached", True),
        ("AdamW", "all", False),
    ],
)
def test_twenty_steps_equal_the_published_ones(optimizer_name, update, put_back, fidelity):
    what = f"20 {optimizer_name} steps, update {update}" + ("" if put_back else ", without our after_step")
    key = f"{optimizer_name}/{RECORDED[update]}"
    losses = []
    for step, loss, method in _train(optimizer_name, update, put_back):
        losses.append(loss)
        if f"{key}/{step}/factors" in TENSORS:
            ours = pack(_named(method), FACTORS)
            fidelity.close("dylora", ORACLE, what, ours, TENSORS[f"{key}/{step}/factors"], 1e-12)
    assert len(losses) == 20
    fidelity.close("dylora", ORACLE, f"{what}: losses", losses, TENSORS[f"{key}/losses"], 1e-12)


@pytest.mark.parametrize(("update", "apart"), [("frozen", 0.1214), ("all", 0.1151)])
def test_under_adamw_frozen_and_all_differ_from_the_published_code_by_what_they_put_back(update, apart):
    *_, (_, _, method) = _train("AdamW", update)
    ours = pack(_named(method), FACTORS)
    theirs = TENSORS[f"AdamW/{update}/19/factors"]
    assert float((ours - theirs).abs().max()) == pytest.approx(apart, abs=5e-5)


def test_the_published_code_moves_untrained_components_as_far_as_the_trained_one_and_plain_sgd_does_not():
    adamw, sgd = FACTS["runs"]["AdamW/frozen"], FACTS["runs"]["SGD/frozen"]
    assert sgd["largest_step_of_the_untrained"] == [0.0] * 20
    assert all(step > 0 for step in adamw["largest_step_of_the_untrained"])
    first = adamw["largest_step_of_the_untrained"][0]
    values = FACTS["optimizers"]["AdamW"]
    largest_A = max(t.abs().max().item() for key, t in TENSORS.items() if key.startswith("start/") and "lora_A" in key)
    assert first <= values["lr"] * values["weight_decay"] * largest_A, "in the first step there is no momentum yet"
    ratios = [a / b for a, b in zip(adamw["largest_step_of_the_untrained"], adamw["largest_step"], strict=True)][3:]
    assert min(ratios) > 0.6, "later the components left alone move like the trained one"
    assert max(ratios) > 1.3, "or further"
