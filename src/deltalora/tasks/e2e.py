"""E2E NLG: a restaurant's slots in, English out; references grouped by distinct meaning representation."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deltalora import corpus
from deltalora.config.task import E2EConfig
from deltalora.errors import DataError
from deltalora.tasks.e2e_files import E2ERow, linearise, parse_meaning_representation, read_split
from deltalora.tasks.examples import Pair, Prompt, TaskData, TextData, rows_sha256
from deltalora.tasks.hub import HubRow, load_from_hub
from deltalora.tasks.reading import SPLITS, Split
from deltalora.tasks.text_form import in_form


def load_e2e(config: E2EConfig) -> TextData:
    """Loads all three splits from the configured source, in the configured text form.

    The test split is grouped: 4,693 official lines are 630 distinct inputs, each decoded once. The LoRA repository
    searches all 4,693 and then overwrites the duplicates; the texts are the same.

    Raises:
        DataError: The source cannot be read, or is pre-tokenised while `text_form` is raw.
    """
    source = {"embedded": _from_corpus, "local": _from_folder, "hub": _from_hub}[config.source]
    rows, files = source(config)
    train, validation = (_pairs(rows[split], split) for split in SPLITS[:2])
    test = _prompts(rows["test"])
    counts = {split: len(rows[split]) for split in SPLITS} | {"test_inputs": len(test)}
    return TaskData(train, validation, test, files, counts).cut(config.limits)


Rows = dict[Split, tuple[E2ERow, ...]]


def _from_corpus(config: E2EConfig) -> tuple[Rows, dict[str, str]]:
    splits = _corpus_splits()
    rows: Rows = {
        split: tuple(
            E2ERow(linearise(entry.slots), in_form(text, config.text_form))
            for entry in splits[split]
            for text in entry.references
        )
        for split in SPLITS
    }
    return rows, _hash_rows(rows)


@cache
def _corpus_splits() -> dict[str, list[corpus.CorpusEntry]]:
    """Written once a process: the runs of a sweep share it."""
    return corpus.e2e_splits()


def _from_folder(config: E2EConfig) -> tuple[Rows, dict[str, str]]:
    assert config.data_dir is not None  # checked with the configuration
    folder = Path(config.data_dir)
    rows: Rows = {}
    files: dict[str, str] = {}
    for split in SPLITS:
        file = read_split(folder, split)
        if file.tokenized and config.text_form == "raw":
            raise DataError(
                f"{folder / file.name}: expected raw text (task.text_form=raw), found a pre-tokenised file, which "
                "cannot be turned back; set task.text_form=tokenized or give the official csv"
            )
        form = "raw" if file.tokenized else config.text_form  # what is tokenised already is only trimmed
        rows[split] = tuple(
            E2ERow(_context(row.context, config, file.tokenized), in_form(row.text, form)) for row in file.rows
        )
        files[file.name] = file.sha256
    return rows, files


def _from_hub(config: E2EConfig) -> tuple[Rows, dict[str, str]]:
    def row(found: HubRow) -> E2ERow:
        context = linearise(parse_meaning_representation(found["meaning_representation"]))
        return E2ERow(_context(context, config, False), in_form(found["human_reference"], config.text_form))

    rows = load_from_hub(config.hub, "the official csv files", row)
    return rows, _hash_rows(rows)


def _context(context: str, config: E2EConfig, tokenized: bool) -> str:
    """In the tokenised form values are spaced out as the texts are: `more than £ 30`."""
    return context if tokenized or config.text_form == "raw" else in_form(context, "tokenized")


def _pairs(rows: Sequence[E2ERow], split: Split) -> tuple[Pair, ...]:
    return tuple(Pair(f"{split}/{index:05d}", row.context, row.text) for index, row in enumerate(rows))


def _prompts(rows: Sequence[E2ERow]) -> tuple[Prompt, ...]:
    references: dict[str, list[str]] = {}
    for row in rows:
        references.setdefault(row.context, []).append(row.text)
    return tuple(
        Prompt(f"test/{index:05d}", context, tuple(texts)) for index, (context, texts) in enumerate(references.items())
    )


def _hash_rows(rows: Rows) -> dict[str, str]:
    return {split: rows_sha256((row.context, row.text) for row in rows[split]) for split in SPLITS}
