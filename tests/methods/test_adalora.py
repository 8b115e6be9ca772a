"""AdaLoRA against a plain transcription of the published schedule and allocator, per name and per element."""

import pytest
import torch

from deltalora.errors import ConfigError, ModelError
from deltalora.methods.adalora import AdaLoRA

TOTAL, INITIAL, TARGET, WARMUP, FINAL = 16, 4, 2, 2, 4
BETA1, BETA2, WEIGHT = 0.85, 0.7, 0.3
VALUES = {
    "initial_rank": INITIAL,
    "target_rank": TARGET,
    "initial_warmup": WARMUP,
    "final_warmup": FINAL,
    "beta1": BETA1,
    "beta2": BETA2,
    "orthogonality_weight": WEIGHT,
    "total_steps": TOTAL,
}


class Transcription:
    """The allocator as the paper and its published code describe it, in dictionaries and sorted lists."""

    def __init__(self, matrices: list[dict[str, torch.Tensor]], interval: int):
        self.matrices = matrices
        self.interval = interval
        self.I_bar = [{key: torch.zeros_like(p) for key, p in matrix.items()} for matrix in matrices]
        self.U_bar = [{key: torch.zeros_like(p) for key, p in matrix.items()} for matrix in matrices]

    def schedule(self, t: int) -> tuple[int, bool]:
        full, end = INITIAL * len(self.matrices), TARGET * len(self.matrices)
        if t <= WARMUP:
            return full, False
        if t > TOTAL - FINAL:
            return end, True
        fraction = 1 - (t - WARMUP) / (TOTAL - FINAL - WARMUP)
        return int(end + (full - end) * fraction**3), t % self.interval == 0

    def after_step(self, t: int) -> tuple[int, list[int] | None]:
        if t < TOTAL - FINAL:
            for matrix, I_bar, U_bar in zip(self.matrices, self.I_bar, self.U_bar, strict=True):
                for key, p in matrix.items():
                    importance = (p * p.grad).abs().detach()
                    I_bar[key] = BETA1 * I_bar[key] + (1 - BETA1) * importance
                    U_bar[key] = BETA2 * U_bar[key] + (1 - BETA2) * (importance - I_bar[key]).abs()
        budget, masks = self.schedule(t)
        surplus = INITIAL * len(self.matrices) - budget
        if not masks or surplus == 0:
            return budget, None
        scores = []
        for I_bar, U_bar in zip(self.I_bar, self.U_bar, strict=True):
            s = {key: I_bar[key] * U_bar[key] for key in I_bar}
            scores.append([float(s["E"][i, 0] + s["A"][i].mean() + s["B"][:, i].mean()) for i in range(INITIAL)])
        threshold = sorted(score for row in scores for score in row)[surplus - 1]
        with torch.no_grad():
            for matrix, row in zip(self.matrices, scores, strict=True):
                for i, score in enumerate(row):
                    if score <= threshold:
                        matrix["E"][i] = 0.0
        return budget, [sum(score > threshold for score in row) for row in scores]


def _matrices(method) -> list[dict[str, torch.Tensor]]:
    return [{"A": a.branch.lora_A, "B": a.branch.lora_B, "E": a.branch.lora_E} for a in method.adapted]


@pytest.mark.parametrize("interval", [1, 3])
def test_sixteen_steps_equal_the_published_schedule_and_allocator(
    interval, architecture, make_model, make_method, make_batch, make_optimizer
):
    batch = make_batch(architecture)
    pairs = []
    for _ in range(2):
        model = make_model(architecture, torch.float64)
        method = make_method("adalora", model, mask_interval=interval, **VALUES)
        pairs.append((model, method, make_optimizer(method, model)))
    (model, method, optimizer), (other, reference, plain) = pairs
    transcription = Transcription(_matrices(reference), interval)
    patterns = []
    for t in range(TOTAL):
        method.before_step(t)
        (model(**batch).loss + method.penalty()).backward()
        optimizer.step()
        method.after_step(t)
        optimizer.zero_grad()

        (other(**batch).loss + reference.penalty()).backward()
        plain.step()
        budget, ranks = transcription.after_step(t)
        plain.zero_grad()

        facts = method.diagnostics()
        assert facts["budget"] == budget
        if ranks is not None:
            assert facts["ranks"] == ranks
            assert facts["total_rank"] == sum(ranks) == budget
            patterns.append(ranks)
            for adapted, kept in zip(method.adapted, ranks, strict=True):
                assert torch.count_nonzero(adapted.branch.lora_E) == kept
        for mine, theirs in zip(_matrices(method), _matrices(reference), strict=True):
            for key in mine:
                torch.testing.assert_close(mine[key], theirs[key], rtol=0, atol=1e-12)
    state = method.state_dict(model)
    for index, adapted in enumerate(method.adapted):
        for key in ("A", "B", "E"):
            name = f"{adapted.projection.name}.lora_{key}"
            torch.testing.assert_close(
                state[f"sensitivity/{name}"], transcription.I_bar[index][key], rtol=0, atol=1e-12
            )
            torch.testing.assert_close(
                state[f"uncertainty/{name}"], transcription.U_bar[index][key], rtol=0, atol=1e-12
            )
    assert len(set(patterns[-1])) > 1, "matrices end with different ranks"
    assert patterns[-1] == patterns[-2] == patterns[-3], "the pattern is fixed in the final phase"
    assert sum(patterns[-1]) == TARGET * len(method.adapted)


def test_the_start_is_zero_update_and_scaling_keeps_the_initial_rank(make_model, make_method):
    method = make_method("adalora", make_model("gpt2"), initial_rank=200, target_rank=2, alpha=8.0)
    A = torch.stack([a.branch.lora_A.detach() for a in method.adapted])
    B = torch.stack([a.branch.lora_B.detach() for a in method.adapted])
    for drawn in (A, B):
        assert abs(float(drawn.std()) - 0.02) < 1e-3
        assert abs(float(drawn.mean())) < 1e-3
    assert all(torch.count_nonzero(a.branch.lora_E) == 0 for a in method.adapted)
    with torch.no_grad():
        method.adapted[0].branch.lora_E[0] = 1.0
    scaled, P, scaling = method.adapted[0].branch.factors()
    assert scaling == pytest.approx(8.0 / (200 + 1e-5), rel=1e-12)
    assert torch.equal(scaled[0], A[0, 0])
    assert torch.equal(scaled[1], torch.zeros(16))
    assert P is method.adapted[0].branch.lora_B


def test_the_penalty_is_the_mean_unsquared_distance_from_orthogonality(make_model, make_method, architecture):
    method = make_method("adalora", make_model(architecture, torch.float64), mask_interval=1, **VALUES)
    distances = []
    for adapted in method.adapted:
        Q, P = adapted.branch.lora_A.detach(), adapted.branch.lora_B.detach()
        for gram in (Q @ Q.T, P.T @ P):
            difference = gram - torch.eye(INITIAL, dtype=torch.float64)
            distances.append(float(difference.square().sum().sqrt()))
    assert method.penalty().item() == pytest.approx(WEIGHT * sum(distances) / len(distances), rel=1e-12)
    assert make_method("adalora", make_model(architecture), orthogonality_weight=0.0).penalty() == 0.0


def test_the_penalty_pulls_the_factors_towards_orthogonality(make_model, make_method):
    method = make_method("adalora", make_model("gpt2"))
    parameters = [p for a in method.adapted for p in (a.branch.lora_A, a.branch.lora_B)]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    for _ in range(300):
        method.penalty().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert method.penalty().item() < 0.02
    assert method.adapted[0].branch.lora_E.grad is None


def _with_gradients(method, scale_of_first: float) -> None:
    for index, adapted in enumerate(method.adapted):
        generator = torch.Generator().manual_seed(index)
        for parameter in adapted.branch.parameters():
            parameter.data.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
            parameter.grad = torch.rand(parameter.shape, generator=generator) + 0.5
            parameter.grad *= scale_of_first if index == 0 else 1.0


def test_a_matrix_can_lose_every_triplet_and_is_saved_and_restored_so(make_model, make_method):
    model = make_model("gpt2")
    method = make_method("adalora", model, mask_interval=1, **VALUES)
    for t in range(TOTAL):
        _with_gradients(method, scale_of_first=1e-3)  # as a step does: what was pruned is there again
        method.after_step(t)
    assert method.diagnostics()["ranks"][0] == 0
    assert torch.count_nonzero(method.adapted[0].branch.lora_E) == 0
    assert method.diagnostics()["total_rank"] == TARGET * 4
    fresh = make_model("gpt2")
    other = make_method("adalora", fresh, seed=99, mask_interval=1, **VALUES)
    other.load_state_dict(fresh, method.state_dict(model))
    assert other.diagnostics() == method.diagnostics()
    assert torch.count_nonzero(other.adapted[0].branch.lora_E) == 0
    plain = make_model("gpt2").state_dict()["transformer.h.0.attn.c_attn.weight"]
    merged = other.merge(fresh).state_dict()["transformer.h.0.attn.c_attn.weight"]
    assert torch.equal(merged[:, :16], plain[:, :16]), "a matrix of rank 0 merges to W itself"


def test_ties_at_the_threshold_are_all_pruned(make_model, make_method):
    method = make_method("adalora", make_model("gpt2"), mask_interval=1, **VALUES)
    for adapted in method.adapted:
        for parameter in adapted.branch.parameters():
            parameter.data.fill_(1.0)
            parameter.grad = torch.ones_like(parameter)
    for t in range(WARMUP + 2):
        method.after_step(t)
    assert method.diagnostics()["ranks"] == [0, 0, 0, 0]


def test_with_target_rank_equal_to_initial_rank_nothing_is_masked(
    make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model("gpt2")
    method = make_method("adalora", model, initial_rank=3, target_rank=3, mask_interval=1)
    train(method, model, make_optimizer(method, model), make_batch("gpt2"), last=12)
    assert method.diagnostics() == {"budget": 12, "total_rank": 12, "ranks": [3, 3, 3, 3]}
    assert all(torch.count_nonzero(a.branch.lora_E) == 3 for a in method.adapted)


@pytest.mark.parametrize(("final", "interval"), [(0, 1), (1, 1), (2, 1), (2, 5)])
def test_a_trained_model_ends_with_the_target_rank_however_short_the_final_phase(
    final, interval, architecture, make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model(architecture)
    method = make_method("adalora", model, mask_interval=interval, **{**VALUES, "final_warmup": final})
    train(method, model, make_optimizer(method, model), make_batch(architecture), last=TOTAL)
    kept = [int(torch.count_nonzero(adapted.branch.lora_E)) for adapted in method.adapted]
    assert sum(kept) == TARGET * len(method.adapted)
    assert method.diagnostics() == {"budget": sum(kept), "total_rank": sum(kept), "ranks": kept}


def test_between_two_allocations_the_reported_ranks_are_those_that_grew_back(
    make_model, make_method, make_batch, make_optimizer, train
):
    model = make_model("gpt2")
    method = make_method("adalora", model, mask_interval=5, **VALUES)
    optimizer = make_optimizer(method, model)
    assert method.diagnostics()["ranks"] == [0, 0, 0, 0]
    train(method, model, optimizer, make_batch("gpt2"), last=11)  # step 10 prunes
    pruned = method.diagnostics()
    assert pruned["total_rank"] == pruned["budget"] < INITIAL * 4
    train(method, model, optimizer, make_batch("gpt2"), first=11, last=12)
    assert method.diagnostics()["total_rank"] == INITIAL * 4 > method.diagnostics()["budget"]


@pytest.mark.parametrize("final", [0, 1])
def test_a_schedule_after_whose_last_pruning_values_grow_back_is_refused(final, make_model, make_method):
    message = (
        rf"final_warmup to be at least 2 with mask_interval 3, found {final}: .* last of 16 steps .*raise method\."
    )
    with pytest.raises(ConfigError, match=message):
        make_method("adalora", make_model("gpt2"), mask_interval=3, **{**VALUES, "final_warmup": final})


def test_a_schedule_that_never_prunes_is_refused_and_two_steps_without_warm_ups_are_taken(
    make_model, make_method, make_batch, make_optimizer, train
):
    values = {"final_warmup": 0, "mask_interval": 1, "initial_rank": 8, "target_rank": 4, "total_steps": 2}
    with pytest.raises(ConfigError, match=r"initial_warmup \(1\), found 2: no step would prune"):
        make_method("adalora", make_model("gpt2"), initial_warmup=1, **values)
    model = make_model("gpt2")
    method = make_method("adalora", model, initial_warmup=0, **values)
    train(method, model, make_optimizer(method, model), make_batch("gpt2"), last=2)
    facts = method.diagnostics()
    assert facts["budget"] == facts["total_rank"] == 18, "4 + (8 - 4) / 2³ a matrix"


@pytest.mark.parametrize("total", [10, 12])
def test_an_impossible_schedule_names_its_three_numbers(total, make_model, make_method):
    message = rf"initial_warmup \(8\) \+ final_warmup \(4\), found {total}: lower method\.initial_warmup"
    with pytest.raises(ConfigError, match=message):
        make_method("adalora", make_model("gpt2"), initial_warmup=8, final_warmup=4, total_steps=total)


def test_calls_in_the_wrong_order_are_explained(make_model, make_method):
    method = make_method("adalora", make_model("gpt2"))
    with pytest.raises(ModelError, match=r"each of AdaLoRA's 12 tensors, found 0: call after_step between"):
        method.after_step(0)
    unplanned = type(method)(method.config)
    with pytest.raises(ConfigError, match=r"call plan\(total_steps\) first"):
        unplanned.after_step(0)


def test_an_unplanned_method_is_refused_before_a_weight_moves(make_model, make_method, make_batch, make_optimizer):
    model = make_model("gpt2")
    method = AdaLoRA(make_method("adalora", make_model("gpt2")).config)
    method.inject(model, torch.Generator().manual_seed(7))
    optimizer = make_optimizer(method, model)
    for refused in (lambda: method.attach(model, optimizer), lambda: method.before_step(0), method.diagnostics):
        with pytest.raises(ConfigError, match=r"call plan\(total_steps\) first"):
            refused()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    model(**make_batch("gpt2")).loss.backward()
    optimizer.step()  # nothing stayed behind in the optimizer that would raise now
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
