"""Records both forms of the official E2E scorer's BLEU on spoiled outputs, a minute:

    python record_e2e_forms.py CHECKOUT DATA > e2e_forms.json

CHECKOUT as for record.py (no Java is needed), DATA the folder that holds the fixtures. Two published outputs are
spoiled in the ways over which the two forms differ. Only names and scores are kept, no text.
"""

import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from published_outputs import SPOILED, SPOILED_OUTPUTS, read, spoiled


def main() -> None:
    """Write the recorded scores to standard output."""
    checkout, data = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, str(checkout))
    import measure_scores

    rows = []
    for how in SPOILED:
        for name in SPOILED_OUTPUTS:
            hypotheses, references = spoiled(read(data, name), how)
            port = measure_scores.BLEUScore()
            for hypothesis, block in zip(hypotheses, references, strict=True):
                port.append(hypothesis, block)
            with open("/dev/null", "w") as nowhere, contextlib.redirect_stderr(nowhere):
                perl = measure_scores.run_mteval(references, hypotheses, [""] * len(hypotheses))
            scores = {"BLEU": port.score(), "BLEU-mteval": perl["BLEU"], "NIST-mteval": perl["NIST"]}
            rows.append({"how": how, "output": name, "scores": scores})
            print(how, name, scores, file=sys.stderr)
    origin = "tuetschek/e2e-metrics@1b9c4d8 measure_scores.py: BLEU by BLEUScore (-p), -mteval by run_mteval (no -p)"
    lines = ",\n".join(json.dumps(row) for row in rows)
    print(f'{{"origin": "{origin}", "made_by": "tests/golden/metrics/record_e2e_forms.py", "rows": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
