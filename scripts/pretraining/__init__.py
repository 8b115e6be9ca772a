"""How each tiny backbone is pre-trained: one module per architecture, with the names that `recipe.Recipe` lists.

Here live tokenizers, training texts, corruption and losses. Not here: the loop, checkpoints and the files that are
written (`pretrain_embedded.py`), and the grammar that writes the text (`embedded_world`).
"""

from types import MappingProxyType

from pretraining import bart, gpt2, roberta
from pretraining.recipe import Recipe, Settings

__all__ = ["RECIPES", "Recipe", "Settings"]

RECIPES: MappingProxyType[str, Recipe] = MappingProxyType({"gpt2": gpt2, "roberta": roberta, "bart": bart})
