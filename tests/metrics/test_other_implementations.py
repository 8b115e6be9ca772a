"""Where our code stands in for a library's, it is held to the library; where a library differs, that is kept."""

import random

import numpy as np
import pytest
import sacrebleu
from nltk.translate.nist_score import corpus_nist
from pycocoevalcap.cider.cider_scorer import CiderScorer
from pycocoevalcap.rouge.rouge import Rouge

from deltalora.metrics import E2E_METRICS, ptb
from deltalora.metrics.mteval import port_tokens

WORDS = [
    "the",
    "a",
    "pub",
    "Eagle",
    "near",
    "river",
    "cheap",
    "food",
    "serves",
    "is",
    "in",
    "of",
    "centre",
    "family-friendly,",
    "café",
    ".",
    "£20",
    "children's",
    ";",
]


def corpus(seed: int) -> tuple[list[str], list[list[str]]]:
    rng = random.Random(seed)
    size = rng.randint(2, 30)
    hypotheses = [" ".join(rng.choices(WORDS, k=rng.randint(4, 18))) for _ in range(size)]
    references = [
        [" ".join(rng.choices(WORDS, k=rng.randint(1, 18))) for _ in range(rng.randint(1, 6))] for _ in range(size)
    ]
    references[0][0] = hypotheses[0]
    return hypotheses, references


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(8))
def test_rouge_l_equals_pycocoevalcap(seed: int) -> None:
    hypotheses, references = corpus(seed)
    tokens = zip(ptb.tokenize(hypotheses), ptb.tokenize_references(references), strict=True)
    expected = [Rouge().calc_score([hypothesis], block) for hypothesis, block in tokens]
    assert E2E_METRICS["ROUGE-L"].score(hypotheses, references).statistics[:, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(8))
def test_cider_equals_pycocoevalcap(seed: int) -> None:
    hypotheses, references = corpus(seed)
    scorer = CiderScorer(n=4, sigma=6.0)
    for pair in zip(ptb.tokenize(hypotheses), ptb.tokenize_references(references), strict=True):
        scorer += pair
    value, rows = scorer.compute_score()
    score = E2E_METRICS["CIDEr"].score(hypotheses, references)
    assert score.statistics[:, 0] == pytest.approx(rows, abs=1e-12)
    assert score.value == pytest.approx(float(value), abs=1e-12)


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(8))
def test_bleu_equals_lower_cased_sacrebleu_where_no_output_is_shorter_than_four_words(seed: int) -> None:
    hypotheses, references = corpus(seed)
    most = max(map(len, references))
    padded = [[block[i] if i < len(block) else None for block in references] for i in range(most)]
    options = {"tokenize": "13a", "smooth_method": "none", "force": True}
    expected = sacrebleu.corpus_bleu(hypotheses, padded, lowercase=True, **options).score / 100
    assert E2E_METRICS["BLEU"].score(hypotheses, references).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(8))
def test_bleu_mteval_equals_lower_cased_sacrebleu_smoothed_with_empty_outputs_too(seed: int) -> None:
    hypotheses, references = corpus(seed)
    spoiled = ["" if number % 3 == 1 else text[: 4 * number + 12] for number, text in enumerate(hypotheses)]
    most = max(map(len, references))
    padded = [[block[i] if i < len(block) else None for block in references] for i in range(most)]
    options = {"tokenize": "13a", "smooth_method": "exp", "force": True}
    expected = sacrebleu.corpus_bleu(spoiled, padded, lowercase=True, **options).score / 100
    assert E2E_METRICS["BLEU-mteval"].score(spoiled, references).value == pytest.approx(expected, abs=1e-12)


def test_sacrebleus_default_keeps_case_and_is_another_number() -> None:
    hypotheses, references = ["the eagle is a cheap pub ."], ["The Eagle is a cheap pub ."]
    assert E2E_METRICS["BLEU"].score(hypotheses, [references]).value == 1.0
    assert sacrebleu.corpus_bleu(hypotheses, [references]).score < 62


def test_nltks_nist_is_another_number() -> None:
    hypotheses, references = corpus(3)
    tokens = [[port_tokens(text) for text in block] for block in references]
    other = corpus_nist(tokens, [port_tokens(text) for text in hypotheses], n=5)
    assert abs(other - E2E_METRICS["NIST"].score(hypotheses, references).value) > 0.01


@pytest.mark.parametrize("name", ["BLEU", "NIST"])
def test_perl_folds_only_ascii_and_the_port_all_letters(name: str) -> None:
    hypotheses, references = ["the CAFÉ is a café near the river"], [["The café is a café near the river"]]
    port, perl = (E2E_METRICS[form].score(hypotheses, references) for form in (name, f"{name}-mteval"))
    assert port.value > perl.value


def test_an_order_without_any_ngram_adds_nothing_to_nist() -> None:
    score = E2E_METRICS["NIST"].score(["the eagle pub here"], [["the eagle pub here", "another pub"]])
    assert score.statistics[0, 5:10].tolist() == [4, 3, 2, 1, 0]
    assert np.isfinite(score.value)
    assert score.value > 0
