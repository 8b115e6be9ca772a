"""What a classifier predicts: a class, or the value of a regression."""

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

from deltalora.tasks.batch import batches_by_length, mask, pad


@torch.no_grad()
def classify(
    model: PreTrainedModel,
    inputs: Sequence[tuple[int, ...]],
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """Return the most likely class of every input, or its regression value, in the order given.

    Inputs are batched by similar length, so that little is padded.

    Args:
        model: A plain classifier in evaluation mode; one output is a regression.
        inputs: Token ids, special tokens included.
        pad_id: Fills short rows.
        batch_size: Inputs per batch.
        on_batch: Called with the number of inputs done so far.
    """
    predictions, done = [0.0] * len(inputs), 0
    for chosen in batches_by_length(inputs, batch_size):
        rows = [inputs[index] for index in chosen]
        ids, attended = pad(rows, pad_id).to(model.device), mask(rows).to(model.device)
        logits = model(input_ids=ids, attention_mask=attended).logits.float()
        found = logits.squeeze(-1) if logits.shape[-1] == 1 else logits.argmax(-1)
        for index, prediction in zip(chosen, found.tolist(), strict=True):
            predictions[index] = float(prediction)
        done += len(chosen)
        on_batch(done)
    return predictions
