"""Deliberate faults: how one is written down, put into a copy of the tree, and held against the tests that must see it.

`faults` reads the list and edits text, `trial` runs tests on a copy, `witness` is what runs inside the copy, `result`
prints. Nothing here imports `deltalora`: the package under test is the copy's.
"""

from mutation.faults import AREAS, Edit, Fault, FaultListError, apply, complaints, load_faults
from mutation.result import Board, markdown
from mutation.trial import Trial, Workshop, WrongPackageError

__all__ = [
    "AREAS",
    "Board",
    "Edit",
    "Fault",
    "FaultListError",
    "Trial",
    "Workshop",
    "WrongPackageError",
    "apply",
    "complaints",
    "load_faults",
    "markdown",
]
