"""The tiny pre-trained backbones that ship in the package, one folder per architecture, in transformers' layout.

Made by scripts/pretrain_embedded.py on text of scripts/embedded_world; each folder's PROVENANCE.json says how.
"""

from pathlib import Path

from deltalora.errors import ConfigError


def embedded_model_dir(architecture: str) -> Path:
    """Return the folder with config, weights and tokenizer of an embedded backbone, for `from_pretrained`."""
    here = Path(__file__).parent
    known = sorted(folder.parent.name for folder in here.glob("*/config.json"))
    if architecture not in known:
        raise ConfigError(
            f"expected an embedded model out of {', '.join(known)}, found {architecture!r}; "
            "choose one of these or give the path of a model folder"
        )
    return here / architecture
