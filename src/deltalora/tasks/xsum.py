"""XSum: a news article in, one sentence out; every article has one reference.

Each split is one file, plain or gzipped: a JSON object per line, or csv with a header; both with the fields `document`,
`summary` and `id` of the hub's data set (EdinburghNLP/xsum). Articles are kept as they are, line breaks included.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from deltalora import metrics
from deltalora.config.task import XSumConfig
from deltalora.errors import DataError
from deltalora.metrics import Score
from deltalora.results import sha256_of_file
from deltalora.tasks import reading
from deltalora.tasks.examples import Pair, Prompt, TaskData, TextData
from deltalora.tasks.forms import collate_transformations, encode_sources, encode_transformations
from deltalora.tasks.reading import SPLITS, FileRows, Split
from deltalora.tasks.sources import load_rows
from deltalora.tasks.task import Encoded, Prediction, TextTask, implements, scored_texts


@implements(XSumConfig)
class XSumTask(TextTask):
    """Table 3."""

    table = "table3"
    config: XSumConfig

    @property
    def longest(self) -> int:
        """Tokens of an article, of a training summary, or of a generated one with its start token."""
        return max(self.config.max_source_length, self.config.max_target_length, self.max_new_tokens + 1)

    @property
    def tested_on(self) -> str:
        """The test split, as the paper says of its numbers, or the validation split.

        The latter is what QingruZhang/AdaLoRA@d10f5eb (run_summarization_no_trainer.py) summarises.
        """
        return self.config.split

    def load(self) -> TextData:
        """Return the training, validation and scored split; an id that occurs twice in one is a DataError.

        The validation loss is taken on the validation split, even where that is scored and the test split not read.
        """
        scored = self.config.split
        splits = SPLITS if scored == "test" else SPLITS[:2]
        rows, files = load_rows(
            self.config,
            splits,
            embedded="xsum",
            from_files=read_split,
            from_hub=lambda row, _: checked_row(row),
            instead="a folder with train, validation and test .jsonl (document, summary, id)",
            hashed=lambda row: [(row.context, row.completion)],
        )
        for split in splits:
            twice = [id for id, count in Counter(row.id for row in rows[split]).items() if count > 1]
            if twice:
                found = f"found {twice[0]!r} twice"
                raise DataError(f"XSum, {split} split: expected distinct ids, {found}; drop one of the two")
        train, validation = (tuple(replace(row, id=f"{split}/{row.id}") for row in rows[split]) for split in SPLITS[:2])
        test = tuple(Prompt(f"{scored}/{row.id}", row.context, (row.completion,)) for row in rows[scored])
        counts = {split: len(rows[split]) for split in splits} | {"test_inputs": len(test)}
        return TaskData(train, validation, test, files, counts).cut(self.config.limits)

    def encode(self, tokenizer: PreTrainedTokenizerBase, data: TextData) -> Encoded:
        """Return articles for the encoder, summaries for the decoder."""
        lengths = (self.config.max_source_length, self.config.max_target_length)
        train, validation = (
            encode_transformations(tokenizer, split, *lengths) for split in (data.train, data.validation)
        )
        test = encode_sources(tokenizer, [prompt.context for prompt in data.test], lengths[0])
        return Encoded(train, validation, test, collate_transformations)

    def score(self, data: TextData, predictions: Sequence[Prediction]) -> dict[str, Score]:
        """Return ROUGE-1, 2, L and Lsum."""
        return metrics.score_summaries(*scored_texts(data.test, predictions))


#: Names under which a split is looked for, in this order; a sample of the test split stands in for the whole.
FILE_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train.jsonl", "train.json", "train.csv"),
    "validation": ("validation.jsonl", "validation.json", "validation.csv"),
    "test": ("test.jsonl", "test.json", "test.csv", "test_sample.jsonl"),
}


def read_split(folder: Path, split: Split) -> FileRows[Pair]:
    """Find and read one split in a folder; DataError for a file that is missing, damaged or malformed."""
    try:
        path = reading.find_file(folder, FILE_NAMES[split], f"XSum's {split} split")
    except DataError as error:
        if not folder.is_dir() or split == "test":
            raise
        raise DataError(
            f"{error}; for a trial, copy some lines of a file that you have to {FILE_NAMES[split][0]} "
            "and take them out of the other splits"
        ) from error
    fields = ("document", "summary", "id")
    records = reading.read_csv(path, fields) if ".csv" in path.suffixes else reading.read_json_lines(path)
    rows = reading.read_rows(path, records, checked_row, "restore the line")
    return FileRows({path.name: sha256_of_file(path)}, rows)


def checked_row(found: Mapping[str, object]) -> Pair:
    """Return an article and its summary under the data set's own id; the article may be empty, the summary may not."""
    raw_id = found.get("id")
    identified = {**found, "id": str(raw_id)} if type(raw_id) is int else found
    return Pair(
        id=reading.text_field(identified, "id").strip(),
        context=reading.text_field(found, "document", may_be_empty=True),
        completion=reading.text_field(found, "summary"),
    )
