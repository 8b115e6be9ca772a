"""From a trained causal or encoder-decoder model to text: beam search over many prompts.

`beam` batches and orders the prompts, calls one of two searches (`transformers_search`, the library's with every
setting stated; `lora_reference`, the authors' for GPT-2) and makes text of what it finds; `ngram_ban` is the ban on
repeated n-grams that looks at generated tokens only. No scoring, no files.
"""

from deltalora.decoding.beam import beam_search
from deltalora.decoding.lora_reference import Hypothesis, best_hypotheses
from deltalora.decoding.ngram_ban import GeneratedNGramBan

__all__ = ["GeneratedNGramBan", "Hypothesis", "beam_search", "best_hypotheses"]
