"""What is learnt: raw files in, examples with stable ids out, and the way an example becomes token ids.

One file per task (`e2e`, `webnlg`, `xsum`, `glue`), one for each one's file formats (`*_files`), one per form in which
a backbone reads examples (`causal`, `seq2seq`, `classification`), and the contract (`task`). No model weights, no
training loop lives here.
"""

from deltalora.tasks.batch import IGNORED, Batch, EncodedExample, tokenised_sha256
from deltalora.tasks.causal import EncodedPair, collate_pairs, encode_pairs, encode_prompt
from deltalora.tasks.classification import CollateExamples, EncodedLabelledExample, encode_labelled
from deltalora.tasks.e2e import load_e2e
from deltalora.tasks.examples import LabelledData, LabelledExample, Pair, Prompt, TaskData, TextData
from deltalora.tasks.glue import load_glue
from deltalora.tasks.seq2seq import EncodedTransformation, collate_transformations, encode_transformations
from deltalora.tasks.task import Collate, Encoded, PredictedExample, Prediction, Task, build_task
from deltalora.tasks.webnlg import load_webnlg
from deltalora.tasks.xsum import load_xsum

__all__ = [
    "IGNORED",
    "Batch",
    "Collate",
    "CollateExamples",
    "Encoded",
    "EncodedExample",
    "EncodedLabelledExample",
    "EncodedPair",
    "EncodedTransformation",
    "LabelledData",
    "LabelledExample",
    "Pair",
    "PredictedExample",
    "Prediction",
    "Prompt",
    "Task",
    "TaskData",
    "TextData",
    "build_task",
    "collate_pairs",
    "collate_transformations",
    "encode_labelled",
    "encode_pairs",
    "encode_prompt",
    "encode_transformations",
    "load_e2e",
    "load_glue",
    "load_webnlg",
    "load_xsum",
    "tokenised_sha256",
]
