"""METEOR over a paraphrase table cut to the texts answers as METEOR over the whole table."""

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from deltalora.metrics import meteor
from deltalora.metrics.java import LineProcess
from deltalora.metrics.paraphrases import cut_table, words_of
from published_outputs import E2E, WEBNLG, names, read

TABLE = meteor._JAR.parent / "data" / "paraphrase-en.gz"

#: Texts that no tokenizer has been at, each pair with paraphrases that only METEOR's normaliser uncovers.
RAW = [
    ("The U.S. can't re-elect so-called vice-presidents", "the us cannot re elect the so called vice presidents"),
    ("it's the women’s–only 1,000.50 dollars...", "it is only for women: 1,000.50 dollars ."),
    ("&quot;Bush&apos;s&quot; up-to-date café", '" bush \'s " up to date cafe'),
    ("more-or-less state-of-the-art", "more or less state of the art"),
    ("???", "a"),
]


@pytest.fixture(scope="module")
def whole() -> Iterator[LineProcess]:
    process = LineProcess("METEOR", meteor._ARGUMENTS, meteor._JAR.parent)
    yield process
    process.close()


def both(tmp_path: Path, whole: LineProcess, pairs: list[tuple[str, list[str]]]) -> tuple[list[str], list[str]]:
    table = tmp_path / "cut.gz"
    table.write_bytes(cut_table(TABLE, words_of(text for hypothesis, block in pairs for text in (hypothesis, *block))))
    cut = LineProcess("METEOR", [*meteor._ARGUMENTS, "-a", str(table)], meteor._JAR.parent)
    lines = [meteor._score_line(hypothesis, block) for hypothesis, block in pairs]
    answers = [cut.ask(line) for line in lines], [whole.ask(line) for line in lines]
    cut.close()
    return answers


@pytest.mark.parity
def test_a_cut_table_gives_the_answers_of_the_whole_one(tmp_path: Path, whole: LineProcess) -> None:
    pairs = [(first, [second]) for first, second in RAW] + [(second, [first]) for first, second in RAW]
    ours, theirs = both(tmp_path, whole, pairs)
    assert ours == theirs
    assert any(answer.split()[16:20] != ["0.0"] * 4 for answer in theirs), (
        "no paraphrase matched: the test shows nothing"
    )


@pytest.mark.parity
@pytest.mark.real_data
def test_on_published_outputs(tmp_path: Path, whole: LineProcess, shared_data: Path) -> None:
    pairs = []
    for name in (names(E2E)[-4], names(WEBNLG)[2]):
        output = read(shared_data, name)
        pairs += [(text, list(block)) for text, block in zip(output.hypotheses, output.references, strict=True)][::7]
    ours, theirs = both(tmp_path, whole, pairs)
    assert ours == theirs


def test_a_cut_table_has_no_pair_that_the_texts_cannot_touch() -> None:
    lines = gzip.decompress(cut_table(TABLE, words_of(["the european union", "the eu"]))).decode().splitlines()
    assert "european union" in lines
    assert {word for place in (1, 2) for line in lines[place::3] for word in line.split()} <= {
        "the",
        "european",
        "union",
        "eu",
    }
    assert 0 < len(lines) < 300
    assert len(lines) % 3 == 0


def test_without_a_cache_the_whole_table_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("DELTALORA_CACHE", str(tmp_path / "file" / "cache"))
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(meteor._PROCESS, "restart_with", lambda arguments: started.append(tuple(arguments)))
    with caplog.at_level(logging.WARNING):
        meteor._Paraphrases().cover(["a text"])
    assert started == [meteor._ARGUMENTS]
    assert "it reads all of it" in caplog.text
