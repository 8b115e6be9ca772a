"""LoRA and AdaLoRA held against peft: equal where peft computes the same, and every difference known by a test.

LoRA is the same method in both wherever W_Q and W_V are modules of their own (RoBERTa, BART). On GPT-2 it is not:

1. peft adapts the whole fused `c_attn` by one pair: query, key and value share A, and the key is adapted too.

AdaLoRA is the same in forward, scaling, importance, budget and pruning. peft 0.21.2 differs from the published code
(QingruZhang/AdaLoRA@d10f5eb, which ours follows) in these points:

2.  on GPT-2, one set of triplets over the whole `c_attn`, as in 1;
3.  the penalty's weight is 0.5 unless given (published 0.1), the ranks 12 and 8, no warm-ups, an interval of 1;
4.  the penalty is added to `outputs.loss` inside `forward`: also in evaluation, and not at all without labels;
5.  at the step T - t_f it always prunes; published: only if the interval divides that step;
6.  after it the pattern found there is kept and the scores are thrown away; published: the same pattern is computed
    anew in every step from the frozen scores. The weights are the same;
7.  nobody prunes unless the training loop calls `update_and_allocate`; transformers' Trainer does not;
8.  a target rank equal to the initial rank stops it, as it stops the published code; ours prunes nothing;
9.  without a budgeting phase (t_i >= T - t_f) it is refused when configured; published and ours: when T is set;
10. `r` is ignored with a warning, and alpha <= 0 means the rank; ours has no such key and refuses such an alpha;
11. a saved adapter is cut to its pattern; the published code saves everything, and so does ours;
12. unless told otherwise it adapts more than W_Q and W_V;
13. in a model that is not float32 the rank in the scaling, alpha/(r + 1e-5), is trained like a weight, so that the
    scaling drifts (published: never). The comparisons here are in float64, and freeze it;
14. a model wrapped without `task_type` has no penalty at all: its `forward` goes past the one that adds it.
"""

import copy
import inspect
from importlib.metadata import version

import pytest
import torch
import transformers
from peft import AdaLoraConfig, LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.utils.constants import TRANSFORMERS_MODELS_TO_ADALORA_TARGET_MODULES_MAPPING
from pydantic import ValidationError
from torch import nn

from deltalora.config.methods import AdaLoRAConfig
from deltalora.errors import ConfigError
from deltalora.methods import Method

pytestmark = [
    pytest.mark.parity,
    # peft 0.21.2 asks transformers 5.23 for a property by its old name, whenever it wraps a model.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

ORACLE = f"peft {version('peft')}"
TARGETS = {"roberta": ["query", "value"], "bart": ["q_proj", "v_proj"], "gpt2": ["c_attn"]}
TASKS = {"roberta": "SEQ_CLS", "bart": "SEQ_2_SEQ_LM", "gpt2": "CAUSAL_LM"}
RANK, ALPHA, STEPS = 3, 6.0, 20
INITIAL, TARGET, WARMUP, FINAL, WEIGHT, BETA1, BETA2 = 4, 2, 3, 5, 0.3, 0.85, 0.7
SAME = pytest.mark.parametrize("architecture", ["roberta", "bart"])
Batch = dict[str, torch.Tensor]


def _peft(model: nn.Module, config: LoraConfig, task: bool = True) -> PeftModel:
    """Wraps a model as its task's peft model, which trains a classification head as ours is trained."""
    config.task_type = TASKS[model.config.model_type] if task else None
    return get_peft_model(model, config)


def _lora(architecture: str, **changed: object) -> LoraConfig:
    return LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS[architecture], **changed)


def _adalora(architecture: str, **changed: object) -> AdaLoraConfig:
    values: dict[str, object] = {
        "init_r": INITIAL,
        "target_r": TARGET,
        "tinit": WARMUP,
        "tfinal": FINAL,
        "deltaT": 3,
        "beta1": BETA1,
        "beta2": BETA2,
        "orth_reg_weight": WEIGHT,
        "total_step": STEPS,
        "lora_alpha": ALPHA,
    }
    return AdaLoraConfig(target_modules=TARGETS[architecture], **{**values, **changed})


@pytest.fixture
def pair(make_model, make_method):
    """Returns a function that gives our injected model, our method, and peft's model at the same start."""

    def make(name: str, architecture: str, config: LoraConfig, **values: object) -> tuple[nn.Module, Method, PeftModel]:
        ours = make_model(architecture, torch.float64)
        method = make_method(name, ours, total_steps=STEPS, **values)
        theirs = _peft(make_model(architecture, torch.float64), config).train()
        for rank in _ranks_in_the_scaling(theirs):
            rank.requires_grad_(False)  # difference 13
        with torch.no_grad():
            for mine, other in _factors(method, theirs):
                assert other.dtype == torch.float64
                other.copy_(mine)
        trained = sum(p.numel() for group in method.trainable(ours) for p in group.parameters.values())
        assert trained == sum(p.numel() for p in theirs.parameters() if p.requires_grad), "the same number is trained"
        return ours, method, theirs

    return make


@pytest.fixture
def adalora_pair(pair):
    def make(architecture: str, interval: int = 3, total: int = STEPS) -> tuple[nn.Module, Method, PeftModel]:
        config = _adalora(architecture, deltaT=interval, total_step=total)
        values = {
            "initial_rank": INITIAL,
            "target_rank": TARGET,
            "initial_warmup": WARMUP,
            "final_warmup": FINAL,
            "mask_interval": interval,
            "alpha": ALPHA,
            "beta1": BETA1,
            "beta2": BETA2,
            "orthogonality_weight": WEIGHT,
        }
        ours, method, theirs = pair("adalora", architecture, config, **values)
        method.plan(total)
        return ours, method, theirs

    return make


def _factors(method: Method, theirs: PeftModel) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Our factors, each with the one of peft that has the same place."""
    found = []
    for adapted in method.adapted:
        layer = theirs.base_model.model.get_submodule(adapted.projection.module)
        for factor, mine in adapted.branch.named_parameters():
            other = getattr(layer, factor)["default"]
            found.append((mine, other if isinstance(other, nn.Parameter) else other.weight))
    return found


def _ranks_in_the_scaling(theirs: PeftModel) -> list[nn.Parameter]:
    return [parameter for name, parameter in theirs.named_parameters() if "ranknum" in name]


def _flat(tensors) -> torch.Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _compare_gradients(fidelity, subject: str, what: str, ours: nn.Module, method: Method, theirs: PeftModel) -> None:
    gradients = [[p.grad for p in side] for side in zip(*_factors(method, theirs), strict=True)]
    heads = [[p.grad for n, p in m.named_parameters() if "classifier" in n and p.requires_grad] for m in (ours, theirs)]
    assert _flat(gradients[0]).abs().max() > 1e-4
    fidelity.close(subject, ORACLE, what, *(_flat([*g, *h]) for g, h in zip(gradients, heads, strict=True)), 1e-12)


def _compare_merged(fidelity, subject: str, what: str, ours: nn.Module, method: Method, theirs: PeftModel) -> None:
    merged, other = method.merge(ours).state_dict(), copy.deepcopy(theirs).merge_and_unload().state_dict()
    assert merged.keys() == other.keys(), "both give back the plain model"
    fidelity.close(subject, ORACLE, what, _flat(merged.values()), _flat(other[key] for key in merged), 1e-12)


def _optimizers(*models: nn.Module) -> list[torch.optim.Optimizer]:
    return [
        torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
        for model in models
    ]


@SAME
def test_lora_forward_gradients_twenty_adamw_steps_and_merge_equal_pefts(architecture, pair, make_batch, fidelity):
    ours, method, theirs = pair("lora", architecture, _lora(architecture), rank=RANK, alpha=ALPHA)
    batch, optimizers = make_batch(architecture), _optimizers(ours, theirs)
    for step in range(STEPS):
        method.before_step(step)
        outputs = ours(**batch), theirs(**batch)
        fidelity.close("lora", ORACLE, f"{architecture}: forward", *(output.logits for output in outputs), 1e-12)
        for output in outputs:
            output.loss.backward()
        _compare_gradients(fidelity, "lora", f"{architecture}: gradients", ours, method, theirs)
        for optimizer in optimizers:
            optimizer.step()
        method.after_step(step)
        for optimizer in optimizers:
            optimizer.zero_grad()
    factors = [_flat(side) for side in zip(*_factors(method, theirs), strict=True)]
    fidelity.close("lora", ORACLE, f"{architecture}: 20 AdamW steps", *factors, 1e-12)
    _compare_merged(fidelity, "lora", f"{architecture}: merged model", ours, method, theirs)
    assert all(adapted.branch.lora_B.abs().max() > 1e-2 for adapted in method.adapted)


@pytest.mark.parametrize("config", [_lora("gpt2", fan_in_fan_out=True), _adalora("gpt2", fan_in_fan_out=True)])
def test_difference_1_and_2_on_gpt2_peft_shares_a_and_adapts_the_key(config, make_model, make_batch):
    plain = make_model("gpt2", torch.float64)
    theirs = _peft(make_model("gpt2", torch.float64), config)
    layer = theirs.base_model.model.transformer.h[0].attn.c_attn
    A, B = (getattr(layer, factor)["default"] for factor in ("lora_A", "lora_B"))
    rank = config.init_r if isinstance(config, AdaLoraConfig) else config.r
    assert getattr(A, "weight", A).shape == (rank, 16), "one A for query, key and value"
    assert getattr(B, "weight", B).shape == (48, rank)
    (optimizer,) = _optimizers(theirs)
    for _ in range(2):
        theirs(**make_batch("gpt2")).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    name = "transformer.h.0.attn.c_attn.weight"
    moved = theirs.merge_and_unload().state_dict()[name] - plain.state_dict()[name]
    assert all(block.abs().max() > 1e-6 for block in moved.chunk(3, dim=1)), "the key, too"


def _train_adalora(ours, method, theirs, batch: Batch, first: int, last: int, optimizers) -> None:
    for step in range(first, last):
        method.before_step(step)
        (ours(**batch).loss + method.penalty()).backward()
        theirs(**batch).loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        method.after_step(step)
        theirs.base_model.update_and_allocate(step)
        for optimizer in optimizers:
            optimizer.zero_grad()


@SAME
def test_adalora_forward_scaling_penalty_and_gradients_equal_pefts(architecture, adalora_pair, make_batch, fidelity):
    ours, method, theirs = adalora_pair(architecture)
    with torch.no_grad():
        for index, (mine, other) in enumerate(_factors(method, theirs)):
            mine.normal_(generator=torch.Generator().manual_seed(index)).mul_(0.3)
            other.copy_(mine)
    batch = make_batch(architecture)
    outputs = ours(**batch), theirs(**batch)
    fidelity.close("adalora", ORACLE, f"{architecture}: forward", *(output.logits for output in outputs), 1e-12)
    added = outputs[1].loss - outputs[0].loss
    fidelity.close("adalora", ORACLE, f"{architecture}: penalty", method.penalty(), added, 1e-12)
    (outputs[0].loss + method.penalty()).backward()
    outputs[1].loss.backward()
    _compare_gradients(fidelity, "adalora", f"{architecture}: gradients with penalty", ours, method, theirs)
    for adapted in method.adapted:
        layer = theirs.base_model.model.get_submodule(adapted.projection.module)
        scaling = layer.scaling["default"] / (layer.ranknum["default"] + 1e-5)
        fidelity.close("adalora", ORACLE, "scaling", [adapted.branch.scaling], scaling, 1e-15)
    _compare_merged(fidelity, "adalora", f"{architecture}: merged model", ours, method, theirs)


@SAME
@pytest.mark.parametrize("interval", [1, 3])
def test_adalora_trains_prunes_and_merges_as_pefts(interval, architecture, adalora_pair, make_batch, fidelity):
    """T - t_f is a multiple of both intervals; difference 6, the fixed pattern, shows in no weight."""
    ours, method, theirs = adalora_pair(architecture, interval)
    assert (STEPS - FINAL) % interval == 0
    allocator = theirs.base_model.rankallocator
    batch, optimizers = make_batch(architecture), _optimizers(ours, theirs)
    what = f"{architecture}: 20 AdamW steps, interval {interval}"
    for step in range(STEPS):
        _train_adalora(ours, method, theirs, batch, step, step + 1, optimizers)
        factors = [_flat(side) for side in zip(*_factors(method, theirs), strict=True)]
        fidelity.close("adalora", ORACLE, f"{what}: P, Lambda, Q", *factors, 1e-12)
        facts = method.diagnostics()
        assert facts["budget"] == allocator.budget_schedule(step)[0]
        layers = [theirs.base_model.model.get_submodule(adapted.projection.module) for adapted in method.adapted]
        assert facts["ranks"] == [int(torch.count_nonzero(layer.lora_E["default"])) for layer in layers]
        if step < STEPS - FINAL:
            state = method.state_dict(ours)
            for which, averages in (("sensitivity", allocator.exp_avg_ipt), ("uncertainty", allocator.exp_avg_unc)):
                pairs = [
                    (
                        state[f"{which}/{adapted.projection.name}.{factor}"],
                        averages[f"{adapted.projection.module}.{factor}.default"],
                    )
                    for adapted in method.adapted
                    for factor in ("lora_A", "lora_B", "lora_E")
                ]
                sides = [_flat(side) for side in zip(*pairs, strict=True)]
                fidelity.close("adalora", ORACLE, f"{what}: {which}", *sides, 1e-12)
    assert facts["total_rank"] == TARGET * len(method.adapted)
    assert len(set(facts["ranks"])) > 1
    _compare_merged(fidelity, "adalora", f"{what}: merged model", ours, method, theirs)


def test_difference_3_pefts_defaults_are_not_the_published_ones():
    config = AdaLoraConfig(total_step=10)
    assert (config.orth_reg_weight, config.init_r, config.target_r) == (0.5, 12, 8)
    assert (config.tinit, config.tfinal, config.deltaT, config.beta1, config.beta2) == (0, 0, 1, 0.85, 0.85)
    fields = AdaLoRAConfig.model_fields
    assert [fields[name].default for name in ("orthogonality_weight", "beta1", "beta2")] == [0.1, 0.85, 0.85]
    assert all(
        fields[name].is_required() for name in ("initial_rank", "target_rank", "initial_warmup", "mask_interval")
    )


def test_difference_4_peft_adds_the_penalty_in_evaluation_too_and_never_without_labels(
    adalora_pair, make_batch, fidelity
):
    ours, method, theirs = adalora_pair("roberta")
    ours.eval()
    theirs.eval()
    batch = make_batch("roberta")
    added = theirs(**batch).loss - ours(**batch).loss
    fidelity.close("adalora", ORACLE, "peft's penalty in evaluation", method.penalty(), added, 1e-12)
    assert added > 0.4, "an evaluation loss of peft's is not a cross-entropy"
    labels = batch.pop("labels")
    without = theirs.train()(**batch)
    assert without.loss is None
    own = nn.functional.cross_entropy(without.logits, labels)
    own.backward()
    layer = theirs.base_model.model.get_submodule(method.adapted[0].projection.module)
    assert torch.count_nonzero(layer.lora_A["default"].grad) == 0, "Lambda is 0 and there is no penalty"


def test_difference_5_peft_prunes_where_the_fall_ends_whatever_the_interval(adalora_pair, make_batch):
    ours, method, theirs = adalora_pair("roberta", interval=4)
    end = STEPS - FINAL
    assert end % 4
    batch, optimizers = make_batch("roberta"), _optimizers(ours, theirs)
    _train_adalora(ours, method, theirs, batch, 0, end, optimizers)
    before = [_flat(side) for side in zip(*_factors(method, theirs), strict=True)]
    torch.testing.assert_close(*before, rtol=0, atol=1e-12)
    _train_adalora(ours, method, theirs, batch, end, end + 1, optimizers)
    ranks = [
        int(torch.count_nonzero(theirs.base_model.model.get_submodule(a.projection.module).lora_E["default"]))
        for a in method.adapted
    ]
    assert sum(ranks) == TARGET * len(ranks)
    assert method.diagnostics()["total_rank"] == INITIAL * len(ranks), "ours, as published, waits one step more"
    _train_adalora(ours, method, theirs, batch, end + 1, end + 2, optimizers)
    assert method.diagnostics()["ranks"] == ranks, "the same pattern, from the same frozen scores"
    after = [_flat(side) for side in zip(*_factors(method, theirs), strict=True)]
    assert (after[0] - after[1]).abs().max() > 1e-4, "but no longer the same weights"


def test_difference_6_peft_keeps_a_boolean_pattern_and_throws_the_scores_away(adalora_pair, make_batch):
    ours, method, theirs = adalora_pair("roberta", interval=3)
    batch, optimizers = make_batch("roberta"), _optimizers(ours, theirs)
    end = STEPS - FINAL
    _train_adalora(ours, method, theirs, batch, 0, end, optimizers)
    allocator, config = theirs.base_model.rankallocator, theirs.peft_config["default"]
    assert len(allocator.exp_avg_ipt) == 3 * len(method.adapted)
    _train_adalora(ours, method, theirs, batch, end, end + 1, optimizers)
    assert allocator.exp_avg_ipt == {}
    pattern = copy.deepcopy(config.rank_pattern)
    _train_adalora(ours, method, theirs, batch, end + 1, STEPS, optimizers)
    assert config.rank_pattern == pattern
    assert [sum(kept) for kept in pattern.values()] == method.diagnostics()["ranks"]
    scores = method.state_dict(ours)[f"sensitivity/{method.adapted[0].projection.name}.lora_A"]
    assert torch.count_nonzero(scores) > 0, "ours, as published, still has them"


def test_difference_7_transformers_trainer_never_prunes_a_peft_model(make_model, make_batch, tmp_path):
    theirs = _peft(make_model("roberta"), _adalora("roberta", tinit=0, tfinal=2, deltaT=1, total_step=8))
    batch = make_batch("roberta")
    rows = [{key: value[index] for key, value in batch.items()} for index in range(4)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=8,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    transformers.Trainer(model=theirs, args=arguments, train_dataset=rows).train()
    singular = [p for name, p in theirs.named_parameters() if "lora_E" in name]
    assert len(singular) == 4
    assert all(torch.count_nonzero(one) == INITIAL for one in singular), "trained, and every triplet is still there"
    assert theirs.peft_config["default"].rank_pattern is None
    assert "update_and_allocate" not in inspect.getsource(transformers.trainer)


def test_difference_8_peft_stops_where_there_is_nothing_to_prune(make_model, make_method, make_batch):
    theirs = _peft(make_model("roberta"), _adalora("roberta", target_r=INITIAL, tinit=0, deltaT=1))
    theirs(**make_batch("roberta")).loss.backward()
    with pytest.raises(RuntimeError, match="selected number k out of range"):
        theirs.base_model.update_and_allocate(1)
    ours = make_model("roberta")
    values = {"initial_rank": INITIAL, "target_rank": INITIAL, "initial_warmup": 0, "mask_interval": 1}
    method = make_method("adalora", ours, **values)
    ours(**make_batch("roberta")).loss.backward()
    method.penalty().backward()
    method.after_step(1)
    assert method.diagnostics()["budget"] == INITIAL * 4


def test_difference_9_peft_refuses_an_impossible_schedule_when_configured_ours_when_the_length_is_known(
    make_model, make_method
):
    with pytest.raises(ValueError, match="don't allow for a budgeting phase"):
        _adalora("roberta", tinit=STEPS - FINAL)
    with pytest.raises(ValueError, match="does not work when `total_step` is None"):
        AdaLoraConfig()
    with pytest.raises(ConfigError, match="expected more optimizer steps than"):
        make_method(
            "adalora", make_model("roberta"), initial_warmup=STEPS - FINAL, final_warmup=FINAL, total_steps=STEPS
        )


def test_difference_10_peft_ignores_r_and_reads_alpha_zero_as_the_rank(make_model):
    with pytest.warns(UserWarning, match="`r` is not used in AdaLora"):
        _adalora("roberta", r=16)
    theirs = _peft(make_model("roberta"), _adalora("roberta", lora_alpha=0))
    layer = theirs.base_model.model.roberta.encoder.layer[0].attention.self.query
    assert layer.lora_A["default"].shape[0] == INITIAL
    assert layer.scaling["default"] == INITIAL
    with pytest.raises(ValidationError, match="greater than 0"):
        AdaLoRAConfig(
            initial_rank=4, target_rank=2, alpha=0.0, initial_warmup=0, final_warmup=2, mask_interval=1, dropout=0.0
        )


def test_difference_11_peft_saves_an_adapter_cut_to_its_pattern(adalora_pair, make_batch):
    ours, method, theirs = adalora_pair("roberta", interval=3)
    _train_adalora(ours, method, theirs, make_batch("roberta"), 0, STEPS, _optimizers(ours, theirs))
    state, saved = method.state_dict(ours), get_peft_model_state_dict(theirs)
    cut = 0
    for adapted, kept in zip(method.adapted, method.diagnostics()["ranks"], strict=True):
        mine = state[f"parameter/{adapted.projection.module}.{adapted.projection.role}.lora_A"]
        assert mine.shape[0] == INITIAL
        assert saved[f"base_model.model.{adapted.projection.module}.lora_A"].shape[0] == kept
        cut += kept < INITIAL
    assert cut > 0


def test_difference_12_pefts_default_targets_are_more_than_query_and_value():
    defaults = TRANSFORMERS_MODELS_TO_ADALORA_TARGET_MODULES_MAPPING
    assert defaults["gpt2"] == ["c_attn"]
    assert set(defaults["roberta"]) == {"query", "key", "value", "dense"}
    assert set(defaults["bart"]) == {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_difference_13_peft_trains_the_rank_in_the_scaling_of_a_model_that_is_not_float32(
    dtype, make_model, make_batch
):
    theirs = _peft(make_model("roberta", dtype), _adalora("roberta"))
    ranks = _ranks_in_the_scaling(theirs)
    assert [rank.item() for rank in ranks] == [INITIAL] * 4
    (optimizer,) = _optimizers(theirs)
    for step in range(WARMUP):
        theirs(**make_batch("roberta")).loss.backward()
        optimizer.step()
        theirs.base_model.update_and_allocate(step)
        optimizer.zero_grad()
    trained = dtype != torch.float32
    assert [rank.requires_grad for rank in ranks] == [trained] * 4
    assert all((rank.item() != INITIAL) == trained for rank in ranks)


def test_difference_14_a_peft_model_without_a_task_has_no_penalty(make_model, make_batch, fidelity):
    batch = make_batch("roberta")
    plain = make_model("roberta", torch.float64)(**batch).loss
    without, with_task = (
        _peft(make_model("roberta", torch.float64), _adalora("roberta"), task=task)(**batch).loss
        for task in (False, True)
    )
    fidelity.close("adalora", ORACLE, "peft's loss without task_type is the model's own", plain, without, 1e-14)
    assert with_task - plain > 0.4
