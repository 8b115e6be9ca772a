"""AdaLoRA held against its published code: QingruZhang/AdaLoRA@d10f5eb, run once and recorded in tests/golden/methods.

On purpose ours differs in three places, each tested here:

- target rank equal to initial rank stops the published run (`kthvalue` of 0); ours prunes nothing;
- a schedule whose last step does not prune ends above its budget there; ours refuses it;
- `eval()` of a single published layer merges it; ours merges on request. (`eval()` of a whole published model does not
  reach that: `nn.Module.eval` calls its children's `train(False)`.)
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deltalora.errors import ConfigError
from deltalora.methods import build_method
from deltalora.methods.adalora import AdaLoRA, Schedule
from golden.methods.network import Network, adapted_modules, load, pack

pytestmark = pytest.mark.golden

GOLDEN = Path(__file__).parents[1] / "golden" / "methods"
TENSORS = load_file(GOLDEN / "adalora.safetensors")
FACTS = json.loads((GOLDEN / "adalora.json").read_text(encoding="utf-8"))
ORACLE = "QingruZhang/AdaLoRA@d10f5eb"
FACTORS = ("lora_A", "lora_B", "lora_E")


def _method(case: str, **changed: object) -> AdaLoRA:
    run = FACTS["runs"][case]
    values = {
        "target_rank": run["target_rank"],
        "initial_warmup": run["init_warmup"],
        "final_warmup": run["final_warmup"],
        "mask_interval": run["mask_interval"],
    }
    method = build_method({"name": "adalora", **FACTS["method"], **values, **changed})
    assert isinstance(method, AdaLoRA)
    return method


def _injected(method: AdaLoRA, values: str):
    network, batches = load(TENSORS)
    method.inject(network, torch.Generator().manual_seed(0))
    assert [adapted.projection.module for adapted in method.adapted] == adapted_modules()
    with torch.no_grad():
        for name, tensor in _named(method).items():
            if f"{values}/{name}" in TENSORS:
                tensor.copy_(TENSORS[f"{values}/{name}"])
    return network, batches


def _named(method: AdaLoRA) -> dict[str, torch.nn.Parameter]:
    """Our factors by the published names."""
    return {
        f"{adapted.projection.module}.{factor}": getattr(adapted.branch, factor)
        for adapted in method.adapted
        for factor in FACTORS
    }


def _packed(method: AdaLoRA) -> torch.Tensor:
    return pack(_named(method), FACTORS)


def _gradient(method: AdaLoRA, factors=FACTORS) -> torch.Tensor:
    gradients = {name: p.grad for name, p in _named(method).items() if p.grad is not None}
    return pack(gradients, factors)


def _average(method: AdaLoRA, network: Network, which: str) -> torch.Tensor:
    state = method.state_dict(network)
    rows = [
        state[f"{which}/{adapted.projection.name}.{factor}"].flatten()
        for adapted in method.adapted
        for factor in FACTORS
    ]
    return torch.cat(rows)


def _merged(method: AdaLoRA, network: Network) -> torch.Tensor:
    return pack(method.merge(network).state_dict(), ["weight"])


def test_forward_gradients_and_merge_equal_the_published_layers(fidelity):
    method = _method("interval")
    network, batches = _injected(method, "large")
    fidelity.close("adalora", ORACLE, "forward", network(batches[0][0]), TENSORS["answer/forward"], 1e-12)
    network.loss(batches[0]).backward()
    fidelity.close("adalora", ORACLE, "gradients", _gradient(method), TENSORS["answer/gradient"], 1e-12)
    fidelity.close("adalora", ORACLE, "merged weight", _merged(method, network), TENSORS["answer/merged"], 1e-12)
    assert not TENSORS["answer/merged_by_the_root"], "the published model's own eval() merges nothing"
    plain = pack(load(TENSORS)[0].state_dict(), ["weight"])
    assert (TENSORS["answer/merged"] - plain).abs().max() > 0.1, "there is something to merge"


def test_the_penalty_and_its_gradient_equal_the_published_ones(fidelity):
    method = _method("interval")
    _injected(method, "large")
    penalty = method.penalty()
    fidelity.close("adalora", ORACLE, "orthogonality penalty", penalty, TENSORS["answer/penalty"], 1e-13)
    penalty.backward()
    gradient = _gradient(method, FACTORS[:2])
    assert gradient.abs().max() > 1e-3
    fidelity.close("adalora", ORACLE, "penalty's gradient", gradient, TENSORS["answer/penalty_gradient"], 1e-13)


def test_the_penalty_of_orthonormal_factors_has_the_published_value_and_gradient(fidelity):
    method = _method("interval")
    _injected(method, "large")
    with torch.no_grad():
        for name, parameter in _named(method).items():
            if not name.endswith("lora_E"):
                parameter.copy_(torch.eye(*parameter.shape))
    penalty = method.penalty()
    penalty.backward()
    ours = torch.cat([penalty.detach().reshape(1), _gradient(method, FACTORS[:2])])
    theirs = [TENSORS["answer/penalty_at_its_minimum"].reshape(1), TENSORS["answer/penalty_gradient_at_its_minimum"]]
    assert theirs[0] == 0
    fidelity.close("adalora", ORACLE, "penalty and gradient of orthonormal factors", ours, torch.cat(theirs), 0)


def _train(method: AdaLoRA, case: str, fidelity) -> Network:
    run = FACTS["runs"][case]
    steps, what = run["total_step"], f"{run['total_step']} AdamW steps, interval {run['mask_interval']}"
    network, batches = _injected(method, "start")
    parameters = [p for group in method.trainable(network) for p in group.parameters.values()]
    assert {id(p) for p in parameters} == {id(p) for p in _named(method).values()}
    optimizer = torch.optim.AdamW(parameters, **FACTS["optimizer"])
    losses = []
    for step in range(steps):
        method.before_step(step)
        loss = network.loss(batches[step % len(batches)])
        (loss + method.penalty()).backward()
        key = f"{case}/{step}"
        if f"{key}/gradient" in TENSORS:
            fidelity.close(
                "adalora", ORACLE, f"{what}: gradients", _gradient(method), TENSORS[f"{key}/gradient"], 1e-11
            )
        optimizer.step()
        method.after_step(step)
        optimizer.zero_grad()
        losses.append(loss.item())
        singular = torch.stack([adapted.branch.lora_E.detach() for adapted in method.adapted])
        theirs = TENSORS[f"{case}/singular_values"][step]
        fidelity.close("adalora", ORACLE, f"{what}: singular values of every step", singular, theirs, 1e-11)
        facts = method.diagnostics()
        assert (facts["budget"], facts["ranks"]) == (run["budgets"][step], run["ranks"][step]), step
        if f"{key}/factors" in TENSORS:
            fidelity.close(
                "adalora", ORACLE, f"{what}: P, Lambda, Q", _packed(method), TENSORS[f"{key}/factors"], 1e-11
            )
        for which in ("sensitivity", "uncertainty"):
            if f"{key}/{which}" in TENSORS:
                ours = _average(method, network, which)
                fidelity.close("adalora", ORACLE, f"{what}: {which}", ours, TENSORS[f"{key}/{which}"], 1e-12)
    fidelity.close("adalora", ORACLE, f"{what}: losses", losses, TENSORS[f"{case}/losses"], 1e-12)
    fidelity.close(
        "adalora", ORACLE, f"{what}: merged weight", _merged(method, network), TENSORS[f"{case}/merged"], 1e-11
    )
    return network


@pytest.mark.parametrize("case", ["interval", "every_step"])
def test_a_whole_training_run_equals_the_published_one_step_by_step(case, fidelity):
    method = _method(case)
    run = FACTS["runs"][case]
    method.plan(run["total_step"])
    _train(method, case, fidelity)
    last = run["ranks"][-1]
    assert sum(last) == run["budgets"][-1] == run["target_rank"] * len(last)
    assert len(set(last)) >= 3, "the budget is not shared out evenly"
    assert 0 in last, "a matrix loses every triplet"


def test_the_recorded_run_has_every_phase_and_its_importance_is_frozen_in_the_last_one():
    run = FACTS["runs"]["interval"]
    end = run["total_step"] - run["final_warmup"]
    assert end % run["mask_interval"], "the fall does not end on an interval"
    pruned = [step for step, prunes in enumerate(run["masks"]) if prunes]
    assert pruned == [*range(6, end, 3), *range(end + 1, run["total_step"])]
    assert sum(run["ranks"][end]) > run["budgets"][end], "not even where the fall ends, unless it is an interval"
    assert run["ranks"][end + 1 :] == [run["ranks"][-1]] * (run["final_warmup"] - 1)
    for which in ("sensitivity", "uncertainty"):
        assert torch.equal(TENSORS[f"interval/31/{which}"], TENSORS[f"interval/39/{which}"])
        assert not torch.equal(TENSORS[f"interval/4/{which}"], TENSORS[f"interval/31/{which}"])


@pytest.mark.parametrize("entry", FACTS["schedules"], ids=lambda entry: "-".join(map(str, entry["case"])))
def test_budget_and_pruning_of_whole_schedules_equal_the_published_ones(entry, fidelity):
    matrices, initial, target, warmup, final, interval, total = entry["case"]
    schedule = Schedule(initial * matrices, target * matrices, warmup, total - final, interval)
    budgets = [budget for steps, budget in entry["budgets"] for _ in range(steps)]
    pruned = {s for first, last, distance in entry["prunes"] for s in range(first, last + 1, distance or 1)}
    assert len(budgets) == total
    ours = [schedule.budget(step) for step in range(total)]
    fidelity.close("adalora", ORACLE, f"budget of every step, {len(FACTS['schedules'])} schedules", ours, budgets, 0)
    assert {step for step in range(total) if schedule.masks(step)} == pruned


def test_with_nothing_to_prune_the_published_run_stops_and_ours_goes_on():
    assert "selected number k out of range" in FACTS["target_rank_equal_to_initial_rank"]
    method = _method("every_step", target_rank=FACTS["method"]["initial_rank"])
    method.plan(9)
    _injected(method, "large")
    for parameter in _named(method).values():
        parameter.grad = torch.ones_like(parameter)
    method.after_step(1)
    assert method.diagnostics()["ranks"] == [4] * 6


def test_equal_scores_are_all_pruned_as_published():
    method = _method("every_step")
    method.plan(9)
    _injected(method, "large")
    for parameter in _named(method).values():
        parameter.data.fill_(1.0)
        parameter.grad = torch.ones_like(parameter)
    method.after_step(1)
    assert method.diagnostics()["budget"] == 18, "6 + 18 (8/9)³, of which none is kept"
    assert method.diagnostics()["ranks"] == FACTS["ranks_when_all_scores_tie"] == [0] * 6


def test_a_schedule_that_ends_above_its_budget_as_published_is_refused(fidelity):
    run = FACTS["runs"]["open_end"]
    assert run["masks"][-1] is False
    assert sum(run["ranks"][-1]) == 24 > run["budgets"][-1] == 12, "the published model keeps every triplet"
    method = _method("open_end")
    with pytest.raises(ConfigError, match=r"final_warmup to be at least 2 with mask_interval 4, found 0"):
        method.plan(run["total_step"])
    method._total_steps = run["total_step"]  # without the refusal it is the published run, growth and all
    _train(method, "open_end", fidelity)
