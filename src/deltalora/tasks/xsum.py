"""XSum: a news article in, one sentence out; every article has one reference."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deltalora import corpus
from deltalora.config.task import XSumConfig
from deltalora.errors import DataError
from deltalora.tasks.examples import Pair, Prompt, TaskData, TextData, rows_sha256
from deltalora.tasks.hub import load_from_hub
from deltalora.tasks.reading import Split
from deltalora.tasks.xsum_files import XSumRow, read_xsum, xsum_row


def load_xsum(config: XSumConfig) -> TextData:
    """Loads training, validation and scored split from the configured source.

    The scored split is `config.split`: the test split, as the paper says of its numbers, or the validation split, which
    is what QingruZhang/AdaLoRA@d10f5eb (run_summarization_no_trainer.py) summarises. The validation loss is taken on
    the validation split either way, and with split=validation the test split is not read.

    Raises:
        DataError: The source cannot be read, or an id comes twice in a split.
    """
    source = {"embedded": _from_corpus, "local": _from_folder, "hub": _from_hub}[config.source]
    rows, files = source(config)
    for split in rows:
        _check_ids(rows[split], split)
    train, validation = (
        tuple(Pair(f"{split}/{row.id}", row.document, row.summary) for row in rows[split])
        for split in ("train", "validation")
    )
    test = tuple(Prompt(f"{config.split}/{row.id}", row.document, (row.summary,)) for row in rows[config.split])
    counts = {split: len(rows[split]) for split in rows} | {"test_inputs": len(test)}
    return TaskData(train, validation, test, files, counts).cut(config.limits)


Rows = dict[Split, tuple[XSumRow, ...]]


def _splits(config: XSumConfig) -> tuple[Split, ...]:
    return ("train", "validation", "test") if config.split == "test" else ("train", "validation")


def _from_corpus(config: XSumConfig) -> tuple[Rows, dict[str, str]]:
    splits = _corpus_splits()
    rows: Rows = {
        split: tuple(XSumRow(entry.id, entry.document, entry.summary) for entry in splits[split])
        for split in _splits(config)
    }
    return rows, _hash_rows(rows)


@cache
def _corpus_splits() -> dict[str, list[corpus.XSumEntry]]:
    """Written once a process: the runs of a sweep share it."""
    return corpus.xsum_splits()


def _from_folder(config: XSumConfig) -> tuple[Rows, dict[str, str]]:
    assert config.data_dir is not None  # checked with the configuration
    found = {split: read_xsum(Path(config.data_dir), split) for split in _splits(config)}
    return {split: file.rows for split, file in found.items()}, {file.name: file.sha256 for file in found.values()}


def _from_hub(config: XSumConfig) -> tuple[Rows, dict[str, str]]:
    instead = "a folder with train, validation and test .jsonl (document, summary, id)"
    rows: Rows = load_from_hub(config.hub, instead, xsum_row, _splits(config))
    return rows, _hash_rows(rows)


def _check_ids(rows: Sequence[XSumRow], split: Split) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise DataError(f"XSum, {split} split: expected distinct ids, found {row.id!r} twice; drop one of the two")
        seen.add(row.id)


def _hash_rows(rows: Rows) -> dict[str, str]:
    return {split: rows_sha256((row.document, row.summary) for row in rows[split]) for split in rows}
