"""The tiny pre-trained backbones that ship in the package, one folder per architecture, in transformers' layout.

Made by scripts/pretrain_embedded.py on text of scripts/embedded_world; each folder's PROVENANCE.json says how.
Not here: loading, which `models` does for these folders as for any other.
"""

from pathlib import Path

from deltalora.errors import ConfigError

__all__ = ["embedded_model_dir"]


def embedded_model_dir(architecture: str) -> Path:
    """The folder with config, weights and tokenizer of an embedded backbone, for `from_pretrained`.

    Raises:
        ConfigError: no backbone of this architecture ships with the package.
    """
    here = Path(__file__).parent
    known = sorted(folder.parent.name for folder in here.glob("*/config.json"))
    if architecture not in known:
        raise ConfigError(
            f"expected an embedded model out of {', '.join(known)}, found {architecture!r}; "
            "choose one of these or give the path of a model folder"
        )
    return here / architecture
