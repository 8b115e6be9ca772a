"""`deltalora score`: score texts or labels in files, without any model."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from deltalora.commands.arguments import OneLineParser
from deltalora.metrics import (
    GLUE_METRICS,
    BootstrapInterval,
    PairedComparison,
    Score,
    bootstrap_interval,
    paired_bootstrap,
    score_e2e,
    score_glue,
    score_webnlg,
    score_xsum,
)
from deltalora.metrics.experiments import metric_of_score

DESCRIPTION = """Score a file of outputs, one per line, against a file of references. e2e, webnlg: blocks of references
separated by blank lines, the file formats of e2e-metrics; values as the official scorers print them (BLEU, METEOR,
ROUGE-L and TER as fractions). xsum: one reference summary per line; ROUGE as fractions. glue/TASK: one number per line
in both, a class or (stsb) a similarity. Intervals are over the segments of the files: they say nothing about what
another training seed would have given."""

_TASKS: Mapping[str, Callable[[Path, Path], dict[str, Score]]] = {
    "e2e": score_e2e,
    "webnlg": score_webnlg,
    "xsum": score_xsum,
    **{f"glue/{dataset}": partial(score_glue, dataset) for dataset in GLUE_METRICS},
}


def score(arguments: Sequence[str]) -> int:
    """Print metric -> value and signature, and on request interval and comparison."""
    parser = OneLineParser(prog="deltalora score", description=DESCRIPTION)
    parser.add_argument("task", choices=list(_TASKS))
    parser.add_argument("hyp", type=Path, help="hypotheses, or predictions")
    parser.add_argument("ref", type=Path, help="references, or labels")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--interval",
        action="store_true",
        help="add to each value its 95 %% percentile bootstrap interval (1,000 resamples of the segments)",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="HYP2",
        help="with --interval: hypotheses of another system on the same references; adds its values, HYP minus HYP2, "
        "the interval of that, and the two-sided p value of the paired bootstrap",
    )
    webnlg = parser.add_argument_group("webnlg only")
    webnlg.add_argument(
        "--index",
        type=Path,
        metavar="FILE",
        help="tab-separated table, one row per line of HYP, with a column seen (1 or 0): scores -S, -U and -A",
    )
    webnlg.add_argument(
        "--upstream-blank-line",
        action="store_true",
        help="count in TER the empty segment that the authors' scorer reads after the last line, as one of rate 1; "
        "their METEOR fails on it and is scored without it here",
    )
    options = parser.parse_args(arguments)
    if options.against and not options.interval:
        parser.error("expected --against together with --interval, found it alone: add --interval")
    scores = _scores(parser, options, options.hyp)
    metrics = {name: metric_of_score(options.task, name, options.upstream_blank_line) for name in scores}
    intervals: dict[str, BootstrapInterval] = {}
    comparisons: dict[str, PairedComparison] = {}
    if options.interval:
        intervals = {name: bootstrap_interval(metrics[name], one) for name, one in scores.items()}
    if options.against:
        others = _scores(parser, options, options.against)
        comparisons = {name: paired_bootstrap(metrics[name], one, others[name]) for name, one in scores.items()}
    if options.json:
        print(json.dumps({name: _entry(name, one, intervals, comparisons) for name, one in scores.items()}, indent=2))
    else:
        Console().print(_table(scores, intervals))
        if comparisons:
            Console().print(_comparison(comparisons))
    return 0


def _entry(
    name: str, one: Score, intervals: Mapping[str, BootstrapInterval], comparisons: Mapping[str, PairedComparison]
) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": one.value, "signature": one.signature}
    if name in intervals:
        entry["interval"] = _bounds(intervals[name])
    if name in comparisons:
        compared = comparisons[name]
        entry["against"] = {
            "value": compared.right,
            "difference": compared.difference,
            "interval": _bounds(compared.interval),
            "p_value": compared.p_value,
            "test": "paired-bootstrap",
        }
    return entry


def _bounds(interval: BootstrapInterval) -> dict[str, float]:
    return {key: getattr(interval, key) for key in ("low", "high", "confidence", "n", "resamples", "seed")}


def _table(scores: Mapping[str, Score], intervals: Mapping[str, BootstrapInterval]) -> Table:
    table = Table(*map(_whole, ["metric", "value", *(["95 % of segments"] if intervals else [])]), "signature")
    for name, one in scores.items():
        bounds = [_range(intervals[name])] if name in intervals else []
        table.add_row(name, f"{one.value:.4f}", *bounds, one.signature)
    return table


def _comparison(comparisons: Mapping[str, PairedComparison]) -> Table:
    """Lay out a table of its own: in one with the signatures neither fits into 80 columns."""
    table = Table(*map(_whole, ["metric", "HYP", "HYP2", "difference", "95 % of segments", "p"]))
    for name, one in comparisons.items():
        numbers = (f"{one.left:.4f}", f"{one.right:.4f}", f"{one.difference:+.4f}")
        table.add_row(name, *numbers, _range(one.interval), f"{one.p_value:.4f}")
    return table


def _whole(header: str) -> Column:
    """Return a column that a narrow terminal does not cut: the signature gives way."""
    return Column(header, no_wrap=True)


def _range(interval: BootstrapInterval) -> str:
    return f"{interval.low:.4f} to {interval.high:.4f}"


def _scores(parser: OneLineParser, options: argparse.Namespace, hyp: Path) -> dict[str, Score]:
    if options.task == "webnlg":
        return score_webnlg(hyp, options.ref, options.index, options.upstream_blank_line)
    for given, name in ((options.index, "--index"), (options.upstream_blank_line, "--upstream-blank-line")):
        if given:
            parser.error(f"expected {name} with the task webnlg only, found the task {options.task}: drop it")
    return _TASKS[options.task](hyp, options.ref)
