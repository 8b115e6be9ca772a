"""`deltalora params`: exact integers, from shapes alone."""

import json

import pytest

from deltalora.cli import main

# microsoft/LoRA's and the paper's GPT-2 medium, counted by hand in research on the shapes: 24 layers of width 1,024.
EXPECTED = {
    "full": 354_823_168,
    "ft_frozen_embeddings": 354_823_168 - 50_257 * 1024,
    "ft_qv": 24 * 2 * 1024 * 1024,
    "lora": 24 * 2 * 2 * 4 * 1024,
    "dylora": 24 * 2 * 2 * 4 * 1024,
    "adalora": 24 * 2 * (2 * 4 * 1024 + 4),
    "delta_lora": 24 * 2 * 2 * 4 * 1024,
}


def test_the_counts_of_gpt2_medium_are_exact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "experiment=e2e", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert {name: row["trainable"] for name, row in counted.items()} == EXPECTED
    assert EXPECTED["ft_frozen_embeddings"] == 303_360_000
    assert EXPECTED["adalora"] == 393_408
    assert {name: row["extra_updatable"] for name, row in counted.items() if row["extra_updatable"]} == {
        "delta_lora": 50_331_648
    }
    assert {row["head"] for row in counted.values()} == {0}
    assert counted["lora"]["paper"]["trainable"] == "0.375M"
    assert "354,823,168" in counted["full"]["paper"]["convention"]


def test_the_counts_of_the_embedded_scale_say_nothing_of_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "experiment=e2e", "scale=embedded", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["lora"] == {"trainable": 3 * 2 * 2 * 4 * 128, "extra_updatable": 0, "head": 0, "paper": {}}


def test_the_table_for_people_shows_the_same_integers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "experiment=e2e"]) == 0
    shown = capsys.readouterr().out
    assert "354,823,168" in shown
    assert "393,408" in shown
