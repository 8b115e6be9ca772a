"""Records the official WebNLG scorers' BLEU and TER on corner cases and random subsets of published outputs:

    python record_webnlg.py EVAL CHALLENGE DATA > webnlg.json

EVAL is WebNLG/GenerationEval@8067849, the scorer that microsoft/LoRA@c4593f0 runs; CHALLENGE the folder
evaluation/webnlg2017/webnlg-automatic-evaluation-v2 of abevieiramota/challenge-webnlg@42da206, the organisers' scripts
of 2017; DATA the folder of the fixtures. perl must be on PATH, pyter3 0.3 and rapidfuzz installed. A few minutes. Only
seeds and numbers are kept of the fixtures, no text.

The scorer reads reference0, reference1, ...; where an input has fewer references the first is repeated, as LoRA's
decoder writes them. nltk's `word_tokenize` looks for sentences with data that cannot be had from PyPI: it is called
with preserve_line here, one line being one sentence. pyter's edit distance is replaced by rapidfuzz's, a hundred times
faster; on the corner cases and every fortieth subset pyter also runs as it is and must give the same. METEOR is not
here: the organisers published it to all digits.
"""

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyter
from rapidfuzz.distance import Levenshtein

sys.path.insert(0, str(Path(__file__).parents[2]))
from published_outputs import SUBSETS, WEBNLG, subset

#: Prepared texts, as LoRA's decoder writes them with --tokenize --lower.
PUB = ["the eagle is a cheap pub near the river .", "near the river there is a cheap pub called the eagle ."]
INN = ["the waterman serves english food for £ 20 - 25 ."]
LONG = "a line of two thousand words"
CASES: list[tuple[str, list[str], list[list[str]]]] = [
    ("one reference each", ["the eagle is a cheap riverside pub .", "english food ."], [PUB[:1], INN]),
    ("an empty hypothesis", ["the eagle is a cheap pub .", "", "the waterman serves food ."], [PUB, INN, INN]),
    ("hypothesis equal to a reference", [PUB[1], INN[0]], [PUB, INN]),
    ("nothing in common", ["green ideas sleep furiously tonight", "quite another sentence"], [PUB, INN]),
    (
        "non-ascii letters and signs",
        ["the éléphant café costs “ £ 20 – 25 ” — naïve … ☃ 東京", "café éclair serves crêpes ."],
        [["l ' éléphant café costs £ 20 - 25 . 東京", "the éléphant café ."], ["café éclair serves crêpes ."]],
    ),
    (
        "quotation marks, underscores, contractions and numbers",
        ['it is " low - cost " , $ 1 . 5 in_town ; cannot wait !', "it isn ' t 5 , 000 m - 3 . 5 %"],
        [['" low - cost " : $ 1 . 5 . i can not wait'], ["it is not 5 , 000 m - 3 . 5 % of it"]],
    ),
    ("punctuation only", [". . .", "the waterman - - ( serves ) ' food ' !"], [["! ?", "the eagle ."], INN]),
    ("outputs shorter than four words", ["eagle pub", "food"], [PUB, INN]),
    (  # no TER: pyter would take hours
        LONG,
        [" ".join(["the eagle is a cheap pub near the river , they say , and"] * 160) + " so on .", PUB[1]],
        [PUB, [" ".join(["the eagle is a pub near the river and"] * 12) + " on ."]],
    ),
    (
        "a long line",
        [" ".join(["the eagle is a cheap pub near the river , they say , and"] * 6) + " so on .", PUB[1]],
        [[" ".join(["the eagle is a pub near the river and"] * 5) + " on ."], PUB],
    ),
    ("an output three times as long as its reference", [" ".join([PUB[0]] * 3), INN[0]], [[PUB[1]], INN]),
    (
        "words moved about",
        [
            "near the river the eagle is a pub that is cheap .",
            "for £ 20 - 25 the waterman serves food , english food .",
        ],
        [PUB, INN],
    ),
]


def load_scorer(folder: Path) -> Any:
    """eval.py as a module; of its imports those that no number here needs are empty."""
    for name in ("bert_score", "metrics.bleurt", "metrics.bleurt.bleurt", "razdel", "tabulate"):
        module = sys.modules[name] = types.ModuleType(name)
        for attribute in ("score", "tokenize", "tabulate"):
            setattr(module, attribute, None)
    sys.path.insert(0, str(folder))
    import eval as scorer

    scorer.nltk.word_tokenize = functools.partial(scorer.nltk.word_tokenize, preserve_line=True)
    scorer.pyter = types.SimpleNamespace(ter=pyter_rate)
    scorer.BLEU_PATH = str(folder / scorer.BLEU_PATH)
    return scorer


class FastDistance:
    """The same edit distance as pyter's `CachedEditDistance`, in C."""

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def __call__(self, words: list[str]) -> int:
        return Levenshtein.distance(words, self._words)


_SLOW_DISTANCE = pyter.CachedEditDistance


@functools.cache
def _rate(hypothesis: tuple[str, ...], reference: tuple[str, ...], fast: bool) -> float:
    pyter.CachedEditDistance = FastDistance if fast else _SLOW_DISTANCE
    return float(pyter.ter(list(hypothesis), list(reference)))


_checked = False
_differing: list[tuple[list[str], list[str]]] = []


def pyter_rate(hypothesis: list[str], reference: list[str]) -> float:
    """pyter's rate; where `_checked` is set both distances must give it."""
    rate = _rate(tuple(hypothesis), tuple(reference), True)
    if _checked and rate != _rate(tuple(hypothesis), tuple(reference), False):
        _differing.append((hypothesis, reference))  # an exception would not leave `ter_score`
    return rate


def write(path: str, lines: Sequence[str], end: str) -> None:
    Path(path).write_text("\n".join(lines) + end, encoding="utf-8")


def official(scorer: Any, hypotheses: list[str], references: list[list[str]], end: str) -> tuple[Any, ...]:
    """What `parse` reads of files that end in `end`, and BLEU in percent, as printed."""
    for number in range(3):
        write(f"reference{number}", [block[number] if number < len(block) else block[0] for block in references], end)
    write("hypothesis", hypotheses, end)
    with contextlib.redirect_stdout(sys.stderr):
        _, blocks, _, texts = scorer.parse("reference", "hypothesis", 3)
        return blocks, texts, scorer.bleu_score("reference", "hypothesis", 3)


def scores(
    scorer: Any, hypotheses: list[str], references: list[list[str]], check: bool, ter: bool = True
) -> dict[str, Any]:
    """BLEU, and TER of files without and with a last line feed; `check` also runs pyter as it is."""
    global _checked
    _checked = check
    blocks, texts, bleu = official(scorer, hypotheses, references, "")
    found = {"BLEU": bleu}
    if ter:
        with contextlib.redirect_stdout(sys.stderr):
            found["TER"] = scorer.ter_score(blocks, texts, 3)
            blocks, texts, _ = official(scorer, hypotheses, references, "\n")
            found["TER-line-feed"] = scorer.ter_score(blocks, texts, 3)
    return found


def challenge_bleu(folder: Path, hypotheses: Sequence[str], padded: Sequence[Sequence[str]]) -> float:
    """The organisers' BLEU: every missing reference an empty line."""
    for number in range(3):
        write(f"gold{number}", [block[number] for block in padded], "\n")
    command = ["perl", str(folder / "multi-bleu.perl"), "-lc", "gold0", "gold1", "gold2"]
    text = "".join(f"{line}\n" for line in hypotheses)
    printed = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return float(printed.removeprefix("BLEU = ").split(",")[0])


def main() -> None:
    checkout, challenge, data = (Path(one).resolve() for one in sys.argv[1:])
    scorer = load_scorer(checkout)
    document: dict[str, Any] = {
        "origin": "WebNLG/GenerationEval@8067849 eval.py (bleu_score, ter_score); BLEU-2017 multi-bleu.perl -lc of"
        " abevieiramota/challenge-webnlg@42da206",
        "made_by": "tests/golden/metrics/record_webnlg.py",
    }
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        document["cases"] = [
            {
                "name": name,
                "hypotheses": hypotheses,
                "references": references,
                "expected": scores(scorer, hypotheses, references, check=name != LONG, ter=name != LONG),
            }
            for name, hypotheses, references in CASES
        ]
        document["subsets"] = []
        for seed in range(SUBSETS):
            chosen = subset(data, WEBNLG, seed)
            row = {"seed": seed, "output": chosen.output.name, "size": len(chosen.rows)}
            found = scores(scorer, chosen.hypotheses, chosen.references, check=seed % 40 == 0)
            padded = [chosen.output.padded[one] for one in chosen.rows]
            found["BLEU-2017"] = challenge_bleu(challenge, chosen.hypotheses, padded)
            document["subsets"].append(row | {"scores": found})
    if _differing:
        raise SystemExit(f"pyter with the fast distance gives other rates: {_differing}")
    lists = {name: json.dumps(document.pop(name), ensure_ascii=False) for name in ("cases", "subsets")}
    head = json.dumps(document, indent=1, ensure_ascii=False).removesuffix("\n}")
    lists = {name: text.replace("}}, {", "}},\n{") for name, text in lists.items()}
    print(head + "".join(f',\n "{name}": {text}' for name, text in lists.items()) + "\n}")


if __name__ == "__main__":
    main()
