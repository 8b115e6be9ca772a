"""Records the official E2E scorer's answers to the cases below: `python record.py CHECKOUT > e2e_corner_cases.json`.

CHECKOUT is tuetschek/e2e-metrics@1b9c4d8 with its requirements installed (its paraphrase table and jars are those of
pycocoevalcap 1.2); `java` and, for the Perl forms, `perl` with XML::Twig must be on PATH. The suite itself runs none
of these.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PUB = ["The Eagle is a cheap pub near the river.", "Near the river there is a cheap pub called The Eagle."]
CAFE = ["Alimentum is a family-friendly café in the city centre.", "In the city centre, Alimentum welcomes families."]
INN = ["The Waterman serves English food for £20-25."]

CASES: list[tuple[str, list[str], list[list[str]]]] = [
    ("an empty hypothesis", ["The Eagle is a cheap pub.", "", "The Waterman serves food."], [PUB, CAFE, INN]),
    (
        "an empty hypothesis at the end",
        ["The Eagle is a pub by the river.", "Alimentum is nice.", ""],
        [PUB, CAFE, INN],
    ),
    ("one reference each", ["The Eagle is a cheap riverside pub.", "The Waterman has English food."], [PUB[:1], INN]),
    ("hypothesis equal to a reference", [PUB[0], CAFE[1], INN[0]], [PUB, CAFE, INN]),
    (  # lengths whose totals are nowhere zero: there the port divides by zero
        "hypotheses shorter than four words",
        ["Eagle pub", "Alimentum", "The Waterman serves", "A cheap pub ."],
        [PUB, CAFE, INN, PUB],
    ),
    (
        "nothing in common",
        ["Green ideas sleep furiously tonight here.", "Quite another sentence with words."],
        [PUB, INN],
    ),
    (
        "non-ASCII letters and signs",
        ["L'Éléphant Café costs “£20–25” — naïve… ☃ 東京", "CAFÉ ÉCLAIR serves crêpes."],
        [
            ["l'éléphant café costs £20-25 - naïve ... 東京", "The Éléphant café."],
            ["Café Éclair serves crêpes.", "Crêpes!"],
        ],
    ),
    (
        "bars, entities and markup in the text",
        ["The Eagle ||| a pub || cheap &amp; near <b>the river</b>.", "|||", "Fish &lt; chips"],
        [
            ["The Eagle ||| is a pub & near the river.", "Eagle"],
            ["|||", "nothing"],
            ["Fish < chips", "fish &lt; chips"],
        ],
    ),
    (
        "a very long line",
        [" ".join(["The Eagle is a cheap pub near the river, they say, and"] * 60) + " so on.", PUB[1]],
        [PUB, [" ".join(["The Eagle is a pub near the river and"] * 40) + " on."]],
    ),
    (
        "numbers, zero prefixes and abbreviations",
        ["It scores 0 out of 5,000 and 3.5 of 5 at 10 p.m.", "Mr. Smith's Inc. isn't at St. James St. 0 1 2"],
        [["It has 0 out of 5,000 points, 3.5 of 5 at 10 p.m."], ["Mr. Smith's Inc. is not at St. James St. 0 1 2 0 1"]],
    ),
    (
        "unequal numbers of references and a short output",
        ["The Eagle is cheap.", "Alimentum is in the centre.", "English food at The Waterman."],
        [[*PUB, "A cheap pub, The Eagle.", "The Eagle: cheap."], CAFE, INN],
    ),
    ("punctuation only", ["...", "The Waterman -- (serves) 'food' !"], [["!?", "The Eagle."], INN]),
    ("upper case", ["THE EAGLE IS A CHEAP PUB NEAR THE RIVER.", "the waterman SERVES English Food"], [PUB, INN]),
    (
        "a line of two thousand words",
        [" ".join(["The Eagle is a cheap pub near the river, they say, and"] * 180) + " so on.", PUB[1]],
        [[PUB[0], " ".join(["The Eagle is a pub near the river and"] * 150) + " on."], PUB],
    ),
]


def official(checkout: Path, hypotheses: list[str], references: list[list[str]], *flags: str) -> dict[str, float]:
    """The five numbers that `measure_scores.py` prints, as printed (4 decimals)."""
    with tempfile.TemporaryDirectory() as folder:
        refs, hyps = Path(folder, "refs.txt"), Path(folder, "hyps.txt")
        refs.write_text("\n".join("\n".join(block) + "\n" for block in references), encoding="utf-8")
        hyps.write_text("".join(line + "\n" for line in hypotheses), encoding="utf-8")
        command = [sys.executable, str(checkout / "measure_scores.py"), *flags, str(refs), str(hyps)]
        output = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.findall(r"^(BLEU|NIST|METEOR|ROUGE_L|CIDEr): ([0-9.]+)$", output.stdout, re.MULTILINE)
    if len(found) != 5:
        raise SystemExit(f"{hypotheses}: {output.stderr}")
    return {name.replace("_", "-"): float(value) for name, value in found}


def by_perl(checkout: Path, hypotheses: list[str], references: list[list[str]]) -> dict[str, float]:
    """The two numbers that differ without `-p`, under the names they have here."""
    found = official(checkout, hypotheses, references)
    return {f"{name}-mteval": found[name] for name in ("BLEU", "NIST")}


def main() -> None:
    """Write the recorded cases to standard output."""
    checkout = Path(sys.argv[1])
    cases = [
        {
            "name": name,
            "hypotheses": hypotheses,
            "references": references,
            "expected": official(checkout, hypotheses, references, "-p") | by_perl(checkout, hypotheses, references),
        }
        for name, hypotheses, references in CASES
    ]
    origin = "tuetschek/e2e-metrics@1b9c4d8 measure_scores.py -p (BLEU-mteval, NIST-mteval: the same without -p)"
    document = {"origin": origin, "made_by": "tests/golden/metrics/record.py", "cases": cases}
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
