"""What is learnt: raw files in, examples with stable ids out, and the way an example becomes token ids.

One file per task (`e2e`), one for its file formats (`e2e_files`), one for how text is written (`text_form`) and one
for the sequences of a causal language model (`causal`). No model weights, no training loop, no metric lives here.
"""

from deltalora.tasks.base import Pair, Prompt, TaskData
from deltalora.tasks.causal import Batch, EncodedPair, collate, encode_pairs, encode_prompt, tokenised_sha256
from deltalora.tasks.e2e import load_e2e
from deltalora.tasks.load import load_task

__all__ = [
    "Batch",
    "EncodedPair",
    "Pair",
    "Prompt",
    "TaskData",
    "collate",
    "encode_pairs",
    "encode_prompt",
    "load_e2e",
    "load_task",
    "tokenised_sha256",
]
