"""What is known of a run before any weight is read: its tokens, its device and its schedule."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from transformers import PreTrainedTokenizerBase

from deltalora import methods, models, results, tasks
from deltalora.config.schema import RunConfig
from deltalora.errors import ConfigError
from deltalora.training import distributed
from deltalora.training.run_id import RunInputs

#: How long a collective may take before it is an error: as long as the leader may write a checkpoint.
_COLLECTIVE_TIMEOUT = timedelta(minutes=30)


class _GradientsOnly(DistributedDataParallelKwargs):  # type: ignore[misc]  # untyped upstream
    """Buffers are not sent around before a forward pass, as torch does by default.

    They are equal on all processes anyway (masks, Delta-LoRA's A_k and B_k), and of a short last batch processes have
    unequal numbers of micro-batches: one would send what no other waits for.
    """

    def to_kwargs(self) -> dict[str, Any]:
        return {"forward_sync_buffers": False}  # Accelerate knows only this argument's deprecated forerunner


@dataclass(frozen=True)
class PreparedRun:
    """What is known before any weight is read."""

    config: RunConfig
    inputs: RunInputs
    tokenizer: PreTrainedTokenizerBase
    accelerator: Accelerator
    task: tasks.Task
    method: methods.Method
    encoded: tasks.Encoded
    total_steps: int
    git: results.GitState | None


def prepare(config: RunConfig, inputs: RunInputs) -> PreparedRun:
    """Tokenise everything, find the device, and fix the number of steps and the method's schedule by it."""
    tokenizer = models.load_tokenizer(config.model, inputs.model)
    task = tasks.build_task(config)
    if task.longest > (positions := models.max_positions(config.model, inputs.model)):
        raise ConfigError(
            f"expected sequences of at most the {positions} positions of {config.model.name}, found "
            f"{task.longest} tokens: lower task.max_length (xsum: task.max_source_length)"
        )
    encoded = task.encode(tokenizer, inputs.data)
    epoch = -(-len(encoded.train) // config.train.batch_size)
    total_steps = config.train.max_steps or config.train.epochs * epoch
    method = methods.build_method(config.method)
    method.plan(total_steps)
    return PreparedRun(
        config=config,
        inputs=inputs,
        tokenizer=tokenizer,
        accelerator=build_accelerator(config.runtime.device),
        task=task,
        method=method,
        encoded=encoded,
        total_steps=total_steps,
        git=results.git_state(Path(__file__).parent),
    )


def check_schedule(config: RunConfig) -> None:
    """Refuse a schedule that the method cannot keep, where the number of steps is known without the data.

    With epochs it is known once the data is counted, and `prepare` checks then.

    Raises:
        ConfigError: See `Method.plan`.
    """
    if config.train.max_steps is not None:
        methods.build_method(config.method).plan(config.train.max_steps)


def join_processes(device: str) -> distributed.Processes:
    """Meet the other processes of this run, if the command was launched as several.

    Raises:
        ConfigError: The device is not there, or the launcher is not torch's.
    """
    if distributed.launched() == 1:
        return distributed.Processes()
    accelerator = build_accelerator(device)
    return distributed.join(accelerator.process_index, accelerator.num_processes)


def pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the padding token; GPT-2's own tokenizer has none, and the mask hides it anyway."""
    padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return int(padding)


def build_accelerator(device: str) -> Accelerator:
    """Return the accelerator for the requested device: gloo between CPUs, NCCL between GPUs.

    Raises:
        ConfigError: The device is not there, or not for every process, or the launcher is not torch's.
    """
    several, gpus = distributed.launched(), torch.cuda.device_count()
    # Left to itself Accelerate makes of several processes without a GPU as many runs of one.
    cpu = device == "cpu" or (device == "auto" and several > 1 and gpus == 0)
    here = int(os.environ.get("LOCAL_WORLD_SIZE", several))
    if several > 1 and not cpu and here > gpus:
        raise ConfigError(
            f"runtime.device={device}: expected a GPU for each of this node's {here} processes, found {gpus}; "
            "launch fewer or set runtime.device=cpu"
        )
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision="no",
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_COLLECTIVE_TIMEOUT)],
    )
    accelerator.ddp_handler = _GradientsOnly()  # not among the others, since Accelerate takes no subclass there
    if device != "auto" and accelerator.device.type != device:
        raise ConfigError(
            f"runtime.device={device}: expected such a device, found only {accelerator.device.type}; "
            "set runtime.device=auto"
        )
    if accelerator.num_processes != several:
        raise ConfigError(
            f"expected {several} processes as WORLD_SIZE says, found {accelerator.num_processes} that met: "
            "launch with torchrun or accelerate launch, or unset WORLD_SIZE"
        )
    return accelerator
