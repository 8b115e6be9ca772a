"""Pre-train the tiny backbones that ship in the package, on the source domains of `embedded_world`.

    OMP_WAIT_POLICY=passive python scripts/pretrain_embedded.py gpt2 | roberta | bart

Writes config.json, model.safetensors, the tokenizer's files and PROVENANCE.json. The run keeps a checkpoint and,
started again with the same arguments, continues where it stopped with the weights an unbroken run would have had (on
the same library versions and number of threads). What each architecture reads and learns stands in `pretraining/`.
"""

import argparse
import hashlib
import json
import logging
import math
import os
import platform
import random
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pretraining import RECIPES, Recipe, Settings
from pretraining.recipe import IGNORED, Batch, Example, make_batches, tokenizer_json

log = logging.getLogger("pretrain_embedded")
ROOT = Path(__file__).resolve().parents[1]
#: Texts that are digested separately too, so that a test need not write all of them again.
HEAD = 2000


def learning_rate(settings: Settings, step: int) -> float:
    """Linear warm-up, then a cosine down to zero at the last step."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def pretrain(settings: Settings, out: Path, checkpoint: Path, checkpoint_every: int) -> None:
    """Train, or continue, and write the folder `out`."""
    started = time.monotonic()
    recipe = RECIPES[settings.architecture]
    tokenizer = recipe.train_tokenizer(settings)
    tokenizer_sha256 = hashlib.sha256(tokenizer_json(tokenizer)).hexdigest()
    corpus = hashlib.sha256()
    examples = read_examples(recipe, settings.seed, settings.steps * settings.batch_size, tokenizer, corpus)
    batches = make_batches(examples, recipe.pad, settings.batch_size, settings.seed)
    held_out = read_examples(recipe, settings.seed + 1, settings.validation_pairs, tokenizer, corpus)
    validation = make_batches(held_out, recipe.pad, settings.batch_size, settings.seed)
    digests = {"corpus_sha256": corpus.hexdigest(), "tokenizer_sha256": tokenizer_sha256}
    run = {**asdict(settings), **digests}
    log.info("%d examples, %.1f tokens each", len(examples), sum(len(ids) for ids, _ in examples) / len(examples))

    torch.manual_seed(settings.seed)
    model = recipe.build(settings)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    first, seconds_before = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["run"] != run:
            raise SystemExit(f"expected a checkpoint of {run}, found {state['run']} in {checkpoint}; delete it")
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, seconds_before = state["step"], state["seconds"]
        log.info("continuing at step %d", first)

    model.train()
    for step in range(first, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step)
        loss = recipe.loss(model, *batches[step])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        done = step + 1
        if done % checkpoint_every == 0 or done == settings.steps:
            seconds = seconds_before + time.monotonic() - started
            log.info("step %d: loss %.4f, %.0f s", done, loss.item(), seconds)
            _save_checkpoint(checkpoint, run, done, seconds, model, optimizer)

    seconds = seconds_before + time.monotonic() - started
    measured = {"source_validation_loss": round(evaluate(model, validation, recipe.loss), 4)}
    measured |= recipe.measures(model, tokenizer.backend_tokenizer, settings)
    log.info("on held-out source text: %s", measured)
    digests["corpus_head_sha256"] = corpus_head_sha256(recipe, settings.seed)
    save(settings, out, model, tokenizer, measured, seconds, digests)


def corpus_head_sha256(recipe: Recipe, seed: int) -> str:
    """Digest of the first HEAD texts of training."""
    lines = (f"{first}\t{second}\n" for first, second in islice(recipe.texts(seed), HEAD))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_examples(
    recipe: Recipe, seed: int, count: int, tokenizer: PreTrainedTokenizerFast, corpus: "hashlib._Hash"
) -> list[Example]:
    """Token ids of the first `count` texts, which are added to the digest `corpus`."""
    examples, rng = [], random.Random(seed)
    for first, second in islice(recipe.texts(seed), count):
        corpus.update(f"{first}\t{second}\n".encode())
        examples.append(recipe.encode(tokenizer.backend_tokenizer, first, second, rng))
    return examples


@torch.no_grad()
def evaluate(model: PreTrainedModel, batches: list[Batch], loss_of: Callable[..., Tensor]) -> float:
    """Mean loss per labelled token, in nats."""
    model.eval()
    counts = [int((labels != IGNORED).sum()) for _, labels in batches]
    losses = [loss_of(model, *batch).item() for batch in batches]
    return sum(loss * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)


def _save_checkpoint(
    path: Path, run: dict[str, Any], step: int, seconds: float, model: PreTrainedModel, optimizer: torch.optim.Optimizer
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    state = {"run": run, "step": step, "seconds": seconds}
    torch.save({**state, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, partial)
    os.replace(partial, path)


def save(
    settings: Settings,
    out: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    measured: dict[str, float],
    seconds: float,
    digests: dict[str, str],
) -> None:
    """Write a folder that `from_pretrained` reads without a network, and how it came about."""
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save_pretrained(out)
    provenance = {
        "script": "scripts/pretrain_embedded.py",
        "arguments": asdict(settings),
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **measured,
        "seconds": round(seconds),
        **digests,
        "weights_sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
    }
    (out / "PROVENANCE.json").write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("architecture", choices=sorted(RECIPES))
    for field in fields(Settings)[1:]:
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=field.type, help="default: the architecture's own")
    parser.add_argument("--out", type=Path, help="default: the package's own folder for the architecture")
    parser.add_argument("--checkpoint", type=Path, help="default: build/pretrain_embedded/<architecture>.pt")
    parser.add_argument("--checkpoint-every", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    arguments = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    architecture = arguments["architecture"]
    out = arguments.pop("out", ROOT / "src" / "deltalora" / "models" / "embedded" / architecture)
    checkpoint = arguments.pop("checkpoint", ROOT / "build" / "pretrain_embedded" / f"{architecture}.pt")
    checkpoint_every = arguments.pop("checkpoint_every")
    torch.set_num_threads(arguments.pop("threads"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = Settings(**(asdict(RECIPES[architecture].DEFAULTS) | arguments))
    pretrain(settings, out, checkpoint, checkpoint_every)


if __name__ == "__main__":
    main()
