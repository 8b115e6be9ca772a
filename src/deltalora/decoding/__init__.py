"""From a trained causal or encoder-decoder model to text: beam search over many prompts.

`beam` batches the prompts, calls one of two searches (`transformers_search`, the library's with every setting stated;
`lora_reference`, the authors' for GPT-2) and turns the result into text; `ngram_ban` bans repeated n-grams, looking at
generated tokens only. No scoring, no files.
"""

from deltalora.decoding.beam import beam_search
from deltalora.decoding.lora_reference import Hypothesis, best_hypotheses
from deltalora.decoding.ngram_ban import GeneratedNGramBan

__all__ = ["GeneratedNGramBan", "Hypothesis", "beam_search", "best_hypotheses"]
