"""What a run keeps in files: the checkpoint an interrupted one resumes from, and the state a finished one trained."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from deltalora.errors import StoreError, one_line
from deltalora.results.atomic import TEMPORARY_SUFFIX


@dataclass
class Checkpoint:
    """The state after `step` optimizer steps.

    The order of data is not in it: that is a pure function of the seed and the step.

    Attributes:
        run_id: The run it belongs to.
        step: Optimizer steps done.
        method: `Method.state_dict`.
        optimizer: The optimizer's state.
        scheduler: The learning rate's state.
        rng: Torch's global random states (dropout draws from them), one mapping by device for each process.
        progress: The curve so far, costs so far, and the best validation loss, as plain values.
        best: The method's state at the best validation loss, where `train.selection` is best.
    """

    run_id: str
    step: int
    method: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    rng: list[dict[str, torch.Tensor]]
    progress: dict[str, Any]
    best: dict[str, torch.Tensor] | None


def rng_state() -> dict[str, torch.Tensor]:
    """Return torch's global random states."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_rng_state(states: list[dict[str, torch.Tensor]], rank: int = 0) -> None:
    """Undo what has been drawn since `rng_state`; a process that was not there then keeps what it has.

    Args:
        states: Of all processes that trained when the checkpoint was written.
        rank: This process.
    """
    if rank >= len(states):
        return
    mine = states[rank]
    torch.set_rng_state(mine["cpu"])
    if "cuda" in mine and torch.cuda.is_available():
        torch.cuda.set_rng_state(mine["cuda"])


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write beside the old file, then take its place; a kill at any moment leaves one whole file."""
    # Named as `results.atomic` names its own, so that the next holder of the lock sweeps what a kill left behind.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    with temporary.open("wb") as file:
        torch.save(vars(checkpoint), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_checkpoint(path: Path, run_id: str) -> Checkpoint | None:
    """Return the checkpoint at `path`, or None if there is none.

    Raises:
        StoreError: It cannot be read, or belongs to another run.
    """
    if not path.is_file():
        return None
    try:
        checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch and pickle raise many types for a damaged file
        raise StoreError(f"{path}: expected a checkpoint, found: {error}; delete it and the run starts over") from error
    if checkpoint.run_id != run_id:
        raise StoreError(f"{path}: expected run {run_id}, found {checkpoint.run_id}; delete it and the run starts over")
    return checkpoint


#: `Method.state_dict` of the selected weights.
STATE_FILE = "state.safetensors"


def save_state(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Write beside the old file, then take its place."""
    # Named as `results.atomic` names its own, so that the next holder of the lock sweeps what a kill left behind.
    temporary = folder / f".{STATE_FILE}.{os.getpid()}{TEMPORARY_SUFFIX}"
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, temporary)
    temporary.replace(folder / STATE_FILE)


def load_state(folder: Path) -> dict[str, Tensor]:
    """Return the state of a finished run.

    Raises:
        StoreError: It is not there, or damaged.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        raise StoreError(
            f"{path}: expected what run {folder.name} trained, found no such file; it was run with "
            "runtime.keep_state=false or its state was deleted: delete its folder and run it again"
        )
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise StoreError(
            f"{path}: expected a whole safetensors file, found: {one_line(error)}; "
            f"delete the folder of run {folder.name} and run it again"
        ) from error
