"""What every process of the last test in test_data_parallel_runs.py does: three runs, of which two break.

    torchrun --nproc-per-node=2 data_parallel_faults.py OUT KEY=VALUE ...

The overrides are those of a run that is finished already. Every process leaves what it saw in `OUT/<rank>.json`.
"""

import json
import os
import signal
import sys
from pathlib import Path

from deltalora.config import run_config
from deltalora.training import RunFailedError, execute
from deltalora.training.loop import Trainer

#: The step after which a process breaks that is not the leader.
BREAKS_AFTER = 2


def ended(overrides: list[str]) -> list[str]:
    """How a run ended, and with what."""
    try:
        outcome = execute(run_config(overrides))
    except RunFailedError as error:
        return ["failed", str(error)]
    return ["skipped" if outcome.skipped else "finished", outcome.record.run_id]


def break_here() -> None:
    """Lets this process, and none of the others, fail in the middle of a step, where the others wait for its share."""
    step = Trainer._step

    def broken(self: Trainer, number: int, *arguments: object) -> float:
        if number == BREAKS_AFTER:
            raise MemoryError("no memory left on this node")
        return step(self, number, *arguments)  # type: ignore[arg-type]

    Trainer._step = broken  # type: ignore[method-assign]


if __name__ == "__main__":
    folder, overrides, rank = Path(sys.argv[1]), sys.argv[2:], int(os.environ["RANK"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command does
    seen = {"again": ended(overrides), "diverging": ended([*overrides, "method=full", "train.learning_rate=1e30"])}
    if rank == 1:
        break_here()
    seen["broken"] = ended([*overrides, "seed=2"])
    (folder / f"{rank}.json").write_text(json.dumps(seen))
    sys.exit(1)
