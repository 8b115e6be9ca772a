"""The seven fine-tuning methods behind one contract: what is trained, and what happens around an optimizer step.

Here: the contract (`base`), where W_Q and W_V are (`targets`), the methods themselves, exact parameter counts
(`count`), how far W_Q and W_V have turned (`similarity`). Their hyper-parameters are in `config.methods`.
Not here: the training loop, learning rates, data, Hydra. Controls are configurations of LoRA, not code.
"""

from deltalora.methods.adalora import AdaLoRA
from deltalora.methods.base import Attachment, Method, ParameterGroup
from deltalora.methods.build import build_method, implements
from deltalora.methods.count import ParameterCount, count_parameters
from deltalora.methods.delta_lora import DeltaLoRA
from deltalora.methods.dylora import DyLoRA
from deltalora.methods.fine_tuning import FrozenEmbeddings, Full, QueryValue
from deltalora.methods.low_rank import LoRA
from deltalora.methods.similarity import cosine_similarity, projection_weights
from deltalora.methods.targets import Projection, find_projections, head_parameters, output_layer, token_embedding

__all__ = [
    "AdaLoRA",
    "Attachment",
    "DeltaLoRA",
    "DyLoRA",
    "FrozenEmbeddings",
    "Full",
    "LoRA",
    "Method",
    "ParameterCount",
    "ParameterGroup",
    "Projection",
    "QueryValue",
    "build_method",
    "cosine_similarity",
    "count_parameters",
    "find_projections",
    "head_parameters",
    "implements",
    "output_layer",
    "projection_weights",
    "token_embedding",
]
