"""What every process of tests/training/test_data_parallel.py runs: a list of tiny trainings, one after the other.

    torchrun --nproc-per-node=2 data_parallel_worker.py CASES.json OUT

Alone or as one of several; the first process leaves `OUT/<case>.pt`, and every process the SHA-256 of what it holds.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from deltalora.config import TrainConfig
from deltalora.methods import build_method
from deltalora.training.batches import TrainingBatches
from deltalora.training.distributed import fingerprint
from deltalora.training.loggers import NoLogger
from deltalora.training.loop import Tick, Trainer
from deltalora.training.prepare import build_accelerator

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]  # as pytest finds them

from conftest import ARCHITECTURES, METHODS, TRAIN, tiny_model  # noqa: E402


def train(name: str, case: dict[str, Any], folder: Path) -> None:
    """One training, resumed if its checkpoint is there; after step `waits_after` it waits to be killed."""
    accelerator = build_accelerator("cpu")
    rank, processes = accelerator.process_index, accelerator.num_processes
    usual = ARCHITECTURES[case["architecture"]]
    config = TrainConfig.model_validate(TRAIN | case["train"])
    method = build_method(METHODS[case["method"]] | case.get("changes", {}))
    assert config.max_steps is not None
    method.plan(config.max_steps)
    model = tiny_model(case["architecture"], getattr(torch, case["dtype"]), case.get("dropout", 0.0))
    method.inject(model, torch.Generator().manual_seed(1))
    torch.manual_seed(2 + rank)
    hashes = []

    def look(tick: Tick) -> None:
        hashes.append(fingerprint(method.state_dict(model)).hex())
        if tick.step == case.get("waits_after"):
            time.sleep(600)

    trainer = Trainer(
        config,
        method,
        model,
        usual.objective(model),
        accelerator,
        TrainingBatches(
            usual.examples(19, 3),
            usual.collate,
            batch_size=config.batch_size,
            accumulation_steps=config.accumulation_steps,
            seed=4,
            pad_id=usual.pad_id,
            rank=rank,
            processes=processes,
        ),
        usual.examples(23, 5),
        usual.collate,
        total_steps=config.max_steps,
        pad_id=usual.pad_id,
        run_id="0123456789ab",
        checkpoint=folder / f"{name}.checkpoint",
        logger=NoLogger(),
        on_tick=look,
    )
    state = trainer.run()
    moved = {name: weight.contiguous() for name, weight in method.extra_updatable(model).items()}
    (folder / f"{name}.{rank}.json").write_text(
        json.dumps({"hashes": hashes, "W": fingerprint(moved).hex(), "processes": processes})
    )
    if rank == 0:
        kept = {"state": method.state_dict(model), "curve": state.curve, "tokens": state.tokens}
        torch.save(kept, folder / f"{name}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[2])
    for name, case in json.loads(Path(sys.argv[1]).read_text()).items():
        train(name, case, folder)
