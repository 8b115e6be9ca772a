"""The suite beside its alternatives, in one process and one run: `make bench [PART=training|decoding|scoring]`.

    python scripts/bench.py [PART ...] [--rounds 5] [--data DIR] [--out results/bench]

Every contender of a comparison takes its turn in every round, so that a slow minute slows all of them; the medians are
printed and written to OUT/PART.json with the number of threads, one.

- training: text tokens per second of optimizer steps over E2E's lengths (batch 8), on random GPT-2s: `tiny`, the
  shipped shape, and `small`, GPT-2 small with its vocabulary. LoRA padded, packed and bucketed, the other methods, and
  peft's LoRA with transformers' loss: dynamic padding, grouped by length, padded to 512.
- decoding: prompts per second of beam 10 over 64 distinct E2E prompts with the shipped GPT-2: our searches at their
  batch size, `generate` at batches of 1, 16 and 64, prompts sorted by length.
- scoring (needs --data, the folder with the published outputs): seconds of METEOR and of both forms of TER, with the
  references known and unknown to the process.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from deltalora import models, tasks
from deltalora.config import run_config
from deltalora.config.methods import METHODS, parse_method_config
from deltalora.decoding.beam import SEARCHES, _for_search
from deltalora.methods import build_method
from deltalora.tasks.forms import EncodedPair, collate_pairs
from deltalora.training.batches import TrainingBatches
from deltalora.training.objective import CausalObjective
from deltalora.training.run_id import identify_run
from gpu_check import SETTINGS

SHAPES = {
    "tiny": {"n_layer": 3, "n_embd": 128, "n_head": 4, "n_positions": 256, "vocab_size": 1536},
    "small": {"n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": 50257},
}
STEPS = {"tiny": 12, "small": 1}

#: A contender: does its share of a round and returns what it got done (tokens, prompts), or None for one whole job.
Contender = Callable[[int], float | None]


def compare(contenders: Mapping[str, Contender], rounds: int) -> dict[str, dict[str, float]]:
    """Let the contenders take turns and return each one's median seconds, and rate where it counts something.

    A first round warms up and does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            started = time.perf_counter()
            done = contender(number)
            taken = time.perf_counter() - started
            if number:
                seconds[name].append(taken)
                rates[name].append((done or 1.0) / taken)
    return {
        name: {"median_s": statistics.median(seconds[name]), "rate": statistics.median(rates[name])}
        for name in contenders
    }


def gpt2(shape: str, activation: str = "gelu_pytorch_tanh") -> GPT2LMHeadModel:
    """Return a random GPT-2 without dropout, the same every time."""
    torch.manual_seed(0)
    off = {"resid_pdrop": 0.0, "attn_pdrop": 0.0, "embd_pdrop": 0.0}
    return GPT2LMHeadModel(GPT2Config(**SHAPES[shape], **off, activation_function=activation)).train()


def e2e_lengths(vocabulary: int, count: int = 4000) -> list[EncodedPair]:
    """Return random tokens with the lengths of E2E's training examples under GPT-2's own tokenizer.

    Drawn with mean 53 and deviation 14, the completion 47 %: a random batch of 8 padded to its longest then has 1.37
    cells per token, as the official training file has.
    """
    drawn = torch.Generator().manual_seed(1)
    lengths = (53 + 14 * torch.randn(count, generator=drawn)).clamp(20, 110).long().tolist()
    return [
        EncodedPair(tuple(torch.randint(vocabulary, (length,), generator=drawn).tolist()), round(length * 0.53))
        for length in lengths
    ]


def training(rounds: int, data: Path | None) -> dict[str, Any]:
    """Compare optimizer steps; see the module."""
    del data
    return {shape: compare(_training_contenders(shape), rounds) for shape in SHAPES}


def _training_contenders(shape: str) -> dict[str, Contender]:
    examples = e2e_lengths(SHAPES[shape]["vocab_size"])

    def batches(bucketed: bool) -> TrainingBatches:
        return TrainingBatches(
            examples, collate_pairs, batch_size=8, accumulation_steps=1, seed=1, pad_id=0, bucketed=bucketed
        )

    def ours(name: str, *, packed: bool = False, bucketed: bool = False, **changes: Any) -> Contender:
        model = gpt2(shape)
        method = build_method(parse_method_config({"name": name, **SETTINGS[name], **changes}))
        method.inject(model, torch.Generator().manual_seed(1))
        method.plan(10_000)
        objective = CausalObjective(model, packed=packed)
        groups = [p for group in method.trainable(model) for p in group.parameters.values()]
        optimizer = torch.optim.AdamW(groups, lr=1e-4, fused=True)
        plan = batches(bucketed)

        def share(number: int) -> float:
            tokens = 0
            first = number * STEPS[shape]
            for step, (batch,) in enumerate(plan.steps(first, first + STEPS[shape]), first):
                method.before_step(step)
                (objective(batch) / objective.labels(batch) + method.penalty()).backward()
                optimizer.step()
                method.after_step(step)
                optimizer.zero_grad()
                tokens += objective.tokens(batch)
            return tokens

        return share

    def peft_lora(*, bucketed: bool = False, width: int | None = None) -> Contender:
        import peft

        options = peft.LoraConfig(r=4, lora_alpha=32, target_modules=["c_attn"], fan_in_fan_out=True)
        model: Any = peft.get_peft_model(gpt2(shape, "gelu_new"), options).train()
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
        plan = batches(bucketed)

        def share(number: int) -> float:
            tokens = 0
            first = number * STEPS[shape]
            for (batch,) in plan.steps(first, first + STEPS[shape]):
                ids, mask, labels = batch.input_ids, batch.attention_mask, batch.labels
                if width is not None:
                    room = (0, width - ids.shape[1])
                    ids, mask = (torch.nn.functional.pad(one, room) for one in (ids, mask))
                    labels = torch.nn.functional.pad(labels, room, value=-100)
                model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                tokens += int(batch.attention_mask.sum())
            return tokens

        return share

    contenders = {
        "lora": ours("lora"),
        "lora packed": ours("lora", packed=True),
        "lora bucketed": ours("lora", bucketed=True),
        "lora packed and bucketed": ours("lora", packed=True, bucketed=True),
        **{name: ours(name) for name in METHODS if name not in ("lora", "ft_qv", "ft_frozen_embeddings")},
        "delta_lora closed form": ours("delta_lora", update="closed_form"),
        "peft lora, dynamic padding": peft_lora(),
        "peft lora, grouped by length": peft_lora(bucketed=True),
    }
    return contenders | ({"peft lora, padded to 512": peft_lora(width=512)} if shape == "small" else {})


def decoding(rounds: int, data: Path | None) -> dict[str, Any]:
    """Compare searches over 64 distinct prompts; texts are compared, too."""
    del data
    config = run_config(["experiment=e2e"])
    inputs = identify_run(config)
    tokenizer = models.load_tokenizer(config.model, inputs.model)
    model = models.load_backbone(config.model, inputs.model, 0).eval()
    encoded = tasks.build_task(config).encode(tokenizer, inputs.data)
    prompts = sorted(map(list, dict.fromkeys(map(tuple, encoded.test))), key=len)[-64:]
    assert config.decoding is not None
    search, stops = config.decoding, [tokenizer.eos_token_id]
    written: dict[str, list[list[int]]] = {}

    def ours(name: str, size: int) -> Contender:
        def share(number: int) -> float:
            found = []
            with _for_search(model):
                for start in range(0, len(prompts), size):
                    found += SEARCHES[name](model, prompts[start : start + size], search, stops, stops[0])  # type: ignore[index]
            written[f"{name} {size}"] = [row[: row.index(stops[0])] if stops[0] in row else row for row in found]
            return len(prompts)

        return share

    contenders = {f"{name} {size}": ours(name, size) for name, size in (("shared", 16), ("shared", 64))}
    contenders |= {f"transformers {size}": ours("transformers", size) for size in (1, 16, 64)}
    contenders["lora_reference 16"] = ours("lora_reference", 16)
    measured: dict[str, Any] = compare(contenders, rounds)
    same = sum(one == other for one, other in zip(written["shared 16"], written["transformers 1"], strict=True))
    return measured | {"identical to generate one by one": same}


def scoring(rounds: int, data: Path | None) -> dict[str, Any]:
    """Time the slow metrics on published outputs, one process: first with unknown references, then with known ones."""
    if data is None:
        raise SystemExit("scoring: expected --data DIR, the folder with fixtures/")
    from deltalora.metrics.files import read_segments
    from deltalora.metrics.meteor import Meteor
    from deltalora.metrics.multi_bleu import prepare_all
    from deltalora.metrics.ter import _rates
    from deltalora.metrics.ter_tercom import _edits_and_lengths

    del rounds  # what is known cannot become unknown again
    fixtures = data / "fixtures"
    found: dict[str, Any] = {}
    for system in ("tgen", "adapt"):
        e2e = fixtures / "e2e_test"
        hypotheses, references, ids = read_segments(e2e / "systems" / system / "hyp.txt", e2e / "refs.txt")
        started = time.perf_counter()
        Meteor().segment_statistics(hypotheses, references, ids)
        found[f"METEOR, E2E {system}"] = {"median_s": time.perf_counter() - started}
    for system in ("upf-forge", "melbourne"):
        webnlg = fixtures / "webnlg2017"
        hypotheses = (webnlg / "systems" / system / "hyp.txt").read_text(encoding="utf-8").splitlines()
        columns = [(webnlg / f"ref{n}.txt").read_text(encoding="utf-8").splitlines() for n in range(3)]
        blocks = [[text for text in row if text] for row in zip(*columns, strict=True)]
        texts, prepared = prepare_all(hypotheses, blocks)
        for name, compute in (("TER", _rates), ("TER-tercom", _edits_and_lengths)):
            started = time.perf_counter()
            compute(texts, prepared)
            found[f"{name}, WebNLG {system}"] = {"median_s": time.perf_counter() - started}
    return found


PARTS: dict[str, Callable[[int, Path | None], dict[str, Any]]] = {
    "training": training,
    "decoding": decoding,
    "scoring": scoring,
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"expected {', '.join(PARTS)}, found {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.parts or [one for one in PARTS if one != "scoring" or options.data]:
        measured = {"threads": 1, "rounds": options.rounds, part: PARTS[part](options.rounds, options.data)}
        (options.out / f"{part}.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(measured, indent=2), flush=True)


if __name__ == "__main__":
    main()
