"""`deltalora params`: exact integers, from shapes alone."""

import json
from typing import Any

import pytest

from deltalora.cli import main

#: Counted from the shapes by hand: experiment -> method -> trainable.
#: GPT-2 medium: 24 layers of width 1,024. RoBERTa-base: 12 of 768, two labels. BART-large: 36 blocks of 1,024.
EXPECTED = {
    "e2e": {
        "full": 354_823_168,
        "ft_frozen_embeddings": 354_823_168 - 50_257 * 1024,
        "ft_qv": 24 * 2 * 1024 * 1024,
        "lora": 24 * 2 * 2 * 4 * 1024,
        "dylora": 24 * 2 * 2 * 4 * 1024,
        "adalora": 24 * 2 * (2 * 4 * 1024 + 4),
        "delta_lora": 24 * 2 * 2 * 4 * 1024,
    },
    "glue/sst2": {
        "full": 124_647_170,
        "ft_frozen_embeddings": 124_647_170 - 50_265 * 768,
        "ft_qv": 12 * 2 * 768 * 768,
        "lora": 12 * 2 * 2 * 8 * 768,
        "dylora": 12 * 2 * 2 * 8 * 768,
        "adalora": 12 * 2 * (2 * 8 * 768 + 8),
        "delta_lora": 12 * 2 * 2 * 8 * 768,
    },
    "xsum": {
        "full": 406_291_456,
        "ft_frozen_embeddings": 406_291_456 - 50_265 * 1024,
        "ft_qv": 36 * 2 * 1024 * 1024,
        "lora": 36 * 2 * 2 * 4 * 1024,
        "dylora": 36 * 2 * 2 * 4 * 1024,
        "adalora": 36 * 2 * (2 * 4 * 1024 + 4),
        "delta_lora": 36 * 2 * 2 * 4 * 1024,
    },
}
EXPECTED["webnlg"] = EXPECTED["e2e"]

#: The same, written out: full, FT without embeddings, W_Q and W_V, rank-r branches, AdaLoRA.
STATED = {
    "e2e": (354_823_168, 303_360_000, 50_331_648, 393_216, 393_408),
    "webnlg": (354_823_168, 303_360_000, 50_331_648, 393_216, 393_408),
    "glue/sst2": (124_647_170, 86_043_650, 14_155_776, 294_912, 295_104),
    "xsum": (406_291_456, 354_820_096, 75_497_472, 589_824, 590_112),
}


def counts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["params", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("experiment", EXPECTED)
def test_the_counts_of_the_papers_backbones_are_exact(capsys: pytest.CaptureFixture[str], experiment: str) -> None:
    counted = counts(capsys, f"experiment={experiment}")
    trainable = {name: row["trainable"] for name, row in counted.items()}
    assert trainable == EXPECTED[experiment]
    assert STATED[experiment] == tuple(
        trainable[name] for name in ("full", "ft_frozen_embeddings", "ft_qv", "lora", "adalora")
    )
    extra = {name: row["extra_updatable"] for name, row in counted.items() if row["extra_updatable"]}
    assert extra == {"delta_lora": trainable["ft_qv"]}


def test_the_classification_head_is_trained_by_all_and_counted_apart(capsys: pytest.CaptureFixture[str]) -> None:
    head = {name: row["head"] for name, row in counts(capsys, "experiment=glue/sst2").items()}
    apart = 768 * 768 + 768 + 2 * 768 + 2
    assert apart == 592_130
    # Where the whole backbone is trained, the head is a part of the figure.
    assert head == dict.fromkeys(head, apart) | {"full": 0, "ft_frozen_embeddings": 0}
    three = counts(capsys, "experiment=glue/mnli")
    assert (three["full"]["trainable"], three["lora"]["head"]) == (124_647_939, 592_899)
    one = counts(capsys, "experiment=glue/stsb")
    assert (one["full"]["trainable"], one["lora"]["head"]) == (124_646_401, 591_361)


def test_beside_a_count_stands_the_papers_figure_and_what_explains_it(capsys: pytest.CaptureFixture[str]) -> None:
    e2e = counts(capsys, "experiment=e2e")
    assert e2e["lora"]["paper"]["trainable"] == "0.375M"
    assert "354,823,168" in e2e["full"]["paper"]["convention"]
    xsum = counts(capsys, "experiment=xsum")
    assert xsum["lora"]["paper"]["trainable"] == "0.45M"
    assert "589,824" in xsum["lora"]["paper"]["convention"]
    glue = counts(capsys, "experiment=glue/rte")
    assert {name: row["paper"]["trainable"] for name, row in glue.items()} == {
        "full": "118.87M",
        "ft_frozen_embeddings": "82.05M",
        "ft_qv": "13.5M",
        **dict.fromkeys(("lora", "dylora", "adalora", "delta_lora"), "0.28M"),
    }


def test_the_counts_of_the_embedded_scale_say_nothing_of_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "experiment=e2e", "scale=embedded", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["lora"] == {"trainable": 3 * 2 * 2 * 4 * 128, "extra_updatable": 0, "head": 0, "paper": {}}


def test_the_table_for_people_shows_the_same_integers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "experiment=e2e"]) == 0
    shown = capsys.readouterr().out
    assert "354,823,168" in shown
    assert "393,408" in shown
