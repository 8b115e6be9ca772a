"""What W&B and TensorBoard are really sent: read back from their own files."""

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deltalora.training.loggers import TensorBoardLogger

ONE_RUN = """
import sys
from deltalora.config import run_config
from deltalora.training import RunFailedError, execute
try:
    execute(run_config(sys.argv[1:]))
except RunFailedError as error:
    print(error)
"""
TINY = ["+debug=two_steps", "runtime.threads=1", "experiment=e2e", "logger=wandb"]


def wandb_records(store: Path) -> tuple[str, list[Any]]:
    """Run id and everything in the one offline file below a store: LevelDB's log format behind seven bytes of W&B's."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = store.glob("*/wandb/offline-run-*/*.wandb")
    content = path.read_bytes()
    records, parts, place = [], b"", 7
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:  # no chunk begins in the last six bytes of a block
            place += 32768 - place % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)  # behind a checksum
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            records.append(Record.FromString(parts))
            parts = b""
    return path.parents[2].name, records


@pytest.mark.parametrize(
    ("overrides", "status"),
    [(["method=lora"], 0), (["method=full", "train.learning_rate=1e30"], 1)],
    ids=["finished", "failed"],
)
def test_wandb_gets_one_run_under_the_run_id_grouped_by_table_and_row_with_the_right_status(
    tmp_path: Path, overrides: list[str], status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_RUN, *TINY, *overrides, "runtime.table=table1", f"runtime.results_dir={tmp_path}"],
        env=os.environ | {"WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run_id, records = wandb_records(tmp_path)
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    row = overrides[0].partition("=")[2]
    assert (run.run_id, run.run_group, run.display_name) == (run_id, f"table1-embedded/{row}", f"{row}-seed1")
    (end,) = [record.exit for record in records if record.WhichOneof("record_type") == "exit"]
    assert end.exit_code == status
    assert any(record.WhichOneof("record_type") == "history" for record in records)


def events(path: Path) -> Iterator[Any]:
    """TFRecord: length (8 bytes), its checksum (4), an event, its checksum (4)."""
    from tensorboardX.proto.event_pb2 import Event

    content = path.read_bytes()
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        yield Event.FromString(content[place + 12 : place + 12 + length])
        place += 12 + length + 4


def test_tensorboard_gets_the_curve_the_scores_and_the_status(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    logger.log(1, {"train_loss": 2.5})
    logger.log(2, {"train_loss": 2.0, "validation_loss": 2.25})
    logger.close(True, {"BLEU": 0.5})
    (path,) = (tmp_path / "tensorboard").iterdir()
    found = [(event.step, value.tag, value.simple_value) for event in events(path) for value in event.summary.value]
    assert found == [
        (1, "train_loss", 2.5),
        (2, "train_loss", 2.0),
        (2, "validation_loss", 2.25),
        (0, "end/BLEU", 0.5),
        (0, "end/finished", 1.0),
    ]
