"""GLUE: one or two sentences in, a class or a similarity out; eight tasks, read and judged alike."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deltalora import corpus
from deltalora.config.task import GlueConfig, GlueDataset
from deltalora.tasks.examples import LabelledData, LabelledExample, TaskData, rows_sha256
from deltalora.tasks.glue_files import GlueRow, Part, glue_row, parts_of, read_glue
from deltalora.tasks.hub import HubRow, load_from_hub


def load_glue(config: GlueConfig) -> LabelledData:
    """Loads a task's training and validation split from the configured source.

    GLUE's test labels are secret, so scores are those of the validation split, as everywhere in the literature: it
    comes a second time as `test`. MNLI has two of them; the validation loss is taken on the matched one, and `test` is
    the matched one and then the mismatched one, each under its group and each cut to `limits.test`.

    Raises:
        DataError: The source cannot be read.
    """
    source = {"embedded": _from_corpus, "local": _from_folder, "hub": _from_hub}[config.source]
    rows, files = source(config)
    train, *validations = parts_of(config.dataset)
    scored = {_group(part): rows[part] for part in validations}
    test = {group: _labelled(found, f"test/{group}".rstrip("/"), group) for group, found in scored.items()}
    counts = {"train": len(rows[train]), "validation": len(rows[validations[0]])}
    counts |= {f"test_{group}".rstrip("_"): len(found) for group, found in test.items()}
    return TaskData(
        train=_labelled(rows[train], "train")[: config.limits.train],
        validation=_labelled(rows[validations[0]], "validation")[: config.limits.validation],
        test=tuple(example for found in test.values() for example in found[: config.limits.test]),
        files=files,
        counts=counts,
    )


Rows = dict[Part, tuple[GlueRow, ...]]


def _from_corpus(config: GlueConfig) -> tuple[Rows, dict[str, str]]:
    splits = _corpus_splits(config.dataset)
    rows: Rows = {
        part: tuple(GlueRow(entry.first, entry.second, float(entry.label)) for entry in splits[part])
        for part in parts_of(config.dataset)
    }
    return rows, _hash_rows(rows)


@cache
def _corpus_splits(dataset: GlueDataset) -> dict[str, list[corpus.GlueEntry]]:
    """Written once a process: the runs of a sweep share it."""
    return corpus.glue_splits(dataset)


def _from_folder(config: GlueConfig) -> tuple[Rows, dict[str, str]]:
    assert config.data_dir is not None  # checked with the configuration
    found = {part: read_glue(Path(config.data_dir), config.dataset, part) for part in parts_of(config.dataset)}
    files = {name: sha256 for file in found.values() for name, sha256 in file.files.items()}
    return {part: file.rows for part, file in found.items()}, files


def _from_hub(config: GlueConfig) -> tuple[Rows, dict[str, str]]:
    def row(found: HubRow) -> GlueRow:
        try:
            return glue_row(config.dataset, found)
        except ValueError as error:
            raise ValueError(f"idx {found.get('idx')}: {error}") from error

    instead = "a folder with one folder a GLUE task"
    rows: Rows = load_from_hub(config.hub, instead, row, parts_of(config.dataset), config.dataset)
    return rows, _hash_rows(rows)


def _group(part: Part) -> str:
    return part.removeprefix("validation").removeprefix("_")


def _labelled(rows: Sequence[GlueRow], prefix: str, group: str = "") -> tuple[LabelledExample, ...]:
    return tuple(
        LabelledExample(f"{prefix}/{index:06d}", row.first, row.second, row.label, group)
        for index, row in enumerate(rows)
    )


def _hash_rows(rows: Rows) -> dict[str, str]:
    return {
        part: rows_sha256((row.first, json.dumps([row.second, row.label])) for row in found)
        for part, found in rows.items()
    }
