"""`deltalora score`: the metrics of texts in files, without any model."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deltalora.commands.arguments import OneLineParser
from deltalora.metrics import Score, score_e2e, score_xsum

DESCRIPTION = """Scores a file of generated texts, one a line, against a file of references. e2e: references in blocks
parted by a blank line, the file formats of e2e-metrics; values are printed as the official scorer prints them (BLEU,
METEOR and ROUGE-L as fractions). xsum: one reference summary a line; ROUGE as fractions."""

_TASKS: Mapping[str, Callable[[Path, Path], dict[str, Score]]] = {"e2e": score_e2e, "xsum": score_xsum}


def score(arguments: Sequence[str]) -> int:
    """Prints metric -> value and signature."""
    parser = OneLineParser(prog="deltalora score", description=DESCRIPTION)
    parser.add_argument("task", choices=list(_TASKS))
    parser.add_argument("hyp", type=Path, help="hypotheses")
    parser.add_argument("ref", type=Path, help="references")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args(arguments)
    scores = _TASKS[options.task](options.hyp, options.ref)
    if options.json:
        print(
            json.dumps(
                {name: {"value": one.value, "signature": one.signature} for name, one in scores.items()}, indent=2
            )
        )
        return 0
    table = Table("metric", "value", "signature")
    for name, one in scores.items():
        table.add_row(name, f"{one.value:.4f}", one.signature)
    Console().print(table)
    return 0
