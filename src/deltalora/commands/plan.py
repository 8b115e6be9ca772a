"""`deltalora plan`: what the runs of a table will cost, before anybody pays for them.

Everything follows from the configuration, the backbone's shapes and the sizes of the official data sets; no weights and
no data are read. Hours are FLOPs over a GPU's peak and a stated utilisation, or, for the GPU on which
`scripts/gpu_check.py` was run, the tokens per second that it measured.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from deltalora.commands.arguments import OneLineParser
from deltalora.config import GlueConfig, RunConfig, table_runs
from deltalora.errors import ConfigError

DESCRIPTION = """The runs of a table, their steps, tokens, FLOPs, peak memory, hours and disk, and what is missing to
start them. The scale is the paper's unless scale=... is given; any Hydra override counts."""

#: Where `scripts/gpu_check.py` leaves what it measured.
GPU_CHECK = Path("results/bench/gpu_check.json")

#: Dense TFLOP/s of each GPU's data sheet, by precision of a run: fp32 as TF32 where the GPU has it; and memory in GiB.
_GPUS: Mapping[str, tuple[float, float, float]] = {
    "v100": (15.7, 15.7, 32.0),  # neither TF32 nor bf16
    "t4": (8.1, 8.1, 16.0),
    "a10g": (70.0, 70.0, 24.0),
    "rtx4090": (82.6, 165.2, 24.0),
    "l4": (60.0, 121.0, 24.0),
    "a100": (156.0, 312.0, 80.0),
    "h100": (494.0, 989.0, 80.0),
    "h200": (494.0, 989.0, 141.0),
}
#: The part of the peak that a training step of these sizes reaches. ours: what public logs of fine-tuning report.
_UTILISATION = 0.3
#: Seconds per layer and step before which no eager step ends: some 200 kernels at 7 microseconds. ours
_LAUNCH_S = 1.5e-3


class Corpus(NamedTuple):
    """Examples of a data set's official splits and mean tokens of one.

    Tokens are words and punctuation marks of the official files times 1.1, as many as GPT-2's tokens of E2E.
    """

    train: int
    test: int
    source_tokens: float
    target_tokens: float


_CORPORA: Mapping[str, Corpus] = {
    "e2e": Corpus(42_061, 630, 28.6, 24.7),
    "webnlg": Corpus(18_025, 1_862, 25.0, 25.8),
    "xsum": Corpus(204_045, 11_334, 540.0, 26.0),  # words: Narayan et al. 2018, Table 1 (431.07 and 23.26), marks added
    "mnli": Corpus(392_702, 19_647, 38.8, 0),
    "sst2": Corpus(67_349, 872, 11.1, 0),
    "mrpc": Corpus(3_668, 408, 51.8, 0),
    "cola": Corpus(8_551, 1_043, 9.9, 0),
    "qnli": Corpus(104_743, 5_463, 47.3, 0),
    "qqp": Corpus(363_846, 40_430, 28.8, 0),
    "rte": Corpus(2_490, 277, 68.6, 0),
    "stsb": Corpus(5_749, 1_500, 25.7, 0),
}


@dataclass(frozen=True)
class Cost:
    """What some runs cost together.

    Attributes:
        runs: How many.
        steps: Optimizer steps.
        tokens: Training tokens through the backbone, padding excluded.
        flops: Floating-point operations of training and of decoding, a multiplication and an addition being two.
        launch_s: Seconds that launching the training steps' kernels one by one takes, however fast the GPU.
        memory_gib: Peak of the largest run's training: weights, gradients, optimizer state and activations.
        disk_gib: Records, predictions and checkpoints of all, and the backbone's weights once.
    """

    runs: int
    steps: int
    tokens: float
    flops: float
    launch_s: float
    memory_gib: float
    disk_gib: float


def plan(arguments: Sequence[str]) -> int:
    """Print the cost of a table's runs, per experiment and method, the hours on each GPU, and what is missing."""
    parser = OneLineParser(prog="deltalora plan", description=DESCRIPTION)
    parser.add_argument("table", help="table1 ... table9, figure3")
    parser.add_argument("--gpu", choices=sorted(_GPUS), help="hours on this one alone; default: on each")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options, overrides = parser.with_overrides(arguments)
    if not any(override.startswith("scale=") for override in overrides):
        overrides = ["scale=paper", *overrides]
    configs = [run.config for run in table_runs(options.table, overrides)]
    rows: dict[tuple[str, str], list[Cost]] = {}
    for config in configs:
        rows.setdefault((config.experiment, config.row), []).append(_run_cost(config))
    costs = {key: _together(of_key) for key, of_key in rows.items()}
    total = _together([cost for of_key in rows.values() for cost in of_key])
    precision = configs[0].train.precision
    gpus = [options.gpu] if options.gpu else list(_GPUS)
    hours = {gpu: _hours(gpu, total, precision, configs[0]) for gpu in gpus}
    missing = _missing(configs)
    if options.json:
        per_row = [{"experiment": one, "row": row, **asdict(cost)} for (one, row), cost in costs.items()]
        plain = {"rows": per_row, "total": asdict(total), "hours": hours, "missing": missing}
        print(json.dumps(plain, indent=2))
    else:
        _show(costs, total, hours, missing, precision)
    return 0


def _run_cost(config: RunConfig) -> Cost:
    """Return the cost of one run; see `Cost`."""
    from deltalora import methods, models  # torch, once the configuration is known to be right

    corpus = _corpus(config)
    shape = models.meta_backbone(config.model, config.task.num_labels if isinstance(config.task, GlueConfig) else None)
    counts = methods.count_parameters(shape, config.method)
    tables = ("embed", "wte", "wpe", "shared")
    embeddings = sum(p.numel() for name, p in shape.named_parameters() if any(one in name for one in tables))
    dense = counts.total - embeddings
    sizes: Any = shape.config
    output = sizes.vocab_size * sizes.hidden_size if corpus.target_tokens else 0
    examples = min(corpus.train, config.task.limits.train or corpus.train)
    per_epoch = math.ceil(examples / config.train.batch_size)
    steps = config.train.max_steps or config.train.epochs * per_epoch
    example_tokens = corpus.source_tokens + corpus.target_tokens
    seen = steps * min(config.train.batch_size, examples)
    # A token's forward pass takes 2 operations per weight, the backward pass as many for the activations' gradients,
    # and as many again per trained weight. The output layer sees the target's tokens alone.
    trained = counts.trainable + counts.head
    training = seen * (example_tokens * (4 * dense + 2 * min(trained, dense)) + corpus.target_tokens * 4 * output)
    decoding = 0.0
    if config.decoding is not None:
        inputs = min(corpus.test, config.task.limits.test or corpus.test)
        generated = config.decoding.num_beams * corpus.target_tokens
        decoding = inputs * 2 * (corpus.source_tokens * dense + generated * (dense + output))
    return Cost(
        runs=1,
        steps=steps,
        tokens=seen * example_tokens,
        flops=training + decoding,
        launch_s=steps * sizes.num_hidden_layers * _LAUNCH_S,
        memory_gib=_memory(config, counts.total, trained, sizes, example_tokens),
        disk_gib=(corpus.test * 1_000 + (3 * 4 * trained + 4 * counts.extra_updatable)) / 2**30,
    )


def _memory(config: RunConfig, total: int, trained: int, sizes: Any, example_tokens: float) -> float:
    """Return the peak of training in GiB, from shapes.

    Weights in fp32, gradient and two moments of what is trained. A layer keeps about 17 numbers per token and width for
    the backward pass, its attention two per head and pair of tokens (Korthikanti et al. 2022, eq. 1, without dropout
    masks). Then the logits and their gradient. A batch is taken to be half as long again as its mean example.
    """
    width, layers, heads = sizes.hidden_size, sizes.num_hidden_layers, sizes.num_attention_heads
    examples = config.train.batch_size / config.train.accumulation_steps
    length = 1.5 * example_tokens
    activations = layers * examples * length * (17 * width + 2 * heads * length)
    logits = 2 * examples * length * sizes.vocab_size if config.decoding is not None else 0
    bytes_per_number = 2 if config.train.precision == "bf16" else 4
    return float(4 * total + 12 * trained + bytes_per_number * (activations + logits)) / 2**30


def _corpus(config: RunConfig) -> Corpus:
    corpus = _CORPORA[config.task.dataset if isinstance(config.task, GlueConfig) else config.task.name]
    longest: int = getattr(config.task, "max_source_length", getattr(config.task, "max_length", 10**9))
    return corpus._replace(source_tokens=min(corpus.source_tokens, longest))


def _together(costs: Sequence[Cost]) -> Cost:
    return Cost(
        runs=sum(cost.runs for cost in costs),
        steps=sum(cost.steps for cost in costs),
        tokens=sum(cost.tokens for cost in costs),
        flops=sum(cost.flops for cost in costs),
        launch_s=sum(cost.launch_s for cost in costs),
        memory_gib=max(cost.memory_gib for cost in costs),
        disk_gib=sum(cost.disk_gib for cost in costs),
    )


def _hours(gpu: str, cost: Cost, precision: str, config: RunConfig) -> dict[str, Any]:
    """Return the hours on a GPU and what they rest on: a measurement on one of its kind, or its data sheet."""
    tf32, bf16, memory = _GPUS[gpu]
    fits = cost.memory_gib <= memory
    measured = _measured(gpu, config.model.architecture, precision)
    if measured is not None:
        return {"hours": cost.tokens / measured / 3600, "from": f"{measured:,.0f} tokens/s measured", "fits": fits}
    peak = (bf16 if precision == "bf16" else tf32) * 1e12
    arithmetic = cost.flops / (peak * _UTILISATION)
    source = f"{_UTILISATION:.0%} of its peak" if arithmetic > cost.launch_s else "its kernels' launches"
    return {"hours": max(arithmetic, cost.launch_s) / 3600, "from": source, "fits": fits}


def _measured(gpu: str, architecture: str, precision: str) -> float | None:
    """Return LoRA's training tokens per second in `GPU_CHECK`, where that was measured on such a GPU and backbone."""
    if not GPU_CHECK.is_file():
        return None
    try:
        found = json.loads(GPU_CHECK.read_text(encoding="utf-8"))
        if gpu not in str(found["device"]).lower().replace(" ", ""):
            return None
        of_precision = found["training"][architecture]["tf32" if precision == "fp32" else precision]
        return float(of_precision["lora"]["tokens_per_s"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{GPU_CHECK}: expected what scripts/gpu_check.py writes, found {error}; run it again"
        ) from error


def _missing(configs: Sequence[RunConfig]) -> list[str]:
    """Return what the runs would have to fetch first, each with the command that brings it."""
    from huggingface_hub import try_to_load_from_cache

    commands = {}
    for config in configs:
        model, task = config.model, config.task
        if model.source == "hub" and not isinstance(
            try_to_load_from_cache(model.path, "config.json", revision=model.revision), str
        ):
            commands[f"weights of {model.path}"] = f"hf download {model.path} --revision {model.revision}"
        if task.source == "hub" and not isinstance(
            try_to_load_from_cache(task.hub.path, "README.md", revision=task.hub.revision, repo_type="dataset"), str
        ):
            found = f"hf download {task.hub.path} --repo-type dataset --revision {task.hub.revision}"
            commands[f"data of {task.name}"] = f"{found}, or DATA=local DATA_DIR=DIR"
    return [f"{what}: {command}" for what, command in commands.items()]


def _show(
    costs: Mapping[tuple[str, str], Cost],
    total: Cost,
    hours: Mapping[str, Mapping[str, Any]],
    missing: Sequence[str],
    precision: str,
) -> None:
    console = Console(width=max(110, Console().width))
    table = Table(title="Cost", title_justify="left")
    for heading in ("experiment", "method", "runs", "steps", "tokens", "FLOPs", "peak memory", "disk"):
        table.add_column(heading, justify="left" if heading in ("experiment", "method") else "right", no_wrap=True)
    for (experiment, row), cost in [*costs.items(), (("all", ""), total)]:
        table.add_row(
            experiment,
            row,
            f"{cost.runs}",
            f"{cost.steps:,}",
            f"{cost.tokens / 1e6:,.0f} M",
            f"{cost.flops / 1e15:,.1f} P",
            f"{cost.memory_gib:.1f} GiB",
            f"{cost.disk_gib:.2f} GiB",
        )
    console.print(table)
    gpus = Table(title=f"Hours of one GPU for all of it, {precision}", title_justify="left")
    for heading in ("GPU", "hours", "from", "fits into its memory"):
        gpus.add_column(heading, justify="right" if heading == "hours" else "left")
    for gpu, found in hours.items():
        gpus.add_row(gpu, f"{found['hours']:,.1f}", found["from"], "yes" if found["fits"] else "no")
    console.print(gpus)
    for line in missing:
        console.print(f"missing: {line}", highlight=False, soft_wrap=True)
