"""What one GPU makes of the suite, in one command of at most eight minutes: speed, memory, and what must be equal.

    python scripts/gpu_check.py [--out results/bench/gpu_check.json] [--tiny] [--seconds 420]

Needs torch, transformers, accelerate and pydantic of the machine, and a checkout; no hub. The backbones have the
paper's shapes (GPT-2 medium, RoBERTa-base, BART-large) and random weights. First it asserts what the tests assert on a
CPU: Delta-LoRA's two forms agree, a run resumed twice ends with the bits of an unbroken one, W included, and beam
search finds generate's tokens. Then, per backbone and precision (fp32, TF32, bf16, and LoRA under torch.compile), it
takes a few steps of every method, and of peft's LoRA in the same process: tokens per second and peak memory.
`deltalora plan` reads the JSON. Without a GPU, or with --tiny, the same runs at tiny shapes.
"""

import argparse
import copy
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

from deltalora.config.methods import METHODS, parse_method_config
from deltalora.config.schema import DecodingConfig
from deltalora.decoding.shared_search import shared_search
from deltalora.decoding.transformers_search import transformers_search
from deltalora.methods import build_method
from deltalora.tasks.batch import IGNORED, Batch
from deltalora.training.objective import CausalObjective, ClassificationObjective, Objective, Seq2SeqObjective

PAPER: dict[str, dict[str, int]] = {
    "gpt2": {"n_layer": 24, "n_embd": 1024, "n_head": 16, "n_positions": 1024, "vocab_size": 50257},
    "roberta": {
        "vocab_size": 50265,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
    },
    "bart": {
        "vocab_size": 50265,
        "d_model": 1024,
        "encoder_layers": 12,
        "decoder_layers": 12,
        "encoder_attention_heads": 16,
        "decoder_attention_heads": 16,
        "encoder_ffn_dim": 4096,
        "decoder_ffn_dim": 4096,
        "max_position_embeddings": 1024,
    },
}
#: Examples of a step, and their tokens: those of the paper's recipes, about as long as the data.
BATCH = {"gpt2": (8, 54), "roberta": (128, 45), "bart": (16, 512)}
BUILD: dict[str, tuple[Any, type[Objective]]] = {
    "gpt2": (AutoModelForCausalLM, CausalObjective),
    "roberta": (AutoModelForSequenceClassification, ClassificationObjective),
    "bart": (AutoModelForSeq2SeqLM, Seq2SeqObjective),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "full": {},
    "ft_frozen_embeddings": {},
    "ft_qv": {},
    "lora": {"rank": 4, "alpha": 32, "dropout": 0.0},
    "dylora": {"rank": 4, "alpha": 32, "dropout": 0.0, "update": "frozen"},
    "adalora": {
        "alpha": 32,
        "dropout": 0.0,
        "initial_rank": 4,
        "target_rank": 3,
        "initial_warmup": 0,
        "final_warmup": 0,
        "mask_interval": 1,
    },
    "delta_lora": {"rank": 4, "alpha": 32, "dropout": 0.0, "update_ratio": 2.0, "start_step": 0},
}
STEPS = 8


class Run:
    """A few steps of one method on one random backbone, from a fixed seed."""

    def __init__(self, family: str, shape: dict[str, int], device: str, method: str, **changes: Any) -> None:
        torch.manual_seed(0)
        fused = {"activation_function": "gelu_pytorch_tanh"} if family == "gpt2" else {}
        loader, objective = BUILD[family]
        config = transformers.AutoConfig.for_model(family, **shape, **fused)
        self.model: Any = loader.from_config(config, dtype=torch.float32).to(device).eval()  # no dropout: runs compare
        self.device = device
        self.method = build_method(parse_method_config({"name": method, **SETTINGS[method], **changes}))
        self.method.inject(self.model, torch.Generator().manual_seed(1))
        self.method.plan(STEPS)
        self.objective = objective(self.model)
        parameters = [one for group in self.method.trainable(self.model) for one in group.parameters.values()]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-3)

    def step(self, number: int, batch: Batch, precision: str) -> float:
        """Take one step and return its loss per label."""
        self.method.before_step(number)
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
            loss = self.objective(batch) / self.objective.labels(batch)
        (loss + self.method.penalty()).backward()
        self.optimizer.step()
        self.method.after_step(number)
        self.optimizer.zero_grad()
        return float(loss.detach())

    def state(self) -> dict[str, torch.Tensor]:
        """Return everything that a checkpoint holds of the method."""
        return {name: tensor.clone() for name, tensor in self.method.state_dict(self.model).items()}


def batches(family: str, tiny: bool, vocabulary: int, device: str) -> list[Batch]:
    """Return the batches of all steps: full rows of random tokens, the second half of a causal one with a loss."""
    examples, length = (4, 12) if tiny else BATCH[family]
    drawn = torch.Generator().manual_seed(3)
    made = []
    for _ in range(STEPS):
        ids = torch.randint(4, vocabulary, (examples, length), generator=drawn)
        labels = ids.clone()
        if family == "gpt2":
            labels[:, : length // 2] = IGNORED
        elif family == "bart":
            labels = ids[:, : max(4, length // 20)].clone()
        else:
            labels = torch.randint(2, (examples,), generator=drawn)
        made.append(Batch(ids, torch.ones_like(ids), labels).to(torch.device(device)))
    return made


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Allow TF32 for the products of a block, or forbid it."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def timed(step: Callable[[int, Batch], Any], data: list[Batch], device: str) -> dict[str, float | None]:
    """Return the median tokens per second of the steps after the first two, and the peak memory in GiB."""
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for number, batch in enumerate(data):
        started = time.perf_counter()
        step(number, batch)
        if cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    tokens = int(data[0].attention_mask.sum())
    peak = torch.cuda.max_memory_allocated() / 2**30 if cuda else None
    return {"tokens_per_s": tokens / statistics.median(seconds[2:]), "peak_gib": peak}


def training(family: str, shape: dict[str, int], device: str, tiny: bool, left: Callable[[], float]) -> dict[str, Any]:
    """Measure every method in every precision, peft's LoRA beside them, and LoRA under torch.compile."""
    data = batches(family, tiny, shape["vocab_size"], device)
    found: dict[str, Any] = {}
    for precision in ("fp32", "tf32", "bf16"):
        with arithmetic(precision):
            of_precision: dict[str, Any] = {}
            for name in METHODS:
                if left() <= 0:
                    return found | {"stopped": "the time was up"}
                run = Run(family, shape, device, name)
                of_precision[name] = timed(partial(run.step, precision=precision), data, device)
            of_precision["peft_lora"] = peft_lora(family, shape, device, data, precision)
            if precision == "tf32" and not tiny:
                compiled = Run(family, shape, device, "lora")
                compiled.model.base_model.compile(dynamic=True)
                of_precision["lora_compiled"] = timed(partial(compiled.step, precision=precision), data, device)
            found[precision] = of_precision
    return found


def peft_lora(family: str, shape: dict[str, int], device: str, data: list[Batch], precision: str) -> Any:
    """Measure peft's LoRA with the loss of transformers, or say why not."""
    try:
        import peft
    except ImportError:
        return "peft is not installed"
    torch.manual_seed(0)
    loader, _ = BUILD[family]
    model = (
        loader.from_config(transformers.AutoConfig.for_model(family, **shape), dtype=torch.float32).to(device).eval()
    )
    targets = {"gpt2": ["c_attn"], "roberta": ["query", "value"], "bart": ["q_proj", "v_proj"]}[family]
    options: dict[str, Any] = {"fan_in_fan_out": True} if family == "gpt2" else {}
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=32, target_modules=targets, **options))
    optimizer = torch.optim.AdamW([one for one in wrapped.parameters() if one.requires_grad], lr=1e-3)

    def step(number: int, batch: Batch) -> None:
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
            loss = wrapped(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return timed(step, data, device)


def equalities(shape: dict[str, int], device: str, tiny: bool) -> dict[str, Any]:
    """Check on GPT-2 what must be equal; each value is a largest difference, or whether all is the same."""
    data = batches("gpt2", tiny, shape["vocab_size"], device)

    def trained(steps: range, run: Run) -> Run:
        for number in steps:
            run.step(number, data[number], "fp32")
        return run

    def logits(run: Run) -> torch.Tensor:
        with torch.no_grad():
            merged: Any = run.method.merge(run.model)
            found: torch.Tensor = merged(input_ids=data[0].input_ids).logits
        return found

    whole = trained(range(STEPS), Run("gpt2", shape, device, "delta_lora"))
    closed = trained(range(STEPS), Run("gpt2", shape, device, "delta_lora", update="closed_form"))
    resumed = Run("gpt2", shape, device, "delta_lora")
    for first, stop in ((0, 3), (3, 5), (5, STEPS)):  # two restarts
        trained(range(first, stop), resumed)
        state, optimizer = resumed.state(), copy.deepcopy(resumed.optimizer.state_dict())
        resumed = Run("gpt2", shape, device, "delta_lora")
        resumed.method.load_state_dict(resumed.model, state)
        resumed.optimizer.load_state_dict(optimizer)
    ours, theirs = whole.state(), resumed.state()
    scale = float(logits(whole).abs().max())
    merged: Any = whole.method.merge(whole.model)
    prompts = data[0].input_ids[:4, :8].tolist()
    search = DecodingConfig(
        num_beams=4 if tiny else 10,
        length_penalty=0.8,
        no_repeat_ngram_size=4,
        max_new_tokens=8 if tiny else 24,
        early_stopping="never",
        stop_strings=(),
        batch_size=4,
    )
    found, expected = (one(merged, prompts, search, [0], 0) for one in (shared_search, transformers_search))
    return {
        "literal_against_closed_form": float((logits(whole) - logits(closed)).abs().max()) / scale,
        "resumed_twice_has_the_same_bits": all(torch.equal(ours[name], theirs[name]) for name in ours),
        "beam_search_finds_generates_tokens": [row + [0] * (len(expected[0]) - len(row)) for row in found] == expected,
    }


def main() -> int:
    """Measure, check, write; exit 1 where something is not equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/bench/gpu_check.json"))
    parser.add_argument("--tiny", action="store_true", help="tiny shapes; always so without a GPU")
    parser.add_argument("--seconds", type=float, default=420, help="stop measuring after so many")
    options = parser.parse_args()
    started = time.perf_counter()
    cuda = torch.cuda.is_available()
    device, tiny = ("cuda" if cuda else "cpu"), options.tiny or not cuda
    shapes = {family: _shrunk(shape) for family, shape in PAPER.items()} if tiny else PAPER
    checked = equalities(shapes["gpt2"], device, tiny)
    found = {
        family: training(family, shape, device, tiny, lambda: options.seconds - (time.perf_counter() - started))
        for family, shape in shapes.items()
    }
    result = {
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or "cpu",
        "tiny": tiny,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "seconds": round(time.perf_counter() - started, 1),
        "equal": checked,
        "training": found,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    same = checked["resumed_twice_has_the_same_bits"] and checked["beam_search_finds_generates_tokens"]
    return 0 if same and checked["literal_against_closed_form"] < 1e-4 else 1


def _shrunk(shape: dict[str, int]) -> dict[str, int]:
    """Return the same keys at a size that a CPU takes seconds for."""
    small = {"vocab_size": 60, "n_positions": 64, "max_position_embeddings": 66}
    return {
        key: small.get(key, 2 if "layer" in key or "head" in key else 1 if key == "type_vocab_size" else 16)
        for key in shape
    }


if __name__ == "__main__":
    sys.exit(main())
