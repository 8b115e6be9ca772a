"""GLUE's own files: every layout read alike, and what is wrong said in one line."""

import gzip
import json
from pathlib import Path

import pytest

from deltalora.config.task import GlueDataset
from deltalora.errors import DataError
from deltalora.tasks.glue import LAYOUTS, GlueRow, Part, parts_of, read_glue

#: Task -> folder and lines of its official training tsv, and the rows that are in it. Layouts as in the files of
#: https://dl.fbaipublicfiles.com/glue/data; a quotation mark is a character like any other.
TSV: dict[GlueDataset, tuple[str, str, list[GlueRow]]] = {
    "cola": (
        "CoLA",
        'gj04\t1\t\tThey drank the "pub dry.\ngj04\t0\t*\tThey drank the pub.\n',
        [GlueRow('They drank the "pub dry.', None, 1.0), GlueRow("They drank the pub.", None, 0.0)],
    ),
    "sst2": (
        "SST-2",
        "sentence\tlabel\nit 's a charming journey . \t1\nbleak\t0\n",
        [GlueRow("it 's a charming journey . ", None, 1.0), GlueRow("bleak", None, 0.0)],
    ),
    "mrpc": (
        "MRPC",
        '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t702876\t702977\t" He said so .\tSo " he said .\n',
        [GlueRow('" He said so .', 'So " he said .', 1.0)],
    ),
    "qqp": (
        "QQP",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
        "201359\t303345\t303346\tWhy is it so?\tWhy are they so?\t0\n"
        "1\t2\t3\tHow can I develop an app?\t\t0\n",
        [GlueRow("Why is it so?", "Why are they so?", 0.0), GlueRow("How can I develop an app?", "", 0.0)],
    ),
    "mnli": (
        "MNLI",
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
        "sentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
        + "".join(
            f"{index}\t31193\t31193n\ttravel\t( a )\t( b )\t(ROOT)\t(ROOT)\tA.\tB.\tneutral\t{gold}\r\n"
            for index, gold in enumerate(("entailment", "neutral", "contradiction"))
        ),
        [GlueRow("A.", "B.", 0.0), GlueRow("A.", "B.", 1.0), GlueRow("A.", "B.", 2.0)],
    ),
    "qnli": (
        "QNLI",
        "index\tquestion\tsentence\tlabel\n0\tWhat came?\tIt came.\tentailment\n1\tWho?\tThat.\tnot_entailment\n",
        [GlueRow("What came?", "It came.", 0.0), GlueRow("Who?", "That.", 1.0)],
    ),
    "rte": (
        "RTE",
        "index\tsentence1\tsentence2\tlabel\n57\tA text.\tA claim.\tnot_entailment\n81\tT\u2028x.\tH.\tentailment\n",
        [GlueRow("A text.", "A claim.", 1.0), GlueRow("T\u2028x.", "H.", 0.0)],
    ),
    "stsb": (
        "STS-B",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
        "0\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\tA plane.\tAn air plane.\t3.800\n",
        [GlueRow("A plane.", "An air plane.", 3.8)],
    ),
}


@pytest.mark.parametrize("dataset", TSV)
def test_an_official_tsv_is_the_hubs_rows(tmp_path: Path, dataset: GlueDataset) -> None:
    name, lines, rows = TSV[dataset]
    (tmp_path / name).mkdir()
    (tmp_path / name / "train.tsv").write_text(lines, encoding="utf-8", newline="")
    assert list(read_glue(tmp_path, dataset, "train").rows) == rows

    fields = LAYOUTS[dataset].fields
    folder = tmp_path / "lines" / dataset
    folder.mkdir(parents=True)
    with gzip.open(folder / "train.jsonl.gz", "wt", encoding="utf-8") as file:
        for row in rows:
            sentences = dict(zip(fields, (row.first, row.second), strict=False))
            label = row.label if dataset == "stsb" else int(row.label)
            file.write(json.dumps({**sentences, "label": label, "idx": 0}, ensure_ascii=False) + "\n")
    assert list(read_glue(tmp_path / "lines", dataset, "train").rows) == rows


def test_every_official_name_of_a_validation_split_is_read(tmp_path: Path) -> None:
    _, mnli, _ = TSV["mnli"]
    _, rte, _ = TSV["rte"]
    (tmp_path / "MNLI").mkdir()
    (tmp_path / "RTE").mkdir()
    (tmp_path / "MNLI" / "dev_matched.tsv").write_text(mnli)
    (tmp_path / "MNLI" / "dev_mismatched.tsv").write_text("\n".join(mnli.splitlines()[:2]))
    (tmp_path / "RTE" / "dev.tsv").write_text(rte, encoding="utf-8")
    assert parts_of("mnli") == ("train", "validation_matched", "validation_mismatched")
    assert len(read_glue(tmp_path, "mnli", "validation_matched").rows) == 3
    assert len(read_glue(tmp_path, "mnli", "validation_mismatched").rows) == 1
    assert len(read_glue(tmp_path, "rte", "validation").rows) == 2


def test_a_development_tsv_of_mnli_has_its_gold_label_behind_five_others(tmp_path: Path) -> None:
    """As dev_matched.tsv has it."""
    header = "index\tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n"
    (tmp_path / "mnli").mkdir()
    (tmp_path / "mnli" / "dev_matched.tsv").write_text(
        header + "0\tThe new rights.\tEveryone.\tneutral\tentailment\tneutral\tneutral\tneutral\tneutral\n"
    )
    assert read_glue(tmp_path, "mnli", "validation_matched").rows == (GlueRow("The new rights.", "Everyone.", 1.0),)


def test_mrpc_is_cut_in_two_by_the_ids_of_its_validation_pairs(tmp_path: Path) -> None:
    folder = tmp_path / "MRPC"
    folder.mkdir()
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    rows = [f"{index % 2}\t{index}\t{index + 50}\tFirst {index}.\tSecond {index}.\n" for index in range(5)]
    (folder / "msr_paraphrase_train.txt").write_text(header + "".join(rows))
    with pytest.raises(DataError, match=r"the validation pairs' ids of msr_paraphrase_train\.txt as dev_ids\.tsv or"):
        read_glue(tmp_path, "mrpc", "train")
    (folder / "dev_ids.tsv").write_text("1\t51\n4\t54\n52\t2\n")
    train, validation = (read_glue(tmp_path, "mrpc", part) for part in parts_of("mrpc"))
    assert [row.first for row in train.rows] == ["First 0.", "First 2.", "First 3."]
    assert [row.first for row in validation.rows] == ["First 1.", "First 4."]
    assert train.files == validation.files
    assert train.files.keys() == {"msr_paraphrase_train.txt", "dev_ids.tsv"}


def test_rows_of_qqp_that_a_line_break_cuts_in_two_are_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in the official file, around line 97,931 (nyu-mll/GLUE-baselines#5)."""
    name, lines, rows = TSV["qqp"]
    (tmp_path / name).mkdir()
    broken = '5\t6\t7\tWho?\t"\n"\tWas he real? What is the evidence?\t0\n'
    (tmp_path / name / "train.tsv").write_text(lines + broken)
    assert list(read_glue(tmp_path, "qqp", "train").rows) == rows
    assert "train.tsv: 2 rows that a line break cuts in two are left out" in caplog.text


def test_an_official_split_is_taken_before_a_sample_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "rte"
    folder.mkdir()
    (folder / "train_sample.jsonl").write_bytes(RTE)
    assert read_glue(tmp_path, "rte", "train").files.keys() == {"train_sample.jsonl"}
    (folder / "train.tsv").write_text(TSV["rte"][1], encoding="utf-8")
    assert read_glue(tmp_path, "rte", "train").files.keys() == {"train.tsv"}


def line(**changes: object) -> bytes:
    row: dict[str, object] = {"sentence1": "A text.", "sentence2": "A claim.", "label": 1, "idx": 0}
    return json.dumps({key: value for key, value in (row | changes).items() if value is not None}).encode() + b"\n"


RTE = line()
RTE_HEADER = b"index\tsentence1\tsentence2\tlabel\n"
RTE_TSV = RTE_HEADER + b"0\ta\tb\tentailment\n"
COLA_TSV = b"gj04\t1\t\tA sentence.\n"

BAD: dict[str, tuple[GlueDataset, str, bytes, str]] = {
    "an empty file": ("rte", "train.jsonl", b"", ": expected at least one example, found none"),
    "an empty tsv": ("rte", "train.tsv", b"", ":1: expected a header with the columns sentence1, sentence2, label"),
    "an empty tsv without header": ("cola", "train.tsv", b"", ": expected at least one example, found none"),
    "a header and no row": ("rte", "train.tsv", RTE_HEADER, ": expected at least one example, found none"),
    "a cut line": ("rte", "train.jsonl", RTE + RTE[:20], ":2: expected one JSON object per line, found '{\"sentence1"),
    "a class above the last": (
        "rte",
        "train.jsonl",
        RTE + line(label=2),
        ":2: expected a class from 0 to 1 as label, found '2'; restore the line",
    ),
    "a class above MNLI's last": (
        "mnli",
        "train.jsonl",
        b'{"premise": "a", "hypothesis": "b", "label": 3}\n',
        ":1: expected a class from 0 to 2 as label, found '3'",
    ),
    "a hidden label": (
        "rte",
        "train.jsonl",
        RTE + line(label=-1),
        ":2: expected a class from 0 to 1 as label, found '-1' (the mark of a hidden test label); restore the line, or",
    ),
    "a hidden similarity": ("stsb", "train.jsonl", line(label=-1.0), ":1: expected a similarity from 0 to 5 as label"),
    "a similarity of six": ("stsb", "train.jsonl", line(label=5.5), ":1: expected a similarity from 0 to 5 as label"),
    "no number": (
        "stsb",
        "train.jsonl",
        b'{"sentence1": "a", "sentence2": "b", "label": NaN}\n',
        ":1: expected",
    ),
    "a word for a similarity": ("stsb", "train.jsonl", line(label="much"), ":1: expected a similarity from 0 to 5"),
    "half a class": ("rte", "train.jsonl", line(label=0.5), ":1: expected a class from 0 to 1 as label, found '0.5'"),
    "a truth value": (
        "rte",
        "train.jsonl",
        line(label=True),
        ":1: expected a class from 0 to 1 as label, found 'True'",
    ),
    "an unknown class": ("rte", "train.jsonl", line(label="neutral"), ":1: expected a class from 0 to 1 as label"),
    "no label": ("rte", "train.jsonl", line(label=None), ":1: expected the field label, found sentence1, sentence2"),
    "no sentence": ("rte", "train.jsonl", line(sentence2=None), ":1: expected the field sentence2, found sentence1"),
    "an empty sentence": (
        "rte",
        "train.jsonl",
        RTE + line(sentence1="  "),
        ":2: expected text in the field sentence1, found an empty one; restore the line",
    ),
    "a sentence that is a number": (
        "rte",
        "train.jsonl",
        line(sentence1=7),
        ":1: expected text in the field sentence1, found 7",
    ),
    "another task's file": ("cola", "train.jsonl", RTE, ":1: expected the field sentence, found sentence1, sentence2"),
    "a tsv without header": (
        "rte",
        "train.tsv",
        b"0\ta\tb\tentailment\n",
        ":1: expected a header with the columns sentence1, sentence2, label, found '0\\ta",
    ),
    "a short row": ("rte", "train.tsv", RTE_TSV + b"1\ta\tb\n", ":3: expected 4 columns, found 3; restore the line"),
    "a long row": ("rte", "train.tsv", RTE_TSV + b"1\ta\tb\tc\td\n", ":3: expected 4 columns, found 5"),
    "a long row of QQP": (
        "qqp",
        "train.tsv",
        TSV["qqp"][1].encode() + b"1\t2\t3\ta\tb\t0\t9\n",
        ":4: expected 6 columns, found 7",
    ),
    "a blank row": ("cola", "train.tsv", COLA_TSV + b"\n" + COLA_TSV, ":2: expected 4 columns, found 1"),
    "an unknown class in a tsv": (
        "rte",
        "train.tsv",
        RTE_TSV + b"1\ta\tb\tentail\n",
        ":3: expected a class from 0 to 1 as label, found 'entail'",
    ),
    "a class of CoLA that is none": (
        "cola",
        "train.tsv",
        b"gj04\t2\t\tx\n",
        ":1: expected a class from 0 to 1 as label",
    ),
    "no UTF-8": ("rte", "train.jsonl", RTE + b"\xe9\n", ":2: expected UTF-8 text, found byte 0xe9"),
    "no gzip": ("rte", "train.jsonl.gz", RTE, ": expected a whole gzip file"),
    "a cut gzip": ("rte", "train.jsonl.gz", gzip.compress(RTE * 99)[:-9], ": expected a whole gzip file"),
    "a cut gzip of a tsv": ("rte", "train.tsv.gz", gzip.compress(RTE_TSV)[:-9], ": expected a whole gzip file"),
}


@pytest.mark.parametrize(("dataset", "name", "data", "expected"), BAD.values(), ids=BAD.keys())
def test_a_broken_file_is_one_line_that_names_file_and_line(
    tmp_path: Path, dataset: GlueDataset, name: str, data: bytes, expected: str
) -> None:
    (tmp_path / dataset).mkdir()
    path = tmp_path / dataset / name
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_glue(tmp_path, dataset, "train")
    assert str(caught.value).startswith(f"{path}{expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "part", "expected"),
    [
        ("rte", "train", r"rte's train split as train\.jsonl or train\.tsv or train_sample\.jsonl \(or \.gz\)"),
        ("mrpc", "validation", r"mrpc's validation split as validation\.jsonl or dev\.tsv or msr_paraphrase_train"),
        (
            "mnli",
            "validation_mismatched",
            r"mnli's validation_mismatched split as validation_mismatched\.jsonl or",
        ),
    ],
)
def test_a_missing_split_is_named_with_the_names_it_may_have(
    tmp_path: Path, dataset: GlueDataset, part: Part, expected: str
) -> None:
    (tmp_path / dataset).mkdir()
    (tmp_path / dataset / "heldout.jsonl").write_bytes(RTE)
    with pytest.raises(DataError, match=expected):
        read_glue(tmp_path, dataset, part)


def test_a_missing_folder_says_what_to_set(tmp_path: Path) -> None:
    expected = r"expected a folder with stsb's files named stsb or STS-B, found none; set task\.data_dir"
    with pytest.raises(DataError, match=expected):
        read_glue(tmp_path / "nowhere", "stsb", "train")


@pytest.mark.real_data
def test_a_sample_of_mnlis_training_split_is_no_validation_split(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "mnli").mkdir()
    for name in ("train_sample.jsonl.gz", "heldout_sample.jsonl.gz"):
        (tmp_path / "mnli" / name).write_bytes((shared_data / "glue" / "mnli" / name).read_bytes())
    assert len(read_glue(tmp_path, "mnli", "train").rows) == 8_999
    with pytest.raises(DataError, match="expected mnli's validation_matched split"):
        read_glue(tmp_path, "mnli", "validation_matched")


#: Rows of the data folder's README that no loader takes by itself: file, task they are of, rows.
FURTHER = [("qnli", "heldout_sample.jsonl.gz", 1_000), ("mnli", "heldout_sample.jsonl.gz", 1_000)]


@pytest.mark.real_data
@pytest.mark.parametrize(("dataset", "name", "rows"), FURTHER)
def test_the_held_out_samples_are_whole_too(
    shared_data: Path, tmp_path: Path, dataset: GlueDataset, name: str, rows: int
) -> None:
    (tmp_path / dataset).mkdir()
    (tmp_path / dataset / "train.jsonl.gz").write_bytes((shared_data / "glue" / dataset / name).read_bytes())
    assert len(read_glue(tmp_path, dataset, "train").rows) == rows
