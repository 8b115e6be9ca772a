"""Records the XSum scorers' answers on corner cases, random subsets and a whole published output, some five minutes:

    python record_xsum.py EVALUATE ROUGE155 DATA > xsum.json

EVALUATE is huggingface/evaluate@a7dd338, whose metrics/rouge/rouge.py calls rouge-score 0.1.2; ROUGE155 the folder
tools/ROUGE-1.5.5 of andersjo/pyrouge@3b6c415, run by perl with XML::DOM and DB_File; DATA the folder of the fixtures.
Only seeds and numbers are kept of the fixtures, and the irregular word forms that ROUGE-1.5.5 looks up.

Texts are prepared as in QingruZhang/AdaLoRA@d10f5eb run_summarization_no_trainer.py (stripped, one sentence a line),
but for the data of nltk's `sent_tokenize`, which cannot be had from PyPI: nltk's splitter is untrained here. It moves
Lsum only.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import evaluate
import numpy as np
from nltk.tokenize.punkt import PunktSentenceTokenizer

sys.path.insert(0, str(Path(__file__).parents[2]))
from published_outputs import SUBSETS, XSUM, Output, names, read, subset

NAMES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum"}
ITEMS = 200
CASES = [
    ("an empty hypothesis", "", "Police killed the gunman."),
    ("equal texts", "Ghana must not drill for oil.", "Ghana must not drill for oil."),
    ("equal texts of one word", "Ghana", "Ghana"),
    ("upper case", "POLICE KILLED THE GUNMAN IN LEEDS.", "Police killed the gunman in Leeds."),
    ("stems", "Police kill gunmen running from killings", "The police killed the running gunman"),
    (
        "non-ascii letters and signs",
        "A café in München “costs” £3.5m — naïve… 東京",
        "A cafe in Munchen costs £3.5m, naïve",
    ),
    ("punctuation only", "... – !?", "Police, and others."),
    ("nothing in common", "Green ideas sleep furiously", "Police killed the gunman."),
    ("sentences in another order", "Two men left. Police came early.", "Police came early. Two men left."),
    ("a repeated word", "the the the the", "the cat and the dog"),
    ("several lines", "One line.\nAnother line of it.", "Another line.\nOne of it."),
    (
        "a very long line",
        "Police said the man left the city early and " * 220,
        "The man left the city, police said. " * 60,
    ),
]


def prepare(text: str) -> str:
    return "\n".join(PunktSentenceTokenizer().tokenize(text.strip()))


def scores(rouge: Any, hypotheses: Sequence[str], references: Sequence[str], seed: int) -> dict[str, Any]:
    """The means of the module's F, and what its own aggregation makes of them after `np.random.seed`."""
    texts, others = [prepare(text) for text in hypotheses], [prepare(text) for text in references]
    options = {"predictions": texts, "references": others, "use_stemmer": True}
    segments = rouge.compute(use_aggregator=False, **options)
    np.random.seed(seed)
    aggregated = rouge.compute(**options)
    return {
        "scores": {NAMES[name]: float(np.mean(values)) for name, values in segments.items()},
        "aggregated": {NAMES[name]: float(value) for name, value in aggregated.items()},
    }


def perl_f_measures(
    folder: Path, home: Path, output: Output, rows: Sequence[int], *flags: str
) -> dict[str, list[float]]:
    """F of ROUGE-1, -2 and -L of every row, as ROUGE-1.5.5 prints it (5 decimals)."""
    for row in rows:
        Path(f"h{row}").write_text(output.hypotheses[row] + "\n", encoding="utf-8")
        Path(f"r{row}").write_text(output.references[row][0] + "\n", encoding="utf-8")
    Path("list").write_text("".join(f"h{row} r{row}\n" for row in rows), encoding="utf-8")
    options = ["-e", str(home), "-c", "95", "-r", "2", "-d", "-n", "2", *flags, "-z", "SPL", "list"]
    printed = subprocess.run(
        ["perl", str(folder / "ROUGE-1.5.5.pl"), *options], capture_output=True, text=True, check=True
    )
    found: dict[str, list[float]] = {"ROUGE-1": [], "ROUGE-2": [], "ROUGE-L": []}
    for name, value in re.findall(r"^X (ROUGE-[12L]) Eval \S+ .* F:(\S+)$", printed.stdout, re.MULTILINE):
        found[name].append(float(value))
    assert all(len(values) == len(rows) for values in found.values())
    return found


def build_exceptions(folder: Path, home: Path) -> dict[str, str]:
    """Builds the script's table of irregular forms in `home`, since its own is of an old format; returns it."""
    source = folder / "data" / "WordNet-2.0-Exceptions"
    home.mkdir()
    (home / "smart_common_words.txt").write_bytes((folder / "data" / "smart_common_words.txt").read_bytes())
    command = ["perl", "buildExeptionDB.pl", ".", "exc", str(home / "WordNet-2.0.exc.db")]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    lines = [line.split() for path in source.glob("*.exc") for line in path.read_text().split("\n") if line]
    return {line[0]: line[1] for line in lines}


def rouge155(folder: Path, output: Output) -> dict[str, Any]:
    exceptions = build_exceptions(folder, Path("home").resolve())
    home = Path("home").resolve()
    every = range(len(output.hypotheses))
    rows = sorted(random.Random(0).sample(every, ITEMS))
    whole = perl_f_measures(folder, home, output, every, "-m")
    texts = " ".join(text for row in rows for text in (output.hypotheses[row], output.references[row][0]))
    words = sorted({word for word in re.findall("[a-z0-9]{4,}", texts.lower()) if word in exceptions})
    return {
        "mean": {name: float(np.mean(values)) for name, values in whole.items()},
        "rows": rows,
        "stemmed": {name: [values[row] for row in rows] for name, values in whole.items()},
        "plain": perl_f_measures(folder, home, output, rows),
        "irregular": {word: exceptions[word] for word in words},
    }


def main() -> None:
    checkout, folder, data = (Path(one).resolve() for one in sys.argv[1:])
    rouge = evaluate.load(str(checkout / "metrics" / "rouge"))
    document: dict[str, Any] = {
        "origin": "huggingface/evaluate@a7dd338 metrics/rouge/rouge.py, use_stemmer=True (rouge-score 0.1.2);"
        " ROUGE-1.5.5.pl of andersjo/pyrouge@3b6c415, with -m (stemmed) and without (plain)",
        "made_by": "tests/golden/metrics/record_xsum.py",
        "cases": [
            {
                "name": name,
                "hypothesis": one,
                "reference": other,
                "expected": scores(rouge, [one], [other], 0)["scores"],
            }
            for name, one, other in CASES
        ],
        "subsets": [],
    }
    for seed in range(SUBSETS):
        chosen = subset(data, XSUM, seed)
        row = {"seed": seed, "output": chosen.output.name, "size": len(chosen.rows)}
        references = [block[0] for block in chosen.references]
        document["subsets"].append(row | scores(rouge, chosen.hypotheses, references, seed))
    (output,) = (read(data, name) for name in names(XSUM))
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        document["rouge155"] = rouge155(folder, output)
    text = json.dumps(document, ensure_ascii=False)
    for part in (
        '"cases": [',
        '"subsets": [',
        '"rouge155": {',
        '"rows": ',
        '"stemmed": ',
        '"plain": ',
        '"irregular": ',
    ):
        text = text.replace(part, f"\n{part}")
    print(re.sub(r'\}, \{"(name|seed)"', r'},\n{"\1"', text))


if __name__ == "__main__":
    main()
