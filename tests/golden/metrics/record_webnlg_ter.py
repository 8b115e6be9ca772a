"""Records what sacrebleu and pyter say of five published WebNLG outputs.

    python record_webnlg_ter.py FIXTURES/webnlg2017 > webnlg_ter.json

with sacrebleu 2.6, nltk 3.10 and pyter3 0.3 installed; some ten minutes. Only numbers are kept, no text. sacrebleu
scores the whole outputs, in edits and reference words of the seen and of the unseen inputs; pyter every tenth input, in nltk's
words as the upstream scorer has it, which tokenises sentence by sentence: one line is one sentence here.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pyter
from nltk.tokenize import word_tokenize
from sacrebleu.metrics import TER

SYSTEMS = ("baseline", "melbourne", "pkuwriter", "tilburg-smt", "upf-forge")
INPUTS = 1862


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:INPUTS]


def words(text: str) -> list[str]:
    return word_tokenize(text, preserve_line=True)


def sacrebleu_counts(texts: list[str], blocks: list[list[str]]) -> list[float]:
    streams = [[block[i] if i < len(block) else None for block in blocks] for i in range(3)]
    score = TER().corpus_score(texts, streams)
    return [score.num_edits, score.ref_length]


def main() -> None:
    folder = Path(sys.argv[1])
    table = (folder / "index.tsv").read_text(encoding="utf-8").strip().split("\n")
    header, rows = table[0].split("\t"), [line.split("\t") for line in table[1:]]
    seen = [row[header.index("seen")] == "1" for row in rows]
    references = [lines(folder / f"ref{i}.txt") for i in range(3)]
    blocks = [[text for text in block if text] for block in zip(*references, strict=True)]
    found = {}
    for system in SYSTEMS:
        texts = lines(folder / "systems" / system / "hyp.txt")
        parts = {}
        for name, wanted in (("seen", True), ("unseen", False)):
            kept = [row for row, is_seen in enumerate(seen) if is_seen == wanted]
            parts[name] = sacrebleu_counts([texts[row] for row in kept], [blocks[row] for row in kept])
        rates = [
            min(pyter.ter(words(texts[row]), words(reference)) for reference in blocks[row])
            for row in range(0, INPUTS, 10)
        ]
        found[system] = {"sacrebleu": parts, "pyter_every_tenth": rates}
        print(system, parts, file=sys.stderr)
    source = f"sacrebleu {version('sacrebleu')} TER, pyter3 {version('pyter3')}; see record_webnlg_ter.py"
    print(json.dumps({"source": source, "systems": found}, indent=1))


if __name__ == "__main__":
    main()
