"""Pre-train the tiny backbone that ships in the package, on the source domains of `deltalora.corpus`.

    OMP_WAIT_POLICY=passive python scripts/pretrain_embedded.py gpt2

Writes config.json, model.safetensors, the tokenizer's files and PROVENANCE.json. The run keeps a checkpoint and,
started again with the same arguments, continues where it stopped with the weights an unbroken run would have had (on
the same library versions and number of threads). Loss is taken on the text only, not on the slots before it.
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
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from deltalora.corpus import e2e_splits, linearise, pretraining_pairs

log = logging.getLogger("pretrain_embedded")
ROOT = Path(__file__).resolve().parents[1]
END = "<|endoftext|>"
END_ID = 0
POSITIONS = 256
IGNORED = -100
BATCHES_PER_WINDOW = 50


@dataclass(frozen=True)
class Settings:
    """What the weights depend on, the corpus aside; a checkpoint of another run is refused."""

    architecture: str
    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    seed: int
    vocabulary: int
    tokenizer_pairs: int
    validation_pairs: int


# ---------------------------------------------------------------- text


def train_tokenizer(settings: Settings) -> Tokenizer:
    """GPT-2's byte-level BPE, small: trained on source text and on the target's train text, for its words' sake."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_tokenizer_text(settings), trainer)
    return tokenizer


def _tokenizer_text(settings: Settings) -> Iterator[str]:
    for slots, text in islice(pretraining_pairs(settings.seed), settings.tokenizer_pairs):
        yield linearise(slots)
        yield f" {text}"
    for entry in e2e_splits()["train"]:
        yield linearise(entry.slots)
        yield from (f" {reference}" for reference in entry.references)


def pack_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers saves and loads it, with the one special token in every role."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=POSITIONS,
        clean_up_tokenization_spaces=False,
    )


def tokenizer_json(tokenizer: PreTrainedTokenizerFast) -> bytes:
    """The bytes of the tokenizer.json that `save_pretrained` writes; a test holds them equal."""
    return tokenizer.backend_tokenizer.to_str(pretty=True).encode()


def encode(tokenizer: Tokenizer, slots: tuple[tuple[str, str], ...], text: str) -> tuple[list[int], int]:
    """Token ids of `slots <end> text <end>`, at most POSITIONS of them, and where the text starts."""
    context = [*tokenizer.encode(linearise(slots)).ids, END_ID]
    completion = [*tokenizer.encode(f" {text}").ids, END_ID]
    return (context + completion)[:POSITIONS], len(context)


def make_batches(examples: list[tuple[list[int], int]], batch_size: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Batches of (ids, labels), both (batch, longest); like lengths together within windows of 50 batches."""
    rng = random.Random(seed)
    batches = []
    window = BATCHES_PER_WINDOW * batch_size
    for start in range(0, len(examples), window):
        ordered = sorted(examples[start : start + window], key=lambda example: len(example[0]))
        cut = [_pad(ordered[i : i + batch_size]) for i in range(0, len(ordered), batch_size)]
        rng.shuffle(cut)
        batches += cut
    return batches


def _pad(examples: list[tuple[list[int], int]]) -> tuple[Tensor, Tensor]:
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    for row, (tokens, text_start) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, text_start : len(tokens)] = ids[row, text_start : len(tokens)]
    return ids, labels


# ---------------------------------------------------------------- architectures


def gpt2(settings: Settings) -> GPT2LMHeadModel:
    """GPT-2's shape at d = 128, 3 layers, 4 heads: 0.82 M parameters, tied embeddings, no dropout."""
    config = GPT2Config(
        vocab_size=settings.vocabulary,
        n_positions=POSITIONS,
        n_embd=128,
        n_layer=3,
        n_head=4,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        use_cache=True,
    )
    return GPT2LMHeadModel(config)


def causal_loss(model: GPT2LMHeadModel, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled tokens; no attention mask, since padding stands on the right."""
    hidden = model.transformer(ids[:, :-1]).last_hidden_state
    wanted = labels[:, 1:] != IGNORED
    return cross_entropy(model.lm_head(hidden[wanted]), labels[:, 1:][wanted])


ARCHITECTURES: dict[str, tuple[Callable[[Settings], GPT2LMHeadModel], Callable[..., Tensor]]] = {
    "gpt2": (gpt2, causal_loss),
}


# ---------------------------------------------------------------- training


def learning_rate(settings: Settings, step: int) -> float:
    """Linear warm-up, then a cosine down to zero at the last step."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def pretrain(settings: Settings, out: Path, checkpoint: Path, checkpoint_every: int) -> None:
    """Train, or continue, and write the folder `out`."""
    started = time.monotonic()
    make_model, loss_of = ARCHITECTURES[settings.architecture]
    tokenizer = train_tokenizer(settings)
    packed = pack_tokenizer(tokenizer)
    tokenizer_sha256 = hashlib.sha256(tokenizer_json(packed)).hexdigest()
    corpus = hashlib.sha256()
    examples = _read(settings.seed, settings.steps * settings.batch_size, tokenizer, corpus)
    batches = make_batches(examples, settings.batch_size, settings.seed)
    held_out = _read(settings.seed + 1, settings.validation_pairs, tokenizer, corpus)
    validation = make_batches(held_out, settings.batch_size, settings.seed)
    digests = {"corpus_sha256": corpus.hexdigest(), "tokenizer_sha256": tokenizer_sha256}
    run = {**asdict(settings), **digests}
    log.info("%d examples, %.1f tokens each", len(examples), sum(len(ids) for ids, _ in examples) / len(examples))

    torch.manual_seed(settings.seed)
    model = make_model(settings)
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
        loss = loss_of(model, *batches[step])
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
    validation_loss = evaluate(model, validation, loss_of)
    log.info("source validation loss %.4f", validation_loss)
    save(settings, out, model, packed, validation_loss, seconds, digests)


def _read(seed: int, count: int, tokenizer: Tokenizer, corpus: "hashlib._Hash") -> list[tuple[list[int], int]]:
    examples = []
    for slots, text in islice(pretraining_pairs(seed), count):
        corpus.update(f"{linearise(slots)}\t{text}\n".encode())
        examples.append(encode(tokenizer, slots, text))
    return examples


@torch.no_grad()
def evaluate(model: GPT2LMHeadModel, batches: list[tuple[Tensor, Tensor]], loss_of: Callable[..., Tensor]) -> float:
    """Mean loss per labelled token, in nats."""
    model.eval()
    counts = [int((labels[:, 1:] != IGNORED).sum()) for _, labels in batches]
    losses = [loss_of(model, *batch).item() for batch in batches]
    return sum(loss * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)


def _save_checkpoint(
    path: Path, run: dict[str, Any], step: int, seconds: float, model: GPT2LMHeadModel, optimizer: torch.optim.Optimizer
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    state = {"run": run, "step": step, "seconds": seconds}
    torch.save({**state, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, partial)
    os.replace(partial, path)


def save(
    settings: Settings,
    out: Path,
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    validation_loss: float,
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
        "source_validation_loss": round(validation_loss, 4),
        "seconds": round(seconds),
        **digests,
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
    parser.add_argument("architecture", choices=sorted(ARCHITECTURES))
    parser.add_argument("--steps", type=int, default=3300)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--warmup-steps", type=int, default=100)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vocabulary", type=int, default=1536)
    parser.add_argument("--tokenizer-pairs", type=int, default=20_000)
    parser.add_argument("--validation-pairs", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="default: the package's own folder for the architecture")
    parser.add_argument("--checkpoint", type=Path, help="default: build/pretrain_embedded/<architecture>.pt")
    parser.add_argument("--checkpoint-every", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    arguments = vars(parser.parse_args())
    architecture = arguments["architecture"]
    out = arguments.pop("out") or ROOT / "src" / "deltalora" / "models" / "embedded" / architecture
    checkpoint = arguments.pop("checkpoint") or ROOT / "build" / "pretrain_embedded" / f"{architecture}.pt"
    checkpoint_every = arguments.pop("checkpoint_every")
    torch.set_num_threads(arguments.pop("threads"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pretrain(Settings(**arguments), out, checkpoint, checkpoint_every)


if __name__ == "__main__":
    main()
