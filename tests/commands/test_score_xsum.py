"""`deltalora score xsum`: one summary a line in, ROUGE out; wrong files end with one line and exit code 2."""

import json
from pathlib import Path

import pytest

from deltalora.cli import main

NAMES = ["ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum"]


def write(folder: Path, hypotheses: str, references: str) -> list[str]:
    hyp, ref = folder / "hyp.txt", folder / "ref.txt"
    hyp.write_text(hypotheses)
    ref.write_text(references)
    return [str(hyp), str(ref)]


def test_two_files_give_the_four_scores_as_json_and_as_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, "the cat sat on the mat\n\n", "the cat was on the mat\nIt left.\n")
    assert main(["score", "xsum", *files, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert list(scores) == NAMES
    assert [one["value"] for one in scores.values()] == pytest.approx([5 / 12, 3 / 10, 5 / 12, 5 / 12])
    for name, one in scores.items():
        assert one["signature"].startswith(f"{name}|refs:1|")
    assert main(["score", "xsum", *files]) == 0
    table = capsys.readouterr().out
    assert all(name in table for name in NAMES)
    assert "0.4167" in table


@pytest.mark.parametrize(
    ("hypotheses", "references", "said"),
    [
        ("a\nb\n", "a\n", ("hyp.txt, line 2", "found 2 lines and 1 in ")),
        ("a\nb\n", "\nb\n", ("ref.txt, line 1", "found an empty line")),
    ],
)
def test_wrong_files_end_with_exit_code_two_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hypotheses: str, references: str, said: tuple[str, ...]
) -> None:
    assert main(["score", "xsum", *write(tmp_path, hypotheses, references)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    for part in said:
        assert part in captured.err
