"""Check that an exported model computes what the run computed."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deltalora.errors import ModelError
from deltalora.export.restore import RestoredRun

#: Largest difference of logits allowed, relative to the largest logit, in fp32.
TOLERANCE = 1e-5

_ROWS, _LENGTH = 4, 24


@dataclass(frozen=True)
class Checked:
    """The result of loading an export and comparing its outputs with the run's.

    Attributes:
        difference: Largest difference of a logit from the run's, relative to the run's largest logit.
        rank: Largest rank of the adapter; None for a plain model.
    """

    difference: float
    rank: int | None


def compare(run: RestoredRun, exported: nn.Module, rank: int | None) -> Checked:
    """Compare the logits of both models on random token ids.

    Raises:
        ModelError: They differ by more than `TOLERANCE`.
    """
    inputs = _inputs(run)
    with torch.no_grad():
        expected: Tensor = run.model(**inputs).logits
        found: Tensor = exported(**inputs).logits
    difference = float((found - expected).abs().max() / expected.abs().max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"run {run.record.run_id}: expected the exported model's logits within {TOLERANCE} of the run's, found "
            f"{difference:.1e}; nothing was written: its state and backbone do not belong together, or this is a bug"
        )
    return Checked(difference, rank)


def _inputs(run: RestoredRun) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    length = min(_LENGTH, run.config.task.max_source_length if run.config.task.name == "xsum" else _LENGTH)
    ids = torch.randint(4, run.model.config.vocab_size, (_ROWS, length), generator=generator)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if run.model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, : length // 2]
    return inputs
