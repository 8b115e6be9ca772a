"""E2E NLG: a restaurant's slots in, English out; references grouped by distinct meaning representation.

Two file formats are read, plain or gzipped:

* the official csv (tuetschek/e2e-dataset): header `mr,ref`, one reference per row, raw text;
* the txt of microsoft/LoRA@c4593f0 (examples/NLG/data/e2e): `name : X | Type : Y||text`, one reference per line,
  already linearised and pre-tokenised.

The LoRA repository trains on, and scores against, texts whose punctuation is set apart by spaces ("family - friendly",
"It 's"). Hypotheses in one form against references in the other lose 2.7 to 3.4 BLEU, more than most methods differ by
(leave-one-out human references of the test split: 61.18 spaced against spaced, 60.46 raw against raw, 57.77 mixed). A
run therefore has one form, `TextForm`, for everything it reads, writes and is scored on.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from deltalora import metrics
from deltalora.config.task import E2EConfig
from deltalora.errors import DataError
from deltalora.metrics import Score
from deltalora.results import sha256_of_file
from deltalora.tasks.examples import Pair, Prompt, TaskData, TextData
from deltalora.tasks.reading import SPLITS, FileRows, Split, find_file, read_csv, read_lines, read_rows
from deltalora.tasks.sources import load_rows
from deltalora.tasks.task import CausalTask, Prediction, implements, scored_texts


@implements(E2EConfig)
class E2ETask(CausalTask):
    """Table 1."""

    table = "table1"
    config: E2EConfig

    def load(self) -> TextData:
        """Return all splits, in the configured text form.

        The test split is grouped: 4,693 official lines are 630 distinct inputs, each decoded once. The LoRA repository
        searches all 4,693 and then overwrites the duplicates; the texts are the same.
        """
        form = self.config.text_form
        rows, files = load_rows(
            self.config,
            SPLITS,
            embedded="e2e",
            from_files=lambda folder, split: read_split(folder, split, form),
            from_hub=lambda row, _: raw_row(row["meaning_representation"], row["human_reference"], form),
            instead="the official csv files",
            hashed=lambda row: [row],
        )
        train, validation = (
            tuple(Pair(f"{split}/{index:05d}", *row) for index, row in enumerate(rows[split])) for split in SPLITS[:2]
        )
        references: dict[str, list[str]] = {}
        for row in rows["test"]:
            references.setdefault(row.context, []).append(row.text)
        test = tuple(Prompt(f"test/{index:05d}", one, tuple(references[one])) for index, one in enumerate(references))
        counts = {split: len(rows[split]) for split in SPLITS} | {"test_inputs": len(test)}
        return TaskData(train, validation, test, files, counts).cut(self.config.limits)

    def score(self, data: TextData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """Return BLEU, NIST, METEOR, ROUGE-L, CIDEr."""
        return metrics.score_texts(*scored_texts(data.test, predictions))


#: Names under which a split is looked for, in this order.
FILE_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("trainset.csv", "train.csv", "train.txt"),
    "validation": ("devset.csv", "dev.csv", "valid.txt"),
    "test": ("testset_w_refs.csv", "test.csv", "test.txt"),
}

TextForm = Literal["raw", "tokenized"]

_TOKEN = re.compile(
    r"""
      [^\W\d_]+?(?=n['’]t(?!\w))            # do n't: the verb
    | n['’]t(?!\w)                          #         and its negation
    | ['’](?:s|S|re|ve|ll|d|m)(?!\w)        # It 's, they 're
    | \.{2,}                                # an ellipsis stays whole
    | \d+(?:[.,]\d+)+                       # 30.99
    | \d+-(?=\s*£)                          # £ 20- £ 25
    | \w+(?=['’](?:s|S|re|ve|ll|d|m)(?!\w))
    | \w+
    | [^\w\s]
    """,
    re.VERBOSE,
)

_SLOT = re.compile(r"\s*([^\[\],]+?)\s*\[([^\]]*)\]\s*(?:,|$)")

#: Slot names as the LoRA repository's files write them.
_LINEAR_NAMES = {"eatType": "Type", "priceRange": "price", "familyFriendly": "family friendly"}


class E2ERow(NamedTuple):
    """The linearised meaning representation and one text."""

    context: str
    text: str


def read_split(folder: Path, split: Split, form: TextForm) -> FileRows[E2ERow]:
    """Find and read one split in a folder; DataError also for a pre-tokenised file where raw text is wanted."""
    path = find_file(folder, FILE_NAMES[split], f"the E2E {split} split")
    if ".txt" not in path.suffixes:
        records = ((where, (row["mr"], row["ref"])) for where, row in read_csv(path, ("mr", "ref")))
        rows = read_rows(path, records, lambda fields: raw_row(*fields, form), "restore the line")
    elif form == "tokenized":
        rows = read_rows(path, read_lines(path), _tokenized_row, "restore the line")
    else:
        raise DataError(
            f"{path}: expected raw text (task.text_form=raw), found a pre-tokenised file, which "
            "cannot be turned back; set task.text_form=tokenized or give the official csv"
        )
    return FileRows({path.name: sha256_of_file(path)}, rows)


def raw_row(mr: str, ref: str, form: TextForm) -> E2ERow:
    """Return an official row in the given form; tokenised values are spaced as the texts are: `more than £ 30`."""
    context = linearise(parse_meaning_representation(mr))
    if not ref.strip():
        raise ValueError("expected a reference text, found an empty one")
    return E2ERow(context if form == "raw" else in_form(context, form), in_form(ref, form))


def _tokenized_row(line: str) -> E2ERow:
    context, separator, text = line.partition("||")
    if not separator or not context.strip() or not text.strip():
        raise ValueError(f"expected `slots||text`, found {line[:60]!r}")
    return E2ERow(context.strip(), in_form(text, "raw"))


def in_form(text: str, form: TextForm) -> str:
    """Write one line of raw English in the given form.

    `raw` only folds white space. `tokenized` also sets punctuation apart, as the data files of
    microsoft/LoRA@c4593f0 (examples/NLG/data/e2e) have it: the same characters but for spaces. The rule here reproduces
    9,265 of the 9,365 texts of their validation and test files (98.9 %); the rest are slips of the original's tokenizer
    ("isn 't" beside "is n't", "20-£25" beside "20- £ 25").
    """
    return " ".join(text.split() if form == "raw" else _TOKEN.findall(text))


def linearise(slots: Sequence[tuple[str, str]]) -> str:
    """Write `(("name", "Alimentum"), ("familyFriendly", "no"))` as `name : Alimentum | family friendly : no`."""
    return " | ".join(f"{_LINEAR_NAMES.get(slot, slot)} : {value}" for slot, value in slots)


def parse_meaning_representation(text: str) -> tuple[tuple[str, str], ...]:
    """Return the slots of `name[Alimentum], familyFriendly[no]`, in order; ValueError for another text."""
    slots: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _SLOT.match(text, position)
        if match is None:
            where, found = f"at character {position + 1}", repr(text[position : position + 30])
            raise ValueError(f"meaning representation: expected slot[value] {where}, found {found}")
        slots.append((match[1], match[2].strip()))
        position = match.end()
    if not slots:
        raise ValueError("meaning representation: expected slot[value], found nothing")
    return tuple(slots)
