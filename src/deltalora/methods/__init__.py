"""The seven fine-tuning methods behind one contract (`base`): what is trained, and what an optimizer step brings.

Their hyper-parameters are in `config.methods`; controls are configurations of LoRA, not code.
"""

from deltalora.methods.base import Method, ParameterGroup, build_method
from deltalora.methods.count import count_parameters
from deltalora.methods.similarity import cosine_similarity, projection_weights
from deltalora.methods.targets import find_projections, head_parameters, output_layer, token_embedding

__all__ = [
    "Method",
    "ParameterGroup",
    "build_method",
    "cosine_similarity",
    "count_parameters",
    "find_projections",
    "head_parameters",
    "output_layer",
    "projection_weights",
    "token_embedding",
]
