"""Find and hash the weights a run starts from, before anything is read into memory."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download

from deltalora.config.schema import ModelConfig
from deltalora.errors import ModelError
from deltalora.models.embedded import embedded_model_dir
from deltalora.results import sha256_of_file

#: What a run reads of a model's folder beside its weights; another tokenizer or activation is another model.
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
_READ_BESIDES = ("config.json", *_TOKENIZER)

#: The only files of a hub repository that are wanted.
_WANTED = ["*.safetensors", *_READ_BESIDES]


@dataclass(frozen=True)
class ModelIdentity:
    """Which weights a run starts from."""

    folder: Path | None  # None for random weights
    revision: str | None  # the hub commit that was found; None elsewhere
    sha256: str  # of the weights, the configuration and the tokenizer, file by file; for random weights, of the shape


def identify(config: ModelConfig) -> ModelIdentity:
    """Find the weights' files and hash them; nothing is read into memory.

    Raises:
        ModelError: The files are not there; says how to point to a local folder, or how to convert older files.
    """
    if config.weights == "random":
        shape = f"random {config.architecture} {sorted((config.shape or {}).items())}"
        return ModelIdentity(None, None, hashlib.sha256(shape.encode()).hexdigest())
    folder = _folder(config)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*"))[:6]) or "nothing"
        raise ModelError(
            f"{folder}: expected config.json and *.safetensors of {config.name}, found {there}; "
            + ("give a folder in the hub's layout" if weights else _how_to_get_safetensors(config, folder))
        )
    read = [*weights, *(folder / name for name in _READ_BESIDES if (folder / name).is_file())]
    digest = hashlib.sha256("".join(f"{path.name} {sha256_of_file(path)}\n" for path in read).encode()).hexdigest()
    return ModelIdentity(folder, folder.name if config.source == "hub" else None, digest)


def _folder(config: ModelConfig) -> Path:
    if config.source == "embedded":
        return embedded_model_dir(config.path)
    if config.source == "local":
        folder = Path(config.path)
        if not folder.is_dir():
            expected = f"expected a folder with the weights of {config.name}"
            raise ModelError(f"{folder}: {expected}, found none; correct model.path")
        return folder
    try:
        return Path(snapshot_download(config.path, revision=config.revision, allow_patterns=_WANTED))
    except Exception as error:  # the hub client raises a dozen unrelated types; each means "not to be had"
        raise ModelError(
            f"{config.path}@{config.revision}: expected the weights of {config.name} in the local cache or on the hub, "
            f"found neither ({type(error).__name__}); with a copy of its files: model.source=local model.path=DIR"
        ) from error


def _how_to_get_safetensors(config: ModelConfig, folder: Path) -> str:
    """Return the way out for older repositories that hold a pickle alone; none is read here, as it can run code."""
    if config.source == "local" and not list(folder.glob("*.bin")):
        return "give a folder in the hub's layout"
    return (
        "if there is only a pytorch_model.bin, convert it once, "
        'python -c "from transformers import AutoModel, AutoTokenizer; '
        f"[kind.from_pretrained('{config.path}').save_pretrained('DIR') for kind in (AutoModel, AutoTokenizer)]\", "
        "then model.source=local model.path=DIR"
    )
