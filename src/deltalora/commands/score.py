"""`deltalora score`: the metrics of texts in files, without any model."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deltalora.metrics import score_e2e

DESCRIPTION = """Scores one hypothesis a line against references in blocks parted by a blank line: the file formats of
e2e-metrics. Values are printed as the official scorer prints them (BLEU, METEOR and ROUGE-L as fractions)."""


def score(arguments: Sequence[str]) -> int:
    """Prints metric -> value and signature."""
    parser = argparse.ArgumentParser(prog="deltalora score", description=DESCRIPTION)
    parser.add_argument("task", choices=["e2e"])
    parser.add_argument("hyp", type=Path, help="hypotheses")
    parser.add_argument("ref", type=Path, help="references")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args(arguments)
    scores = score_e2e(options.hyp, options.ref)
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
