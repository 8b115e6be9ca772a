"""Backbones: from the hub, from a local folder, from the package (`embedded`), or of random weights.

`identify` finds the files and their hash before anything is read into memory, `load_backbone` builds the network in
fp32, `meta_backbone` builds its shape alone. What is trained of it is the business of `methods`.
"""

from deltalora.models.load import (
    Backbone,
    ModelIdentity,
    identify,
    load_backbone,
    load_tokenizer,
    meta_backbone,
)

__all__ = ["Backbone", "ModelIdentity", "identify", "load_backbone", "load_tokenizer", "meta_backbone"]
