"""A run as a plain transformers folder: the merged weights under the untouched model's names, and its tokenizer."""

from pathlib import Path
from typing import cast

from deltalora.export.check import Checked, compare
from deltalora.export.folder import describe, whole_folder
from deltalora.export.restore import RestoredRun
from deltalora.models import Backbone

_LOADING = """from transformers import {network}, AutoTokenizer

model = {network}.from_pretrained("THIS FOLDER")
tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER")
"""


def write_plain(run: RestoredRun, target: Path) -> Checked:
    """Writes the merged model and holds its outputs, loaded from the files, against the run's.

    Args:
        run: The restored run; DyLoRA at the rank that was set.
        target: A folder that does not exist yet or is empty.

    Raises:
        ConfigError: The folder is not empty.
        ModelError: The merged model's outputs are not the run's.
    """
    merged = cast("Backbone", run.method.merge(run.model))
    with whole_folder(target) as folder:
        merged.save_pretrained(folder)
        run.tokenizer().save_pretrained(folder)
        loading = _LOADING.format(network=type(merged).__name__)
        text = describe(run, "All that was learnt has been added into the weights.", loading)
        (folder / "README.md").write_text(text, encoding="utf-8")
        loaded = type(merged).from_pretrained(folder, local_files_only=True)
        loaded.eval()  # type: ignore[no-untyped-call]
        return compare(run, loaded, None)
