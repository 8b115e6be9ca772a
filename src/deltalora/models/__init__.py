"""Backbones: from the hub, from a local folder, from the package (`embedded`), or of random weights.

`identify` finds the files and their hash before anything is read into memory, `load_backbone` builds the network in
fp32, `meta_backbone` its shape alone. What differs between GPT-2, RoBERTa and BART is in `config.architectures`; which
part of a backbone is trained is the business of `methods`.
"""

from deltalora.models.load import Backbone, load_backbone, load_tokenizer, max_positions, meta_backbone
from deltalora.models.locate import ModelIdentity, identify

__all__ = ["Backbone", "ModelIdentity", "identify", "load_backbone", "load_tokenizer", "max_positions", "meta_backbone"]
