"""A small world that can be described: a grammar that writes the embedded task sets and the pre-training text.

Here live the domains, their phrases, and how these become sentences; README.md says what is held out and measured. Not
here: the files that ship in the package (`write_embedded_data.py` writes them), how a task linearises its examples
(`deltalora.tasks`), and the weights that were pre-trained on the text (`deltalora.models.embedded`). Everything is a
function of a seed; the same bytes come out on every supported Python.
"""

from embedded_world.e2e import CorpusEntry, e2e_splits
from embedded_world.glue import GlueEntry, glue_splits
from embedded_world.pretraining import linearise, pretraining_pairs
from embedded_world.webnlg import WebNLGEntry, webnlg_splits
from embedded_world.xsum import XSumEntry, xsum_splits

__all__ = [
    "CorpusEntry",
    "GlueEntry",
    "WebNLGEntry",
    "XSumEntry",
    "e2e_splits",
    "glue_splits",
    "linearise",
    "pretraining_pairs",
    "webnlg_splits",
    "xsum_splits",
]
