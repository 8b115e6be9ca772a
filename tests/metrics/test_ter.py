"""Both TERs: equal to the libraries' edits on random and on real texts, and kept on disk without ever being wrong."""

import json
import math
from collections.abc import Callable
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.lib_ter import translation_edit_rate
from sacrebleu.metrics.ter import TER

from deltalora.metrics import ter, ter_tercom
from deltalora.metrics.disk_cache import cache_folder, cached
from deltalora.metrics.edit_distance import EditDistance, Question, distances, least_distance, search_all, shifted
from fidelity import Fidelity
from published_outputs import WEBNLG, names, read
from scored_outputs import statistics

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/metrics/pyter_edits.json").read_text(encoding="utf-8"))

WORDS = st.lists(st.sampled_from("abcde"), max_size=14)
REFERENCE = st.lists(st.sampled_from("abcde"), min_size=1, max_size=14)


def plain_distance(first: list[str], second: list[str]) -> int:
    row = list(range(len(second) + 1))
    for i, word in enumerate(first, start=1):
        left, row[0] = row[0], i
        for j, other in enumerate(second, start=1):
            left, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, left + (word != other))
    return row[-1]


@pytest.mark.property
@settings(deadline=None, max_examples=300, derandomize=True)
@given(words=WORDS, reference=REFERENCE)
def test_the_distance_is_levenshteins(words: list[str], reference: list[str]) -> None:
    distance = EditDistance(reference).distance(words)
    assert distance == plain_distance(words, reference)
    assert least_distance(words, reference) <= distance


@pytest.mark.property
def test_shifts_of_many_texts_at_once_have_the_distances_of_each_alone() -> None:
    """References of up to 80 words: those of over 64, which no sweep takes, stand among the others."""
    rng = np.random.default_rng(5)
    questions = []
    for number in range(60):
        words, reference = ([str(one) for one in rng.integers(9, size=rng.integers(1, 81))] for _ in range(2))
        drawn = (sorted(rng.integers(len(words) + 1, size=2).tolist()) for _ in range(number % 4 * 200))
        shifts = [(start, end - start, int(rng.integers(len(words) + 1))) for start, end in drawn]
        questions.append(Question(EditDistance(reference), words, shifts))
    assert any(question.table.columns > 64 for question in questions)
    alone = [
        [question.table.distance(shifted(question.words, shift)) for shift in question.shifts] for question in questions
    ]
    assert distances(questions) == alone


def edits(module: ModuleType, words: list[str], reference: list[str]) -> int:
    (found,) = search_all([module.edits(words, reference)])
    return int(found)


@pytest.mark.property
@pytest.mark.parity
@settings(deadline=None, max_examples=300, derandomize=True)
@given(words=WORDS, reference=REFERENCE)
def test_tercom_edits_are_sacrebleus(words: list[str], reference: list[str]) -> None:
    assert edits(ter_tercom, words, reference) == translation_edit_rate(words, reference)[0]


@pytest.mark.parity
def test_tercom_edits_are_sacrebleus_beyond_its_beam_and_its_number_of_candidates() -> None:
    rng = np.random.default_rng(3)
    for length, kinds in ((50, 4), (80, 40)):
        words = [str(one) for one in rng.integers(kinds, size=length)]
        moved = words[length // 2 :] + words[: length // 2]
        assert edits(ter_tercom, words, moved) == translation_edit_rate(words, moved)[0]
        other = [str(one) for one in rng.integers(kinds, size=length // 2)]
        assert edits(ter_tercom, words, other) == translation_edit_rate(words, other)[0]
    assert edits(ter_tercom, [], ["a", "b"]) == 2


@pytest.mark.golden
def test_pyter_edits_are_pyters(fidelity: Fidelity) -> None:
    assert len(GOLDEN["cases"]) >= 100
    pairs = [(case["hypothesis"].split(), case["reference"].split()) for case in GOLDEN["cases"]]
    found = search_all(ter.edits(hypothesis, reference) for hypothesis, reference in pairs)
    ours = [edits / len(reference) for edits, (_, reference) in zip(found, pairs, strict=True)]
    fidelity.close("WebNLG TER", "pyter3 0.3", "150 random pairs", ours, [case["ter"] for case in GOLDEN["cases"]], 0)


@pytest.mark.parity
@pytest.mark.real_data
@pytest.mark.parametrize("name", names(WEBNLG))
def test_tercom_rates_of_real_outputs_are_sacrebleus(shared_data: Path, fidelity: Fidelity, name: str) -> None:
    output = read(shared_data, name)
    rows = range(0, len(output.ids), 150)
    texts, blocks = [output.hypotheses[row] for row in rows], [output.references[row] for row in rows]
    expected = TER().corpus_score(texts, list(zip_longest(*blocks))).score / 100
    ours = ter_tercom.TerTercom().aggregate(statistics(ter_tercom.TerTercom(), output)[list(rows)])
    fidelity.close("TER-tercom", f"sacrebleu {version('sacrebleu')}", "every 150th input", ours, expected, 1e-12)


def test_ter_is_the_mean_of_the_lowest_rates_and_tercom_a_rate_of_sums(fresh_cache: Path) -> None:
    texts = ["a b c d", "x y"]
    blocks = [["a b c e", "d c b a f g"], ["x z w v"]]
    assert ter.Ter().score(texts, blocks).value == pytest.approx((1 / 4 + 3 / 4) / 2)
    assert ter_tercom.TerTercom().score(texts, blocks).value == pytest.approx((1 + 3) / (5 + 4))


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELTALORA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Count:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> ter.Statistics:
        self.calls += 1
        return np.array([[0.25], [1 / 3]])


TEXTS, BLOCKS = ["a b", "c"], [["a"], ["c", "d"]]


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_statistics_are_computed_once_and_come_back_exactly(fresh_cache: Path) -> None:
    compute = Count()
    first = cached("v1", TEXTS, BLOCKS, compute)
    again = cached("v1", TEXTS, BLOCKS, compute)
    assert compute.calls == 1
    assert (first == again).all()
    assert len(entries(fresh_cache)) == 1


@pytest.mark.parametrize(
    ("version", "texts", "blocks"),
    [
        ("v2", TEXTS, BLOCKS),
        ("v1", ["a b", "d"], BLOCKS),
        ("v1", TEXTS, [["a"], ["c"]]),
        ("v1", TEXTS, [["a", "c"], ["d"]]),
    ],
)
def test_other_versions_texts_or_references_are_another_entry(
    fresh_cache: Path, version: str, texts: list[str], blocks: list[list[str]]
) -> None:
    compute = Count()
    cached("v1", TEXTS, BLOCKS, compute)
    cached(version, texts, blocks, compute)
    assert compute.calls == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-3],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"\0" * len(content),
    ],
)
def test_a_damaged_entry_is_computed_again_and_mended(fresh_cache: Path, damage: Callable[[bytes], bytes]) -> None:
    compute = Count()
    expected = cached("v1", TEXTS, BLOCKS, compute)
    (entry,) = entries(fresh_cache)
    entry.write_bytes(damage(entry.read_bytes()))
    assert (cached("v1", TEXTS, BLOCKS, compute) == expected).all()
    assert (cached("v1", TEXTS, BLOCKS, compute) == expected).all()
    assert compute.calls == 2


def test_a_folder_that_cannot_be_written_means_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DELTALORA_CACHE", str(tmp_path / "file" / "cache"))
    compute = Count()
    assert cached("v1", TEXTS, BLOCKS, compute)[0, 0] == 0.25
    cached("v1", TEXTS, BLOCKS, compute)
    assert compute.calls == 2


def test_the_folder_is_the_named_one_or_that_of_the_users_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTALORA_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("DELTALORA_CACHE")
    assert cache_folder() == Path("/b/deltalora")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert cache_folder() == Path("/c/.cache/deltalora")


def test_ter_reads_what_it_kept(fresh_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = ter.Ter().score(["a b c"], [["a c"]]).value

    def never(*_: object) -> float:
        raise AssertionError("computed again")

    monkeypatch.setattr(ter, "_best_rate", never)
    assert math.isclose(ter.Ter().score(["A  b c"], [["a c"]]).value, value)
