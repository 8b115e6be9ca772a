"""How far fine-tuning has turned W_Q and W_V: Figure 3.

    cos(W, W') = <W, W'> / (|W| |W'|)

of each projection as one long vector, W before training and W' after it with whatever the method folds in
(`Method.merge`): 1 is an unturned weight. The paper does not say whether its W' of Delta-LoRA has the branch; here it
has, as in every method, because W alone is not the model that was trained.
"""

from collections.abc import Mapping

import torch
from torch import nn

from deltalora.errors import ModelError
from deltalora.methods.targets import find_projections


def projection_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return copies, on the CPU, of every W_Q and W_V of a plain model by projection name, in the module's own layout.

    Raises:
        ModelError: The projections cannot be found, or a method is still injected.
    """
    return {
        projection.name: projection.block(model.get_parameter(f"{projection.module}.weight"))
        .detach()
        .to("cpu", copy=True, memory_format=torch.contiguous_format)
        for projection in find_projections(model)
    }


def cosine_similarity(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Return the cosine of the angle between each weight and its counterpart, in float64, in the order of `before`.

    Raises:
        ModelError: The two do not have the same projections.
    """
    if other := sorted(before.keys() ^ after.keys()):
        raise ModelError(
            f"expected the same projections before and after, found {len(other)} in one alone, first {other[0]}: "
            "compare two states of one model"
        )
    return {name: _cosine(weight.double().flatten(), after[name].double().flatten()) for name, weight in before.items()}


def _cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(one.dot(other) / (one.norm() * other.norm()))
