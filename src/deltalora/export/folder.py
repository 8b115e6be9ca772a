"""Write an export into a folder that appears whole or not at all, with a page that describes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from deltalora.errors import ConfigError, cannot
from deltalora.export.check import Checked, compare
from deltalora.export.restore import RestoredRun
from deltalora.models import Backbone
from deltalora.results.atomic import replaced


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write to, which becomes `target` when the `with` block ends well and is removed otherwise.

    Raises:
        ConfigError: `target` exists and is not empty, or cannot be written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{target}: expected a new or empty folder for the export, found it in use; choose another")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target) as folder:
            folder.mkdir()
            yield folder
            for path in folder.rglob("*"):  # safetensors makes 0600
                path.chmod(0o755 if path.is_dir() else 0o644)
    except OSError as error:
        raise ConfigError(f"{cannot('write', target, error)}; choose another folder") from error


def describe(run: RestoredRun, fit: str, loading: str) -> str:
    """Return the export's README: which run it is, how its update fits, and how to load it."""
    record = run.record
    scores = "".join(
        f"| {name} | {score.value:.6g} | {score.signature.replace('|', chr(92) + '|')} |\n"
        for name, score in record.scores.items()
    )
    return (
        f"# {record.row} on {record.experiment}, {record.scale} scale, seed {record.seed}\n\n"
        f"Run `{record.run_id}` (configuration `{record.config_id}`), exported from its stored state. {fit}\n\n"
        f"Pre-trained weights: {record.model.name} ({record.model.source}), sha256 `{record.model.sha256}`.\n\n"
        f"```python\n{loading}```\n\n"
        f"| metric | value of the run | signature |\n|---|--:|---|\n{scores}"
    )


_LOADING = """from transformers import {network}, AutoTokenizer

model = {network}.from_pretrained("THIS FOLDER")
tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER")
"""


def write_plain(run: RestoredRun, target: Path) -> Checked:
    """Write the merged model, load it from the files and compare its outputs with the run's.

    Args:
        run: The restored run; DyLoRA at the rank that was set.
        target: A new or empty folder.

    Raises:
        ConfigError: The folder is not empty.
        ModelError: The merged model's outputs are not the run's.
    """
    merged = cast("Backbone", run.method.merge(run.model))
    with whole_folder(target) as folder:
        merged.save_pretrained(folder)
        run.tokenizer().save_pretrained(folder)
        loading = _LOADING.format(network=type(merged).__name__)
        text = describe(run, "The learnt update has been added to the weights.", loading)
        (folder / "README.md").write_text(text, encoding="utf-8")
        loaded = type(merged).from_pretrained(folder, local_files_only=True)
        loaded.eval()  # type: ignore[no-untyped-call]
        return compare(run, loaded, None)
