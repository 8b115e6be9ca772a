"""From a trained causal or encoder-decoder model to text: beam search over many prompts.

`beam` batches the prompts, calls one of three searches (`shared_search`; `transformers_search`, the library's, whose
tokens it finds; `lora_reference`, the authors' for GPT-2) and turns the result into text; `reader` runs each prompt
once for all its hypotheses; `ngram_ban` bans repeated n-grams in generated tokens only. No scoring, no files.
"""

from deltalora.decoding.beam import beam_search
from deltalora.decoding.lora_reference import Hypothesis, best_hypotheses
from deltalora.decoding.ngram_ban import GeneratedNGramBan

__all__ = ["GeneratedNGramBan", "Hypothesis", "beam_search", "best_hypotheses"]
