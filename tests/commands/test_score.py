"""`deltalora score e2e`: files in, the official digits out; wrong files end with one line and exit code 2."""

import json
from pathlib import Path

import pytest

from deltalora.cli import main


@pytest.mark.real_data
def test_the_official_example_scores_as_the_official_scorer_says(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "fixtures" / "e2e_metrics_example"
    official = json.loads((folder / "systems" / "baseline" / "scores.json").read_text())
    code = main(["score", "e2e", str(folder / "systems/baseline/hyp.txt"), str(folder / "refs.txt"), "--json"])
    scores = json.loads(capsys.readouterr().out)
    assert code == 0
    assert list(scores) == ["BLEU", "NIST", "METEOR", "ROUGE-L", "CIDEr", "BLEU-mteval", "NIST-mteval"]
    for name in ("BLEU", "METEOR", "CIDEr"):
        assert scores[name]["value"] == pytest.approx(official["metrics"][name], abs=5e-5)
        assert scores[name]["signature"].startswith(f"{name}|")


HYPOTHESES = "a b c d .\nb c d e .\n"
REFERENCES = "a b c d .\na b c .\n\nb c d e f .\n"


@pytest.mark.parametrize(
    ("hypotheses", "references", "said"),
    [
        (HYPOTHESES + "one too many\n", REFERENCES, ("3", "2")),
        (HYPOTHESES, REFERENCES + "\nanother block\n", ("2", "3")),
        ("", REFERENCES, ("hyp.txt",)),
        (HYPOTHESES, "", ("ref.txt",)),
        (b"caf\xe9 .\nb .\n", REFERENCES, ("hyp.txt", "UTF-8")),
        (None, REFERENCES, ("hyp.txt",)),
    ],
)
def test_wrong_files_end_with_exit_code_two_and_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    hypotheses: str | bytes | None,
    references: str,
    said: tuple[str, ...],
) -> None:
    hyp, ref = tmp_path / "hyp.txt", tmp_path / "ref.txt"
    if hypotheses is not None:
        hyp.write_bytes(hypotheses if isinstance(hypotheses, bytes) else hypotheses.encode())
    ref.write_text(references)
    assert main(["score", "e2e", str(hyp), str(ref)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    for part in said:
        assert part in captured.err
