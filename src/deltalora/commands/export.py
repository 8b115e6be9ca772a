"""`deltalora export`: write a finished run as a plain transformers folder or as a standard peft LoRA adapter."""

from collections.abc import Sequence
from pathlib import Path

from deltalora.commands.arguments import OneLineParser
from deltalora.errors import ConfigError
from deltalora.results import Store

DESCRIPTION = """Write a finished run's model to a new folder DIR; nothing is trained and no data is read. `merged` is a
plain transformers model with its tokenizer; `peft` is a LoRA adapter on the untouched backbone, for
PeftModel.from_pretrained, from any low-rank method, Delta-LoRA included (rank 2r, exact). Before the folder appears,
its model is loaded and its logits compared with the run's, to 1e-5 of the largest."""


def export(arguments: Sequence[str]) -> int:
    """Write the export and print how close it is to the run."""
    parser = OneLineParser(prog="deltalora export", description=DESCRIPTION)
    parser.add_argument("run", help="run id, as the store's folders are named")
    parser.add_argument("--to", choices=("merged", "peft"), required=True, help="the form")
    parser.add_argument("dir", type=Path, help="folder to write; new or empty")
    parser.add_argument("--store", type=Path, default=Path("results/runs"), help="store of runs; default: results/runs")
    parser.add_argument("--model", type=Path, help="pre-trained weights, if the run had them from a local folder")
    parser.add_argument("--rank", type=int, help="DyLoRA only: the rank b to export; default: its evaluation rank")
    options = parser.parse_args(arguments)

    from deltalora.export import (
        restore,
        write_adapter,
        write_plain,
    )  # torch and peft, only once the arguments are right
    from deltalora.methods.dylora import DyLoRA

    run = restore(Store(options.store), options.run, options.model)
    if options.rank is not None:
        if not isinstance(run.method, DyLoRA):
            raise ConfigError(f"--rank is for DyLoRA, found a run of {run.config.method.name}; leave it out")
        run.method.set_rank(options.rank)
    checked = (write_adapter if options.to == "peft" else write_plain)(run, options.dir)
    form = "plain transformers model" if checked.rank is None else f"peft LoRA adapter of rank {checked.rank}"
    print(f"{options.dir}: {form}; its logits differ from the run's by {checked.difference:.1e} of the largest")
    return 0
