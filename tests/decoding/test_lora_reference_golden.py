"""The authors' search as its authors wrote it: recorded ids and scores, and ours on the same weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

from deltalora.config import DecodingConfig
from deltalora.decoding import Hypothesis, best_hypotheses
from deltalora.decoding.transformers_search import transformers_search
from fidelity import Fidelity

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "decoding"
RECORDED: Mapping[str, Any] = json.loads((GOLDEN / "gpt2_beam.json").read_text(encoding="utf-8"))
ORACLE = "microsoft/LoRA@c4593f0 gpt2_beam.py"
SETTINGS = ("num_beams", "length_penalty", "no_repeat_ngram_size", "max_new_tokens")


def label(case: Mapping[str, Any]) -> str:
    ends = "_".join(map(str, case["stops"]))
    return "-".join([case["weights"], *(str(case[name]) for name in SETTINGS), ends])


@pytest.fixture(scope="module")
def models() -> dict[str, GPT2LMHeadModel]:
    """The recorded weights in transformers' GPT-2, every tensor of it."""
    kept = load_file(GOLDEN / "tiny_gpt2.safetensors")
    found = {}
    for name in {key.split(".")[0] for key in kept}:
        model = GPT2LMHeadModel(GPT2Config(**RECORDED["shape"])).eval()
        own = {key.removeprefix(f"{name}."): value for key, value in kept.items() if key.startswith(f"{name}.")}
        absent, unexpected = model.load_state_dict(own, strict=False)
        assert (absent, unexpected) == (["lm_head.weight"], [])
        assert model.lm_head.weight is model.transformer.wte.weight
        found[name] = model
    return found


def settings(case: Mapping[str, Any]) -> DecodingConfig:
    named = {name: case[name] for name in SETTINGS}
    return DecodingConfig(search="lora_reference", early_stopping="never", stop_strings=(), batch_size=8, **named)


def found(models: dict[str, GPT2LMHeadModel], case: Mapping[str, Any], batch: int) -> list[Hypothesis]:
    prompts, model = RECORDED["prompts"], models[case["weights"]]
    batches = [prompts[start : start + batch] for start in range(0, len(prompts), batch)]
    pad = case["stops"][0]
    return [best for some in batches for best in best_hypotheses(model, some, settings(case), case["stops"], pad)]


def as_printed(hypotheses: list[Hypothesis], length: int) -> list[list[int]]:
    """Their rows begin as zeros of `--eval_len`."""
    return [[*best.ids, *[0] * (length - len(best.ids))] for best in hypotheses]


@pytest.mark.golden
@pytest.mark.parity
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("case", RECORDED["cases"], ids=label)
def test_ids_and_scores_are_those_of_the_authors_search(
    models: dict[str, GPT2LMHeadModel], fidelity: Fidelity, case: Mapping[str, Any], batch: int
) -> None:
    """One prompt at a time as they, and eight of unequal lengths at once."""
    ours, theirs = found(models, case, batch), case["found"]
    ids = as_printed(ours, case["max_new_tokens"])
    fidelity.close("lora_reference search", ORACLE, "token ids", ids, [row["predict"] for row in theirs], tolerance=0)
    scores = [best.score for best in ours]
    fidelity.close("lora_reference search", ORACLE, "scores", scores, [row["score"] for row in theirs], tolerance=2e-5)


def test_the_recorded_searches_reach_every_corner() -> None:
    """So that the parity above is not one of searches that are all alike."""
    lengths, last = set(), set()
    for case in RECORDED["cases"]:
        for row in case["found"]:
            ends = [place for place, token in enumerate(row["predict"]) if token in case["stops"]]
            assert len(ends) <= 1
            lengths.add((ends[0] + 1) / case["max_new_tokens"] if ends else 1.0)
            last.add(row["predict"][ends[0]] if ends else None)
    assert last == {None, 17, 22}
    assert len(lengths) > 20
    assert {case["num_beams"] for case in RECORDED["cases"]} >= {1, 2, 3, 5, 10}
    assert {case["no_repeat_ngram_size"] for case in RECORDED["cases"]} >= {0, 1, 2, 3, 4}


@pytest.mark.golden
@pytest.mark.parametrize("case", RECORDED["cases"][:2], ids=label)
def test_transformers_search_would_not_pass_for_it(models: dict[str, GPT2LMHeadModel], case: Mapping[str, Any]) -> None:
    model, stops = models[case["weights"]], case["stops"]
    rows = transformers_search(model, RECORDED["prompts"], settings(case), stops, stops[0])
    cut = [row[: next((place + 1 for place, token in enumerate(row) if token in stops), len(row))] for row in rows]
    theirs = [row["predict"][: len(ids)] for row, ids in zip(case["found"], cut, strict=True)]
    assert sum(ours != other for ours, other in zip(cut, theirs, strict=True)) > 0


@pytest.mark.golden
def test_their_batch_of_two_reads_the_wrong_rows_and_ours_does_not(models: dict[str, GPT2LMHeadModel]) -> None:
    """The first prompt of every two is right; the second's first token is drawn from the first's logits."""
    case, of_two = RECORDED["cases"][0], RECORDED["batch_of_two"]
    same = [row["predict"] == two["predict"] for row, two in zip(case["found"], of_two, strict=True)]
    assert all(same[::2])
    assert not all(same[1::2])
    assert as_printed(found(models, case, batch=2), case["max_new_tokens"]) == [row["predict"] for row in case["found"]]


@pytest.mark.golden
def test_the_scores_are_not_those_of_a_ban_after_the_softmax(models: dict[str, GPT2LMHeadModel]) -> None:
    """The sum of the plain log-probabilities of what was found is lower wherever a token was banned on the way."""
    case = next(case for case in RECORDED["cases"] if case["weights"] == "repeating" and case["num_beams"] == 5)
    lower = 0
    for prompt, row in zip(RECORDED["prompts"], case["found"], strict=True):
        ids = row["predict"]
        end = next((place + 1 for place, token in enumerate(ids) if token in case["stops"]), len(ids))
        with torch.no_grad():
            logits = models["repeating"](torch.tensor([[*prompt, *ids[:end]]])).logits[0, len(prompt) - 1 : -1]
        plain = logits.log_softmax(-1).gather(1, torch.tensor(ids[:end]).unsqueeze(1)).sum().item()
        score = plain / end ** case["length_penalty"]
        assert score <= row["score"] + 1e-5
        lower += score < row["score"] - 1e-3
    assert lower > 4
