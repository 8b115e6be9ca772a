"""`deltalora score glue/TASK`: one number a line in; wrong files end with one line and exit code 2."""

import json
from pathlib import Path

import pytest

from deltalora.cli import main


def write(folder: Path, predictions: str, labels: str) -> list[str]:
    (folder / "pred.txt").write_text(predictions)
    (folder / "labels.txt").write_text(labels)
    return [str(folder / "pred.txt"), str(folder / "labels.txt")]


@pytest.mark.parametrize(
    ("task", "predictions", "labels", "expected"),
    [
        ("mnli", "0\n1\n2\n2\n", "0\n1\n2\n0\n", {"Accuracy": 0.75}),
        ("mrpc", "1\n1\n0\n0\n", "1\n0\n0\n0\n", {"Accuracy": 0.75, "F1": 2 / 3}),
        ("cola", "1\n1\n0\n0\n", "1\n0\n0\n0\n", {"Matthews": 3**-0.5}),
        ("stsb", "0.5\n-1\n7\n", "1\n0.0\n5\n", {"Pearson": 0.99992, "Spearman": 1.0}),
        ("rte", "1.0\n0\n", "1\n0", {"Accuracy": 1.0}),
    ],
)
def test_two_files_give_the_tasks_own_metrics(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    predictions: str,
    labels: str,
    expected: dict[str, float],
) -> None:
    assert main(["score", f"glue/{task}", *write(tmp_path, predictions, labels), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {name: one["value"] for name, one in scores.items()} == pytest.approx(expected, abs=5e-5)
    for name, one in scores.items():
        assert one["signature"].startswith(f"{name}|task:{task}|n:")


@pytest.mark.parametrize(
    ("task", "predictions", "labels", "said"),
    [
        ("sst2", "0\n1\n", "0\n2\n", "labels.txt, line 2: expected a class number from 0 to 1 (glue/sst2), found '2'"),
        ("sst2", "0\n3\n", "0\n1\n", "pred.txt, line 2: expected a class number from 0 to 1 (glue/sst2), found '3'"),
        ("rte", "0\nentailment\n", "0\n1\n", "pred.txt, line 2: expected a class number from 0 to 1"),
        ("rte", "0\n\n", "0\n1\n", "found ''"),
        ("stsb", "0\nnan\n", "0\n1\n", "pred.txt, line 2: expected a finite number (glue/stsb), found 'nan'"),
        ("stsb", "0\n1\n", "0\n5.1\n", "labels.txt, line 2: expected a similarity from 0 to 5"),
        (
            "cola",
            "0\n1\n1\n",
            "0\n1\n",
            "pred.txt, line 3: expected one prediction per label, found 3 lines",
        ),
        ("cola", "", "0\n1\n", "pred.txt, line 1"),
        ("wnli", "0\n", "0\n", "invalid choice: 'glue/wnli'"),
    ],
)
def test_wrong_files_end_with_exit_code_two_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str, predictions: str, labels: str, said: str
) -> None:
    assert main(["score", f"glue/{task}", *write(tmp_path, predictions, labels)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err
