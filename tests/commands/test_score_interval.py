"""`deltalora score ... --interval --against`: what the option adds, for every task, and that it moves nothing else."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from deltalora.cli import main
from deltalora.metrics import E2E_METRICS, paired_bootstrap, score_e2e

WORDS = ["the", "eagle", "is", "a", "cheap", "pub", "near", "river", "serving", "good", "food", "in", "city", "centre"]
LINES = 24


def write(folder: Path, task: str) -> tuple[list[str], str]:
    """HYP and REF, and HYP2, which is worse."""
    rng = random.Random(3)
    if task.startswith("glue/"):
        references = [str(number % 2) for number in range(LINES)]
        noise = [str(rng.randrange(2)) for _ in range(LINES)]
        good, bad = [rng.choice([a, a, b]) for a, b in zip(references, noise, strict=True)], noise
    else:
        references = [" ".join(rng.choices(WORDS, k=10)) for _ in range(LINES)]
        good, bad = ([_changed(text, rate, rng) for text in references] for rate in (0.3, 0.5))
    names = {"hyp.txt": good, "ref.txt": references, "hyp2.txt": bad}
    for name, lines in names.items():
        parting = "\n\n" if name == "ref.txt" and task in ("e2e", "webnlg") else "\n"
        (folder / name).write_text(parting.join(lines) + "\n")
    index = "".join(f"{number}\t{number % 2}\n" for number in range(LINES))
    (folder / "index.tsv").write_text("id\tseen\n" + index)
    return [str(folder / "hyp.txt"), str(folder / "ref.txt")], str(folder / "hyp2.txt")


def _changed(text: str, rate: float, rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) if rng.random() < rate else word for word in text.split())


def scores_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    assert main(["score", *arguments, "--json"]) == 0
    found: dict[str, dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("task", ["e2e", "webnlg", "webnlg --index", "xsum", "glue/mrpc", "glue/cola", "glue/stsb"])
def test_the_options_add_two_keys_and_move_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    files, other = write(tmp_path, task)
    words = [task.split()[0], *files]
    if "--index" in task:
        words += ["--index", str(tmp_path / "index.tsv"), "--upstream-blank-line"]
    plain = scores_of(capsys, *words)
    with_interval = scores_of(capsys, *words, "--interval")
    compared = scores_of(capsys, *words, "--interval", "--against", other)
    against = scores_of(capsys, words[0], other, *words[2:])
    assert list(plain) == list(with_interval) == list(compared)
    for name, one in plain.items():
        assert list(one) == ["value", "signature"]
        n = LINES // 2 if name.endswith(("-S", "-U")) else LINES
        interval = with_interval[name].pop("interval")
        assert with_interval[name] == one
        assert interval["low"] < one["value"] < interval["high"]
        settings = {key: interval[key] for key in ("confidence", "n", "resamples", "seed")}
        assert settings == {"confidence": 0.95, "n": n, "resamples": 1000, "seed": 12345}

        difference = compared[name].pop("against")
        assert compared[name] == {**one, "interval": interval}
        assert difference["value"] == against[name]["value"]
        assert difference["difference"] == one["value"] - against[name]["value"]
        assert difference["interval"]["low"] < difference["difference"] < difference["interval"]["high"]
        assert difference["test"] == "paired-bootstrap"
        resolved = difference["interval"]["low"] > 0 or difference["interval"]["high"] < 0
        # The test and the interval are of the same resamples; they may part by one of them in the tail.
        assert difference["p_value"] < 0.05 + 2 / 1001 if resolved else difference["p_value"] > 0.05 - 2 / 1001


@pytest.mark.real_data
def test_two_published_systems_are_told_apart_as_the_functions_say(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "fixtures" / "e2e_test"
    left, right = (folder / "systems" / system / "hyp.txt" for system in ("tgen", "adapt"))
    refs = folder / "refs.txt"
    found = scores_of(capsys, "e2e", str(left), str(refs), "--interval", "--against", str(right))
    scores = score_e2e(left, refs), score_e2e(right, refs)
    for name, metric in E2E_METRICS.items():
        expected = paired_bootstrap(metric, scores[0][name], scores[1][name])
        against = found[name]["against"]
        assert (against["difference"], against["p_value"]) == (expected.difference, expected.p_value)
        assert expected.interval is not None
        assert against["interval"]["low"] == expected.interval.low
        assert against["interval"]["high"] == expected.interval.high
        assert against["p_value"] == 2 / 1001


def test_the_tables_show_intervals_and_p_values_whole_in_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    files, other = write(tmp_path, "xsum")
    entry = scores_of(capsys, "xsum", *files, "--interval", "--against", other)["ROUGE-Lsum"]
    assert main(["score", "xsum", *files, "--interval", "--against", other]) == 0
    table = capsys.readouterr().out
    interval, against = entry["interval"], entry["against"]
    for cell in (
        "ROUGE-Lsum",
        f"{interval['low']:.4f} to {interval['high']:.4f}",
        f"{against['interval']['low']:.4f} to {against['interval']['high']:.4f}",
        f"{against['difference']:+.4f}",
        f"{against['p_value']:.4f}",
    ):
        assert f" {cell} " in table
    assert main(["score", "xsum", *files]) == 0
    assert "95 %" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (24, ["--against", "{other}"], "expected --against together with --interval, found it alone: add --interval"),
        (9, ["--interval"], "ROUGE-1: expected at least 10 segments to resample, found 9"),
        (24, ["--interval", "--against", "absent.txt"], "absent.txt"),
        (24, ["--interval", "--against", "{short}"], "short.txt, line 24: expected one summary line per reference"),
    ],
)
def test_what_cannot_be_compared_ends_with_exit_code_two_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: int, options: list[str], said: str
) -> None:
    files, other = write(tmp_path, "xsum")
    for path in files:
        Path(path).write_text("".join(Path(path).read_text().splitlines(keepends=True)[:lines]))
    short = tmp_path / "short.txt"
    short.write_text("".join(Path(other).read_text().splitlines(keepends=True)[:-1]))
    words = [word.format(other=other, short=short) for word in options]
    assert main(["score", "xsum", *files, *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err
