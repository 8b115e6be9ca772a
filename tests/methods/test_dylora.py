import collections

import pytest
import torch

from deltalora.config import parse_method_config
from deltalora.errors import ConfigError
from deltalora.methods import build_method

RANK, ALPHA = 4, 8.0


@pytest.fixture
def dylora(make_model, make_method):
    def make(architecture="gpt2", **values):
        model = make_model(architecture, torch.float64)
        method = make_method("dylora", model, rank=RANK, alpha=ALPHA, **values)
        with torch.no_grad():
            for index, adapted in enumerate(method.adapted):
                adapted.branch.lora_B.normal_(generator=torch.Generator().manual_seed(index))
        return model, method

    return make


def _expected(branch, x, b):
    return ALPHA / b * (x @ branch.lora_A[:b].T @ branch.lora_B[:, :b].T)


@pytest.mark.parametrize("update", ["frozen", "all", "detached"])
@pytest.mark.parametrize("b", range(1, RANK + 1))
def test_the_scale_is_alpha_over_b_in_evaluation_and_in_training(dylora, update, b):
    _, method = dylora(update=update)
    branch = method.adapted[0].branch
    x = torch.randn(5, 16, dtype=torch.float64)
    branch.eval()
    torch.testing.assert_close(branch(x), _expected(branch, x, RANK))
    method.set_rank(b)
    torch.testing.assert_close(branch(x), _expected(branch, x, b))
    branch.train()
    step = next(step for step in range(200) if method.before_step(step) or branch.training_rank == b)
    torch.testing.assert_close(branch(x), _expected(branch, x, b))
    assert method.diagnostics() == {"training_rank": b, "evaluation_rank": b}
    assert step < 200


@pytest.mark.parametrize("b", range(1, RANK + 1))
def test_merging_uses_the_rank_that_evaluation_uses(dylora, make_batch, architecture, b):
    model, method = dylora(architecture)
    method.set_rank(b)
    model.eval()
    batch = make_batch(architecture)
    with torch.no_grad():
        merged = method.merge(model)(**batch).logits
        torch.testing.assert_close(merged, model(**batch).logits, rtol=0, atol=1e-11)


def test_merging_in_the_middle_of_training_does_not_use_the_drawn_rank(dylora):
    model, method = dylora()
    merged = []
    for step in range(6):
        method.before_step(step)
        merged.append(method.merge(model).state_dict()["transformer.h.0.attn.c_attn.weight"])
    assert all(torch.equal(merged[0], other) for other in merged)


@pytest.mark.parametrize("update", ["frozen", "all"])
def test_only_the_trained_components_move_whatever_momentum_and_decay_do(dylora, make_batch, make_optimizer, update):
    seen = set()
    for b, moved in _steps(*dylora(update=update), make_batch, make_optimizer):
        seen.add(b)
        assert moved == ({b} if update == "frozen" else set(range(1, b + 1)))
    assert seen == set(range(1, RANK + 1))


def test_detached_lets_momentum_and_decay_move_every_component_whatever_was_drawn(dylora, make_batch, make_optimizer):
    ranks = set()
    for b, moved in _steps(*dylora(update="detached"), make_batch, make_optimizer):
        ranks.add(b)
        assert moved == set(range(1, RANK + 1))
    assert ranks == set(range(1, RANK + 1))


def _steps(model, method, make_batch, make_optimizer):
    """Yields the drawn rank and the components of all A and B that moved, of 16 steps under AdamW."""
    optimizer = make_optimizer(method, model)
    batch = make_batch("gpt2")
    for step in range(16):
        before = [(a.branch.lora_A.detach().clone(), a.branch.lora_B.detach().clone()) for a in method.adapted]
        method.before_step(step)
        model(**batch).loss.backward()
        optimizer.step()
        method.after_step(step)
        optimizer.zero_grad()
        b, moved = _rank(method), []
        for (A, B), adapted in zip(before, method.adapted, strict=True):
            assert adapted.branch.training_rank == b, "one rank for the whole model"
            moved.append({i + 1 for i in range(RANK) if not torch.equal(A[i], adapted.branch.lora_A[i])})
            moved.append({i + 1 for i in range(RANK) if not torch.equal(B[:, i], adapted.branch.lora_B[:, i])})
        assert all(one == moved[0] for one in moved)
        yield b, moved[0]


@pytest.mark.parametrize("update", ["frozen", "all", "detached"])
def test_gradients_reach_the_trained_components_only(dylora, make_batch, update):
    model, method = dylora(update=update)
    method.before_step(next(step for step in range(99) if method.before_step(step) or _rank(method) == 3))
    model(**make_batch("gpt2")).loss.backward()
    learns = [True, True, True, False] if update == "all" else [False, False, True, False]
    for adapted in method.adapted:
        assert (adapted.branch.lora_A.grad != 0).any(dim=1).tolist() == learns
        assert (adapted.branch.lora_B.grad != 0).any(dim=0).tolist() == learns


def _rank(method):
    return method.adapted[0].branch.training_rank


def test_ranks_are_uniform_from_one_to_r_and_belong_to_the_seed(dylora):
    _, method = dylora()
    drawn = []
    for step in range(2000):
        torch.rand(step % 3)  # the global stream must not matter
        method.before_step(step)
        drawn.append(_rank(method))
    counts = collections.Counter(drawn)
    assert set(counts) == set(range(1, RANK + 1))
    assert all(abs(count - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5 for count in counts.values())
    _, again = dylora()
    for step in range(50):
        again.before_step(step)
        again.before_step(step)  # opening a step twice draws once
        assert _rank(again) == drawn[step]


def test_an_evaluation_rank_can_be_configured_and_is_checked(dylora):
    _, method = dylora(evaluation_rank=2)
    assert method.diagnostics()["evaluation_rank"] == 2
    with pytest.raises(ConfigError, match=r"between 1 and 4, found 5"):
        method.set_rank(5)
    with pytest.raises(ConfigError, match=r"between 1 and rank \(4\), found 5: lower evaluation_rank or raise rank"):
        parse_method_config({"name": "dylora", "rank": 4, "alpha": 1.0, "evaluation_rank": 5})


@pytest.mark.parametrize(("configured", "used"), [(None, 4), (2, 2)])
def test_the_evaluation_rank_is_known_before_injection(configured, used):
    method = build_method({"name": "dylora", "rank": 4, "alpha": 1.0, "evaluation_rank": configured})
    assert method.diagnostics() == {"training_rank": 4, "evaluation_rank": used}
