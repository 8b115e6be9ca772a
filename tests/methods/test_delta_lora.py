"""Delta-LoRA against Algorithm 1 written out naively, and its exact consequences."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from deltalora.errors import ModelError
from deltalora.methods import find_projections

LAMBDA, ALPHA, RANK = 2.0, 6.0, 3
SCALING = ALPHA / RANK


class NaiveAlgorithm1:
    """Dense matrices throughout; the untouched model computes with W + s·BA put in the place of its weights."""

    def __init__(self, model: nn.Module, start: list[tuple[torch.Tensor, torch.Tensor]], start_step: int):
        self.model = model.requires_grad_(False)
        self.start_step = start_step
        self.projections = find_projections(model)
        self.W = {p.module: model.get_parameter(f"{p.module}.weight").clone() for p in self.projections}
        self.A = [A.clone().requires_grad_() for A, _ in start]
        self.B = [B.clone().requires_grad_() for _, B in start]
        head = [p.requires_grad_() for name, p in model.named_parameters() if name.startswith("classifier.")]
        self.optimizer = torch.optim.AdamW([*self.A, *self.B, *head], lr=1e-2, weight_decay=0.1)

    def _embedded(self, projection, matrix):
        """The (d_out, d_in) matrix in a zero matrix of the module's own shape and layout."""
        dense = torch.zeros_like(self.W[projection.module])
        oriented = matrix.T if projection.transposed else matrix
        if projection.transposed:
            dense[:, projection.start : projection.start + projection.out_features] = oriented
        else:
            dense[projection.start : projection.start + projection.out_features] = oriented
        return dense

    def step(self, t: int, batch: dict[str, torch.Tensor]) -> None:
        effective = dict(self.W)
        for projection, A, B in zip(self.projections, self.A, self.B, strict=True):
            effective[projection.module] = effective[projection.module] + SCALING * self._embedded(projection, B @ A)
        weights = {f"{module}.weight": weight for module, weight in effective.items()}
        functional_call(self.model, weights, kwargs=batch).loss.backward()
        before = [(B @ A).detach() for A, B in zip(self.A, self.B, strict=True)]
        self.optimizer.step()
        self.optimizer.zero_grad()
        if t > self.start_step:
            for projection, A, B, product in zip(self.projections, self.A, self.B, before, strict=True):
                delta = (B @ A).detach() - product
                self.W[projection.module] += LAMBDA * SCALING * self._embedded(projection, delta)


def _step(method, model, optimizer, batch, t):
    method.before_step(t)
    model(**batch).loss.backward()
    optimizer.step()
    method.after_step(t)
    optimizer.zero_grad()


def test_fifty_steps_equal_the_naive_algorithm_in_float64(
    architecture, make_model, make_method, make_batch, make_optimizer
):
    model = make_model(architecture, torch.float64)
    method = make_method("delta_lora", model, start_step=4, update_ratio=LAMBDA)
    start = [(a.branch.lora_A.detach(), a.branch.lora_B.detach()) for a in method.adapted]
    naive = NaiveAlgorithm1(make_model(architecture, torch.float64), start, start_step=4)
    optimizer = make_optimizer(method, model)
    batch = make_batch(architecture)
    for t in range(50):
        _step(method, model, optimizer, batch, t)
        naive.step(t, batch)
    for index, adapted in enumerate(method.adapted):
        expected = naive.W[adapted.projection.module]
        torch.testing.assert_close(adapted.weight.detach(), expected, rtol=0, atol=1e-10)
        torch.testing.assert_close(adapted.branch.lora_A, naive.A[index], rtol=0, atol=1e-10)
        torch.testing.assert_close(adapted.branch.lora_B, naive.B[index], rtol=0, atol=1e-10)
    moved = make_model(architecture, torch.float64).get_parameter(f"{method.adapted[0].projection.module}.weight")
    assert (method.adapted[0].weight - moved).abs().max() > 1e-2
    assert method.diagnostics() == {"weight_updates": 45}


def test_w_telescopes_to_the_product_difference_at_every_step(
    architecture, make_model, make_method, make_batch, make_optimizer
):
    model = make_model(architecture, torch.float64)
    method = make_method("delta_lora", model, start_step=3, update_ratio=LAMBDA)
    optimizer = make_optimizer(method, model)
    batch = make_batch(architecture)

    def products():
        return [(a.branch.lora_B @ a.branch.lora_A).detach() for a in method.adapted]

    def blocks():
        views = [a.projection.block(a.weight).detach() for a in method.adapted]
        oriented = [v.T if a.projection.transposed else v for a, v in zip(method.adapted, views, strict=True)]
        return [view.clone() for view in oriented]

    W_0, P_k = blocks(), products()
    for t in range(12):
        if t == 4:  # t > K for the first time: the product just before the first update
            P_k = products()
        _step(method, model, optimizer, batch, t)
        for W_t, W, P_t, P in zip(blocks(), W_0, products(), P_k, strict=True):
            expected = W if t <= 3 else W + LAMBDA * SCALING * (P_t - P)
            torch.testing.assert_close(W_t, expected, rtol=0, atol=1e-12)
    for W_t, W in zip(blocks(), W_0, strict=True):
        assert torch.linalg.matrix_rank(W_t - W, atol=1e-10, rtol=0.0) <= 2 * RANK


@pytest.mark.parametrize("idle", [{"update_ratio": 0.0, "start_step": -1}, {"start_step": 12}])
def test_without_updates_it_is_lora_without_dropout_bit_for_bit(
    idle, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    runs = []
    for name, values in (("lora", {}), ("delta_lora", idle)):
        model = make_model(architecture)
        method = make_method(name, model, **values)
        losses = train(method, model, make_optimizer(method, model), make_batch(architecture), last=12)
        runs.append((losses, {key: tensor.clone() for key, tensor in model.state_dict().items()}))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(runs[0][1][key], runs[1][1][key]) for key in runs[0][1])


@pytest.mark.parametrize(
    ("start", "start_step", "first"),
    [("algorithm", 3, 4), ("text", 3, 3), ("algorithm", -1, 0), ("algorithm", 0, 1), ("text", 0, 0)],
)
def test_w_moves_first_at_the_step_the_reading_says(
    start, start_step, first, make_model, make_method, make_batch, make_optimizer
):
    model = make_model("gpt2")
    method = make_method("delta_lora", model, start=start, start_step=start_step)
    optimizer = make_optimizer(method, model)
    W_0 = method.adapted[0].weight.detach().clone()
    moved = []
    for t in range(6):
        _step(method, model, optimizer, make_batch("gpt2"), t)
        moved.append(not torch.equal(method.adapted[0].weight, W_0))
    assert moved == [t >= first for t in range(6)]


def test_from_a_zero_product_it_is_lora_with_alpha_times_one_plus_lambda_up_to_adams_eps(
    make_model, make_method, make_batch, make_optimizer, train
):
    merged = []
    for name, values in (
        ("delta_lora", {"start_step": -1, "update_ratio": LAMBDA, "alpha": ALPHA}),
        ("lora", {"alpha": (1 + LAMBDA) * ALPHA}),
    ):
        model = make_model("gpt2", torch.float64)
        method = make_method(name, model, **values)
        groups = [{"params": list(group.parameters.values())} for group in method.trainable(model)]
        optimizer = torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.1, eps=1e-16)
        train(method, model, optimizer, make_batch("gpt2"), last=20)
        merged.append(method.merge(model).state_dict())
    for key in merged[0]:
        torch.testing.assert_close(merged[0][key], merged[1][key], rtol=0, atol=1e-8)


def test_dropout_of_the_ablation_reaches_the_branch_but_not_the_delta(make_model, make_method, make_batch):
    model = make_model("gpt2", torch.float64)
    method = make_method("delta_lora", model, start_step=-1, dropout=0.5)
    parameters = [p for group in method.trainable(model) for p in group.parameters.values()]
    W_0 = method.adapted[0].weight.detach().clone()
    torch.manual_seed(0)
    method.before_step(0)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.1)
    batch = make_batch("gpt2")
    assert model(**batch).loss != model(**batch).loss
    method.after_step(0)
    branch, projection = method.adapted[0].branch, method.adapted[0].projection
    delta = LAMBDA * SCALING * (branch.lora_B @ branch.lora_A).detach()  # B was zero before the step
    torch.testing.assert_close(projection.block(method.adapted[0].weight - W_0), delta.T, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_are_refused(dtype, make_model, make_method):
    with pytest.raises(ModelError, match=r"expected float32 .*found torch\.\w*float16 .*dtype=torch\.float32"):
        make_method("delta_lora", make_model("gpt2", dtype))


class _DenseOutputs(TorchDispatchMode):
    """Notes every operation whose result is as large as W, and whether it is W itself."""

    def __init__(self, numel: int, weights: list[torch.Tensor]):
        super().__init__()
        self.numel = numel
        self.storages = {weight.untyped_storage().data_ptr() for weight in weights}
        self.inside: set[str] = set()
        self.outside: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.numel() >= self.numel:
            own = result.untyped_storage().data_ptr() in self.storages
            (self.inside if own else self.outside).add(str(func))
        return result


def test_the_update_writes_into_w_without_a_dense_temporary(architecture, make_model, make_method):
    model = make_model(architecture)
    method = make_method("delta_lora", model, start_step=-1, rank=1)
    method.before_step(0)
    with torch.no_grad():
        for adapted in method.adapted:
            adapted.branch.lora_B.add_(1.0)
    smallest = min(a.projection.in_features * a.projection.out_features for a in method.adapted)
    with _DenseOutputs(smallest, [a.weight for a in method.adapted]) as seen:
        method.after_step(0)
    assert seen.outside == set()
    assert "aten.addmm_.default" in seen.inside
    assert seen.inside <= {"aten.addmm_.default", "aten.slice.Tensor", "aten.detach.default"}


def test_saved_state_holds_the_moved_blocks_only(make_model, make_method, make_batch, make_optimizer, train):
    model = make_model("gpt2")
    method = make_method("delta_lora", model)
    train(method, model, make_optimizer(method, model), make_batch("gpt2"), last=6)
    state = method.state_dict(model)
    weights = {key: tensor for key, tensor in state.items() if key.startswith("weight/")}
    assert set(weights) == {f"weight/{p.name}" for p in find_projections(make_model("gpt2"))}
    assert all(tensor.shape == (16, 16) for tensor in weights.values())
    untouched = make_model("gpt2")
    other = copy.deepcopy(untouched)
    restored = make_method("delta_lora", other)
    restored.load_state_dict(other, state)
    assert all(torch.equal(model.state_dict()[key], other.state_dict()[key]) for key in model.state_dict())
