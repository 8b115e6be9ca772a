"""WebNLG 2017: one to seven triples in, English out; the test inputs are of seen and of unseen categories."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deltalora import corpus
from deltalora.config.task import WebNLGConfig
from deltalora.errors import DataError
from deltalora.tasks.examples import Pair, Prompt, TaskData, TextData, rows_sha256
from deltalora.tasks.hub import HubRow, load_from_hub
from deltalora.tasks.reading import SPLITS, Split
from deltalora.tasks.text_form import in_form
from deltalora.tasks.webnlg_entry import Entry, checked_entry, linearise
from deltalora.tasks.webnlg_files import read_split

#: The 2017 challenge among the configurations of the hub's `web_nlg` data set.
HUB_CONFIGURATION = "webnlg_challenge_2017"

#: The hub's test split has 4,615 rows, those of three files: testdata_with_lex (1,862), and two that repeat it.
_REPEATED = ("testdata_unseen_with_lex", "testdata_no_lex")

_INSTEAD = (
    "the folder webnlg_challenge_2017 of github.com/fuzihaofzh/webnlg-dataset (XML) or of github.com/microsoft/LoRA, "
    "examples/NLG/data (json)"
)


def load_webnlg(config: WebNLGConfig) -> TextData:
    """Loads all three splits from the configured source.

    A pair is made of every lexicalisation with the comment "good", in training and validation. A prompt is made of
    every test entry, in file order (that of the organisers' reference files), grouped "seen" or "unseen" by whether
    its category is one of the training set's ten. All as in microsoft/LoRA@c4593f0
    (examples/NLG/src/format_converting_webnlg.py and gpt2_decode.py), which takes only good lexicalisations as test
    references too; the official 4,928 are all good. It also merges test entries that linearise alike; no two do.

    `references="all"` keeps the 1 to 8 references of an input. `references="six"` keeps its first six, as upstream's
    `--ref_num 6` does; three references of two inputs are dropped. Where there are fewer, upstream writes reference 0
    once more into each empty place. That moves none of its scores: BLEU clips by the maximum count and takes the
    closest length, METEOR and pyter's TER take the best reference. It would move TER-tercom, whose denominator is the
    mean length of the references (19.02 -> 19.05 on 200 lines of a submission), so nothing is repeated here.

    Raises:
        DataError: The source cannot be read, or an entry is not one.
    """
    source = {"embedded": _from_corpus, "local": _from_folder, "hub": _from_hub}[config.source]
    entries, files = source(config)
    train, validation = (_pairs(entries[split], split) for split in SPLITS[:2])
    test = _prompts(entries["test"], None if config.references == "all" else 6)
    counts = {
        "train": len(train),
        "validation": len(validation),
        "test": sum(len(prompt.references) for prompt in test),
        "test_inputs": len(test),
        "test_seen": sum(prompt.group == "seen" for prompt in test),
        "test_unseen": sum(prompt.group == "unseen" for prompt in test),
        "train_entries": len(entries["train"]),
        "validation_entries": len(entries["validation"]),
    }
    counts |= {f"{split}_texts_not_good": sum(entry.not_good for entry in entries[split]) for split in SPLITS}
    return TaskData(train, validation, test, files, counts).cut(config.limits)


Entries = dict[Split, tuple[Entry, ...]]


def _from_corpus(config: WebNLGConfig) -> tuple[Entries, dict[str, str]]:
    splits = _corpus_splits()
    entries: Entries = {
        split: tuple(
            Entry(
                id=f"{index:05d}",
                triples=entry.triples,
                references=tuple(in_form(text, "raw") for text in entry.references),
                not_good=0,
                seen=entry.seen,
            )
            for index, entry in enumerate(splits[split])
        )
        for split in SPLITS
    }
    return entries, _hash_entries(entries)


@cache
def _corpus_splits() -> dict[str, list[corpus.WebNLGEntry]]:
    """Written once a process: the runs of a sweep share it."""
    return corpus.webnlg_splits()


def _from_folder(config: WebNLGConfig) -> tuple[Entries, dict[str, str]]:
    assert config.data_dir is not None  # checked with the configuration
    read = {split: read_split(Path(config.data_dir), split) for split in SPLITS}
    return {split: read[split].entries for split in SPLITS}, {file.name: file.sha256 for file in read.values()}


def _from_hub(config: WebNLGConfig) -> tuple[Entries, dict[str, str]]:
    rows = load_from_hub(config.hub, _INSTEAD, _hub_row, SPLITS, HUB_CONFIGURATION)
    entries: Entries = {
        split: tuple(
            checked_entry(f"{config.hub.path}: {split} entry {id} of {category}", split, id, category, triples, texts)
            for id, category, triples, texts, file in rows[split]
            if file not in _REPEATED
        )
        for split in SPLITS
    }
    return entries, _hash_entries(entries)


def _hub_row(found: HubRow) -> tuple[str, str, list[list[str]], list[tuple[str, str]], str | None]:
    """Id, category, triples, (comment, text) of each lexicalisation, and the file it is of."""
    (triples,) = found["modified_triple_sets"]["mtriple_set"]
    texts = list(zip(found["lex"]["comment"], found["lex"]["text"], strict=True))
    parts = [triple.split("|") for triple in triples]
    return found["eid"], found["category"], parts, texts, found.get("test_category")


def _pairs(entries: Sequence[Entry], split: Split) -> tuple[Pair, ...]:
    texts = ((linearise(entry.triples), text) for entry in entries for text in entry.references)
    return tuple(Pair(f"{split}/{index:05d}", context, text) for index, (context, text) in enumerate(texts))


def _prompts(entries: Sequence[Entry], most: int | None) -> tuple[Prompt, ...]:
    prompts: dict[str, Prompt] = {}
    for entry in entries:
        id = f"test/{entry.id}"
        if id in prompts:
            raise DataError(
                f"the WebNLG test split: expected each id once, found {entry.id!r} twice; give testdata_with_lex alone"
            )
        group = "seen" if entry.seen else "unseen"
        prompts[id] = Prompt(id, linearise(entry.triples), entry.references[:most], group)
    return tuple(prompts.values())


def _hash_entries(entries: Entries) -> dict[str, str]:
    return {
        split: rows_sha256((linearise(entry.triples), text) for entry in entries[split] for text in entry.references)
        for split in SPLITS
    }
