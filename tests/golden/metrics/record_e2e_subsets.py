"""Records the official E2E scorer's scores of random subsets of published outputs, some ten minutes:

    python record_e2e_subsets.py CHECKOUT DATA > e2e_subsets.json

CHECKOUT as for record.py, DATA the folder of the fixtures. The scorer's own functions run in one process: of its
METEOR one instance serves all subsets, since a JVM takes seconds to start; everything else is as `measure_scores.py`
calls it, with -p and without. Only seeds and scores are kept, no text.

CoreNLP's tokens of a sentence may depend on the sentence after it in the file. Where that moved a score, the scores of
the same functions with a neutral sentence after each stand beside it as `isolated`.
"""

import contextlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from published_outputs import E2E, SUBSETS, names, read, subset

Captions = dict[str, list[dict[str, str]]]
Tokens = dict[str, list[str]]


class Isolated:
    """The official tokeniser, run once on all sentences with `The` after each."""

    def __init__(self, tokenizer: Any, sentences: list[str]) -> None:
        captions = {str(number): [{"caption": text}, {"caption": "The"}] for number, text in enumerate(sentences)}
        tokens = tokenizer().tokenize(captions)
        self._tokens = {text: tokens[str(number)][0] for number, text in enumerate(sentences)}

    def __call__(self) -> "Isolated":
        return self

    def tokenize(self, captions: Captions) -> Tokens:
        return {key: [self._tokens[one["caption"]] for one in block] for key, block in captions.items()}


def coco(scorer: ModuleType, references: list[list[str]], hypotheses: list[str]) -> dict[str, float]:
    with contextlib.redirect_stdout(sys.stderr):
        found = scorer.run_coco_eval(references, hypotheses).eval
    return {name.replace("_", "-"): float(value) for name, value in found.items()}


def main() -> None:
    checkout, data = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, str(checkout))
    import measure_scores
    import pycocoevalcap.eval as official

    meteor, tokenizer = official.Meteor(), official.PTBTokenizer
    official.Meteor = lambda: meteor
    outputs = [read(data, name) for name in names(E2E)]
    texts = {text for one in outputs for block in (one.hypotheses, *one.references) for text in block}
    isolated = Isolated(tokenizer, sorted(texts))
    rows = []
    for seed in range(SUBSETS):
        chosen = subset(data, E2E, seed)
        hypotheses, references = chosen.hypotheses, chosen.references
        official.PTBTokenizer = tokenizer
        scores = coco(measure_scores, references, hypotheses)
        official.PTBTokenizer = isolated
        alone = coco(measure_scores, references, hypotheses)
        with contextlib.redirect_stdout(sys.stderr):
            python = measure_scores.run_pymteval(references, hypotheses)
        with open("/dev/null", "w") as nowhere, contextlib.redirect_stderr(nowhere):
            perl = measure_scores.run_mteval(references, hypotheses, [""] * len(hypotheses))
        row: dict[str, Any] = {"seed": seed, "output": chosen.output.name, "size": len(chosen.rows)}
        row["scores"] = {name: float(python[name]) for name in ("BLEU", "NIST")} | scores
        row["perl"] = {"BLEU": perl["BLEU"], "NIST-mteval": perl["NIST"]}
        if alone != scores:
            row["isolated"] = alone
        rows.append(row)
        print(seed, file=sys.stderr)
    origin = (
        "tuetschek/e2e-metrics@1b9c4d8 measure_scores.py: run_pymteval and run_coco_eval (-p), perl: run_mteval (no -p)"
    )
    lines = ",\n".join(json.dumps(row) for row in rows)
    print(
        f'{{"origin": "{origin}", "made_by": "tests/golden/metrics/record_e2e_subsets.py", "subsets": [\n{lines}\n]}}'
    )


if __name__ == "__main__":
    main()
