"""GLUE: one or two sentences in, a class or a similarity out; eight tasks, read and scored alike.

Each task has a folder. Two formats are read, plain or gzipped:

* one JSON object per line, with the fields and label codes of the hub's data set (nyu-mll/glue);
* the official tsv, without quoting, classes by name or number. CoLA's has no header; MRPC may also be given as the
  paraphrase corpus' own msr_paraphrase_train.txt beside the dev_ids.tsv that says which of its pairs are validation.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from transformers import PreTrainedTokenizerBase

from deltalora import metrics, results
from deltalora.config.task import GlueConfig, GlueDataset
from deltalora.errors import DataError
from deltalora.metrics import Score
from deltalora.tasks.examples import LabelledData, LabelledExample, TaskData
from deltalora.tasks.forms import CollateExamples, encode_labelled
from deltalora.tasks.reading import FileRows, find_file, read_json_lines, read_lines, read_rows, read_text, text_field
from deltalora.tasks.sources import load_rows
from deltalora.tasks.task import Encoded, Prediction, Task, implements

_log = logging.getLogger(__name__)


@implements(GlueConfig)
class GlueTask(Task):
    """Table 4, one of eight."""

    table = "table4"
    config: GlueConfig

    @property
    def num_labels(self) -> int:
        """Width of the output layer."""
        return self.config.num_labels

    @property
    def tested_on(self) -> str:
        """The validation split, as everywhere in the literature: GLUE's test labels are secret."""
        return "validation"

    def load(self) -> LabelledData:
        """Return the training split, the validation split, and the latter once more as `test`.

        MNLI has two validation splits: the validation loss is taken on the matched one, and `test` is the matched one
        and then the mismatched one, each under its group and each cut to `limits.test`.
        """
        dataset, limits = self.config.dataset, self.config.limits
        parts = parts_of(dataset)
        rows, files = load_rows(
            self.config,
            parts,
            embedded="glue",
            from_files=lambda folder, part: read_glue(folder, dataset, part),
            from_hub=lambda row, _: glue_row(dataset, row),
            hub_folder=dataset,
            instead="a folder with one folder per GLUE task",
            hashed=lambda row: [(row.first, json.dumps(row[1:]))],
        )
        train, validation, *_ = (rows[part] for part in parts)
        scored = {part.removeprefix("validation").removeprefix("_"): rows[part] for part in parts[1:]}
        test = {group: _labelled(found, f"test/{group}".rstrip("/"), group) for group, found in scored.items()}
        counts = {"train": len(train), "validation": len(validation)}
        counts |= {f"test_{group}".rstrip("_"): len(found) for group, found in test.items()}
        return TaskData(
            train=_labelled(train, "train")[: limits.train],
            validation=_labelled(validation, "validation")[: limits.validation],
            test=tuple(example for found in test.values() for example in found[: limits.test]),
            files=files,
            counts=counts,
        )

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: LabelledData) -> Encoded:
        """Return one or two sentences with special tokens."""
        train, validation, test = (
            encode_labelled(tokenizer, split, self.longest) for split in (data.train, data.validation, data.test)
        )
        collate = CollateExamples(regression=self.num_labels == 1)
        return Encoded(train, validation, [one.input_ids for one in test], collate)

    def score(self, data: LabelledData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """Return the task's own metrics on the validation split."""
        labels, ids = [one.label for one in data.test], [one.id for one in data.test]
        groups = [one.group for one in data.test]
        return metrics.score_labels(self.config.dataset, list(map(float, predictions)), labels, ids, groups)

    def predicted(self, data: LabelledData, predictions: Sequence[Prediction]) -> list[results.Prediction]:
        """Return the sentences, the predicted and the true label."""
        return [
            results.Prediction(
                id=one.id,
                source=one.first if one.second is None else f"{one.first} || {one.second}",
                prediction=f"{float(prediction):.6g}",
                references=(f"{one.label:.6g}",),
            )
            for one, prediction in zip(data.test, predictions, strict=True)
        ]


def _labelled(rows: Sequence["GlueRow"], prefix: str, group: str = "") -> tuple[LabelledExample, ...]:
    return tuple(LabelledExample(f"{prefix}/{index:06d}", *row, group) for index, row in enumerate(rows))


#: A split as the hub names it. GLUE's test labels are secret, so no test split is ever read.
Part = Literal["train", "validation", "validation_matched", "validation_mismatched"]

#: What stands in for an official split, with a warning: a part of it, or its rows in tokenised text. A held-out sample
#: of MNLI's training split is neither of MNLI's two validation splits, and so none of these names.
STAND_INS: dict[Part, str] = {
    "train": "train_sample.jsonl",
    "validation": "heldout_sample.jsonl",
    "validation_matched": "validation_matched_tokenized.jsonl",
    "validation_mismatched": "validation_mismatched_hard_tokenized.jsonl",
}

_MSR_NAME = "msr_paraphrase_train.txt"
_COLA_COLUMNS = ("source", "label", "mark", "sentence")


class Layout(NamedTuple):
    """How a task's files are written."""

    folders: tuple[str, ...]  # names of its folder
    fields: tuple[str, ...]  # its sentences in the hub's data set; `label` stands beside them
    columns: tuple[str, ...]  # the same sentences in the official tsv's header
    label_column: str
    classes: tuple[str, ...]  # their names in the tsv, in the order of the hub's codes; none: a similarity from 0 to 5


_PAIR = ("sentence1", "sentence2")
_ENTAILMENT = ("entailment", "not_entailment")
_NLI = ("entailment", "neutral", "contradiction")

LAYOUTS: dict[GlueDataset, Layout] = {
    "cola": Layout(("cola", "CoLA"), ("sentence",), ("sentence",), "label", ("0", "1")),
    "sst2": Layout(("sst2", "SST-2"), ("sentence",), ("sentence",), "label", ("0", "1")),
    "mrpc": Layout(("mrpc", "MRPC"), _PAIR, ("#1 String", "#2 String"), "Quality", ("0", "1")),
    "qqp": Layout(("qqp", "QQP"), ("question1", "question2"), ("question1", "question2"), "is_duplicate", ("0", "1")),
    "mnli": Layout(("mnli", "MNLI"), ("premise", "hypothesis"), _PAIR, "gold_label", _NLI),
    "qnli": Layout(("qnli", "QNLI"), ("question", "sentence"), ("question", "sentence"), "label", _ENTAILMENT),
    "rte": Layout(("rte", "RTE"), _PAIR, _PAIR, "label", _ENTAILMENT),
    "stsb": Layout(("stsb", "STS-B"), _PAIR, _PAIR, "score", ()),
}


class GlueRow(NamedTuple):
    """One or two sentences as they stand in the file, and the class number or similarity."""

    first: str
    second: str | None
    label: float


def parts_of(dataset: GlueDataset) -> tuple[Part, ...]:
    """Return the labelled splits of a task, training first."""
    return ("train", "validation_matched", "validation_mismatched") if dataset == "mnli" else ("train", "validation")


def glue_row(dataset: GlueDataset, found: Mapping[str, object]) -> GlueRow:
    """Check one row in the hub's fields; ValueError if it is none of the task's.

    Only QQP may have an empty question: two of the official training rows have one (huggingface/datasets#277).
    """
    layout = LAYOUTS[dataset]
    sentences = [text_field(found, name, may_be_empty=dataset == "qqp") for name in layout.fields]
    if "label" not in found:
        raise ValueError(f"expected the field label, found {', '.join(map(str, found))}")
    return GlueRow(sentences[0], sentences[1] if sentences[1:] else None, _label(layout.classes, found["label"]))


def _label(classes: Sequence[str], value: object) -> float:
    if isinstance(value, str) and value in classes:
        return float(classes.index(value))
    highest = len(classes) - 1 if classes else 5
    number = None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if number is not None and 0 <= number <= highest and (isinstance(value, int) or not classes):
        return number
    expected = f"a class from 0 to {highest}" if classes else "a similarity from 0 to 5"
    hidden = " (the mark of a hidden test label)" if number == -1 else ""
    raise ValueError(f"expected {expected} as label, found {str(value)[:60]!r}{hidden}")


def read_glue(root: Path, dataset: GlueDataset, part: Part) -> FileRows[GlueRow]:
    """Find and read one of `parts_of(dataset)` in `root`, which has one folder per task."""
    folders = LAYOUTS[dataset].folders
    folder = next((root / name for name in folders if (root / name).is_dir()), None)
    if folder is None:
        expected = f"expected a folder with {dataset}'s files named {' or '.join(folders)}"
        fix = "set task.data_dir to the folder that has one folder per GLUE task"
        raise DataError(f"{root}: {expected}, found none; {fix}")
    official, stand_in = [f"{part}.jsonl", f"{part.replace('validation', 'dev')}.tsv"], STAND_INS[part]
    names = [*official, *([_MSR_NAME] if dataset == "mrpc" else []), stand_in]
    path = find_file(folder, names, f"{folder.name}'s {part} split")
    used = [path]
    if path.name.startswith(stand_in):
        _log.warning("%s stands in for the official %s split: scores cannot be compared with others'", path, part)
    records = read_json_lines(path) if ".jsonl" in path.suffixes else _tsv_records(path, dataset)
    if path.name.startswith(_MSR_NAME):
        used.append(find_file(folder, ("dev_ids.tsv", "mrpc_dev_ids.tsv"), f"the validation pairs' ids of {_MSR_NAME}"))
        ids = {tuple(line.split()) for line in read_text(used[1]).splitlines()}
        wanted = part == "validation"
        records = (one for one in records if ((one[1]["#1 ID"], one[1]["#2 ID"]) in ids) == wanted)
    rows = read_rows(path, records, partial(glue_row, dataset), "restore the line, or give a split with labels")
    return FileRows({file.name: results.sha256_of_file(file) for file in used}, rows)


def _tsv_records(path: Path, dataset: GlueDataset) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the rows of an official tsv under the hub's field names, and under its own.

    QQP's own file has some two dozen questions that a line break cuts in two; their rows are left out with a warning,
    as in the hub's data set. Elsewhere a short row is a damaged file.
    """
    layout = LAYOUTS[dataset]
    lines = read_lines(path)
    first = "\t".join(_COLA_COLUMNS) if dataset == "cola" else next(lines, ("", ""))[1].removesuffix("\r")
    header = first.split("\t")
    wanted = (*layout.columns, layout.label_column)
    if not set(wanted) <= set(header):
        expected = f"expected a header with the columns {', '.join(wanted)}"
        raise DataError(f"{path}:1: {expected}, found {first[:80]!r}; use the official tsv file")
    cut = 0
    for where, line in lines:
        cells = line.removesuffix("\r").split("\t")
        if dataset == "qqp" and len(cells) < len(header):
            cut += 1
            continue
        if len(cells) != len(header):
            raise DataError(f"{where}: expected {len(header)} columns, found {len(cells)}; restore the line")
        row = dict(zip(header, cells, strict=True))
        yield where, row | {name: row[column] for name, column in zip((*layout.fields, "label"), wanted, strict=True)}
    if cut:
        _log.warning("%s: %d rows that a line break cuts in two are left out", path, cut)
