"""ROUGE: small cases by hand, the package called directly, the corners, and what a bootstrap relies on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer
from nltk.tokenize.punkt import PunktSentenceTokenizer
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.scoring import BootstrapAggregator

import deltalora
from deltalora.errors import DataError, MetricError
from deltalora.metrics import XSUM_METRICS, score_summaries, score_xsum
from deltalora.metrics.rouge import Rouge, _f_measures
from fidelity import Fidelity
from published_outputs import XSUM, names, read
from scored_outputs import statistics

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/metrics/xsum.json").read_text(encoding="utf-8"))
TYPES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]


def values(hypothesis: str, *references: str) -> list[float]:
    return [score.value for score in score_summaries([hypothesis], [list(references)]).values()]


def directly(hypothesis: str, reference: str) -> list[float]:
    """The four f-measures as transformers' summarization script gets them, with the untrained splitter."""
    split = PunktSentenceTokenizer().tokenize
    scorer = RougeScorer(TYPES, use_stemmer=True)
    scores = scorer.score("\n".join(split(reference.strip())), "\n".join(split(hypothesis.strip())))
    return [scores[name].fmeasure for name in TYPES]


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        # 5 of 6 words, 3 of 5 bigrams, "the cat .. on the mat"
        ("The cat sat on the mat.", "the cat was on the mat", [5 / 6, 3 / 5, 5 / 6, 5 / 6]),
        # P = 4/4, R = 4/6: F = 0.8; bigrams P = 3/3, R = 3/5: F = 0.75; "killed" and "kill" have one stem
        ("Police kill the gunman", "police killed the gunman in town", [0.8, 0.75, 0.8, 0.8]),
        # the second "the" of the hypothesis has no partner: P = 1/2, R = 1/1
        ("the the", "the", [2 / 3, 0, 2 / 3, 2 / 3]),
        # sentences in another order: the subsequence is 3 of 6 words long, the union over sentences is whole
        ("Two men left. Police came early.", "Police came early. Two men left.", [1, 4 / 5, 1 / 2, 1]),
        ("nothing here", "in common", [0, 0, 0, 0]),
    ],
)
def test_small_cases_equal_what_the_hand_computes(hypothesis: str, reference: str, expected: list[float]) -> None:
    assert values(hypothesis, reference) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("hypothesis", ["", "  ", "...", "£ – ?"])
def test_a_hypothesis_without_words_scores_zero(hypothesis: str) -> None:
    assert values(hypothesis, "a reference") == [0, 0, 0, 0]


def test_equal_texts_score_one_except_where_there_is_nothing_to_count() -> None:
    assert values("Ghana must not drill for oil.", "Ghana must not drill for oil.") == [1, 1, 1, 1]
    assert values("Ghana", "Ghana") == [1, 0, 1, 1]
    assert values("Αθήνα", "Αθήνα") == [0, 0, 0, 0]


def test_characters_outside_a_to_z_and_digits_part_words() -> None:
    assert values("a café opens", "a caf opens") == [1, 1, 1, 1]
    assert values("naïve", "na ve") == [1, 1, 1, 1]
    assert values("£3.5m", "3 5m") == [1, 1, 1, 1]


def test_the_untrained_splitter_ends_a_sentence_at_an_abbreviation_which_moves_lsum_only() -> None:
    # As one sentence each, Lsum would be ROUGE-L: 2 of 3 words.
    assert values("Smith left, Mr", "Mr. Smith left") == pytest.approx([1, 1 / 2, 2 / 3, 1])


def test_of_several_references_each_variant_takes_its_best() -> None:
    words, order = "mat the on sat cat the", "the cat sat"
    expected = np.max([values("the cat sat on the mat", one) for one in (words, order)], axis=0)
    assert values("the cat sat on the mat", words, order) == pytest.approx(list(expected))
    assert values("the cat sat on the mat", words)[0] > values("the cat sat on the mat", order)[0]
    assert values("the cat sat on the mat", words)[1] < values("the cat sat on the mat", order)[1]


PIECES = st.sampled_from(
    ["police", "killed", "kill", "the", "Mr.", "U.S.", "café", "3.5", '."', ".)", "end.", "?", "\n"]
)
TEXTS = st.lists(PIECES, max_size=14).map(" ".join)


@pytest.mark.parity
@settings(deadline=None, max_examples=150, derandomize=True)
@given(hypothesis=TEXTS, reference=TEXTS.filter(str.strip))
def test_segments_equal_the_package_and_splitting_moves_lsum_only(hypothesis: str, reference: str) -> None:
    ours = values(hypothesis, reference)
    assert ours == pytest.approx(directly(hypothesis, reference), abs=1e-12)
    unsplit = RougeScorer(TYPES[:3], use_stemmer=True).score(reference, hypothesis)
    assert ours[:3] == pytest.approx([unsplit[name].fmeasure for name in TYPES[:3]], abs=1e-12)


@pytest.mark.parity
@pytest.mark.golden
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_corner_cases_score_as_the_evaluate_module_does(fidelity: Fidelity, case: dict[str, Any]) -> None:
    scores = score_summaries([case["hypothesis"]], [[case["reference"]]])
    for name, score in scores.items():
        fidelity.close(name, "evaluate@a7dd338 rouge", "corner cases", score.value, case["expected"][name], 1e-12)


@pytest.mark.parity
@pytest.mark.real_data
def test_a_published_output_scores_as_published_but_for_the_stemmer_of_rouge_1_5_5(
    shared_data: Path, fidelity: Fidelity
) -> None:
    (output,) = (read(shared_data, name) for name in names(XSUM))
    published, by_package = output.scores["metrics"], output.scores["recomputed_python_rouge_score_stemmer"]
    for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L"):
        found = statistics(XSUM_METRICS[name], output)
        ours, perl = 100 * float(found.mean()), 100 * GOLDEN["rouge155"]["mean"][name]
        fidelity.published(f"{name} x 100", output.name, published[name], ours, 0.005, register="rouge-perl")
        fidelity.published(f"{name} x 100", f"{output.name} (rouge-score)", by_package[name], ours, 0.0005)
        # ROUGE-1.5.5 prints the mean of 1,000 resampled means, with a noise of its own: here 0.005 of 100 points.
        noise = 100 * float(found.std()) / np.sqrt(len(found) * 1000)
        fidelity.published(
            f"{name} of ROUGE-1.5.5, recorded, x 100", output.name, published[name], perl, 0.005 + 2 * noise
        )


@pytest.mark.parity
@pytest.mark.real_data
def test_rouge_1_5_5_is_the_package_with_another_stemmer(shared_data: Path, fidelity: Fidelity) -> None:
    """rouge-perl: Porter's own algorithm where the package has nltk's variant of it, and a table of irregular forms."""
    recorded = GOLDEN["rouge155"]
    (output,) = (read(shared_data, name) for name in names(XSUM))
    pairs = [(output.references[row][0], output.hypotheses[row]) for row in recorded["rows"]]
    plain, stemmed = (RougeScorer(TYPES[:3], use_stemmer=stemmer) for stemmer in (False, True))
    stemmed._tokenizer._stemmer = _PerlStemmer(recorded["irregular"])
    for what, scorer in (("plain", plain), ("stemmed", stemmed)):
        found = [scorer.score(*pair) for pair in pairs]
        for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L"):
            ours = [row[name.replace("ROUGE-", "rouge")].fmeasure for row in found]
            # Perl prints five decimals.
            fidelity.close(
                f"{name} of rouge-score, {what}", "ROUGE-1.5.5.pl", "200 items", ours, recorded[what][name], 1e-5
            )


class _PerlStemmer:
    def __init__(self, irregular: dict[str, str]) -> None:
        self._irregular = irregular
        self._porter = PorterStemmer(mode=PorterStemmer.ORIGINAL_ALGORITHM)

    def stem(self, word: str) -> str:
        return self._irregular.get(word) or self._porter.stem(word)


@pytest.mark.real_data
@pytest.mark.parity
def test_a_published_output_scores_as_the_package_says_and_its_bootstrap_centres_there(shared_data: Path) -> None:
    (output,) = (read(shared_data, name) for name in names(XSUM))
    pairs = [(output.hypotheses[row], output.references[row][0]) for row in range(300)]
    found = np.hstack([statistics(metric, output)[:300] for metric in XSUM_METRICS.values()])
    expected = np.array([directly(*pair) for pair in pairs])
    assert found == pytest.approx(expected, abs=1e-12)

    scorer, aggregator = RougeScorer(["rouge1"], use_stemmer=True), BootstrapAggregator()
    for hypothesis, reference in pairs:
        aggregator.add_scores(scorer.score(reference, hypothesis))
    mid = aggregator.aggregate()["rouge1"].mid.fmeasure
    # The median of 1,000 resampled means lies 0.04 standard errors of the mean about it.
    noise = expected[:, 0].std() / np.sqrt(len(expected))
    assert mid == pytest.approx(found[:, 0].mean(), abs=0.25 * noise)


SEGMENTS = st.lists(st.tuples(TEXTS, st.lists(TEXTS.filter(str.strip), min_size=1, max_size=2)), min_size=2, max_size=5)


@pytest.mark.property
@pytest.mark.parametrize("name", XSUM_METRICS)
@settings(deadline=None, max_examples=25, derandomize=True)
@given(segments=SEGMENTS, data=st.data())
def test_a_subset_of_the_rows_scores_as_the_subset_of_the_texts(
    name: str, segments: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(segments) - 1), min_size=1, max_size=8))
    metric = XSUM_METRICS[name]
    whole = metric.score(*map(list, zip(*segments, strict=True)))
    part = metric.score(*map(list, zip(*[segments[row] for row in rows], strict=True)))
    assert whole.statistics.shape == (len(segments), 1)
    assert metric.aggregate(whole.statistics[rows]) == pytest.approx(part.value, abs=1e-12)


def test_one_pass_gives_all_four_and_no_score_can_spoil_the_next() -> None:
    _f_measures.cache_clear()
    first = score_summaries(["the cat sat"], [["the cat was"]])
    assert _f_measures.cache_info().misses == 1
    first["ROUGE-1"].statistics[:] = 7.0
    assert Rouge("1").score(["the cat sat"], [["the cat was"]]).value == pytest.approx(2 / 3)


def test_the_signature_names_stemmer_aggregation_versions_and_for_lsum_the_splitter() -> None:
    signatures = {name: score.signature for name, score in score_summaries(["a"], [["a"]]).items()}
    for name, signature in signatures.items():
        assert signature.startswith(f"{name}|refs:1|")
        for part in ("stem:porter", "agg:mean", "impl:rouge-score-0.1.2+nltk-"):
            assert part in signature
        assert ("split:punkt-untrained" in signature) == (name == "ROUGE-Lsum")


def test_an_empty_reference_and_no_rows_are_refused() -> None:
    with pytest.raises(MetricError, match="non-empty references for #2"):
        score_summaries(["a", "b"], [["a"], [" "]])
    with pytest.raises(MetricError, match="at least one example"):
        Rouge("L").aggregate(np.empty((0, 1)))


def test_the_room_imports_the_package_only_when_it_scores() -> None:
    code = "import sys, deltalora.metrics; print({'rouge_score', 'nltk', 'sklearn'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(Path(deltalora.__file__).parents[1])}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment).strip() == "set()"


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ("a\nb\nc\n", "a\nb\n", "{hyp}, line 3: expected one summary line per reference line, found 3 lines and 2 in"),
        ("a\n", "a\nb\n", "{hyp}, line 2: expected one summary line per reference line, found 1 lines and 2 in"),
        ("a\nb\n", "a\n \n", "{ref}, line 2: expected a reference summary, found an empty line"),
        ("", "a\n", "{hyp}, line 1: expected at least one line of text, found an empty file"),
        ("a\n", "", "{ref}, line 1: expected at least one line of text, found an empty file"),
        ("a\n", b"caf\xe9\n", "{ref}, line 1: expected UTF-8, found the byte 0xe9 at byte 4"),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name_and_line(
    tmp_path: Path, hypotheses: str, references: str | bytes, message: str
) -> None:
    hyp, ref = tmp_path / "hyp.txt", tmp_path / "ref.txt"
    hyp.write_text(hypotheses)
    ref.write_bytes(references if isinstance(references, bytes) else references.encode())
    with pytest.raises(DataError) as caught:
        score_xsum(hyp, ref)
    assert message.format(hyp=hyp, ref=ref) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_line_is_an_empty_summary_and_scores_zero(tmp_path: Path) -> None:
    hyp, ref = tmp_path / "hyp.txt", tmp_path / "ref.txt"
    hyp.write_text("the cat sat\n\n")
    ref.write_text("the cat sat\nthe cat was\n")
    scores = score_xsum(hyp, ref)
    assert list(scores) == ["ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum"]
    assert scores["ROUGE-1"].statistics.tolist() == [[1.0], [0.0]]
    assert scores["ROUGE-1"].value == 0.5
