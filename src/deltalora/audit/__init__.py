"""The paper's own statements, checked against its own numbers: one plain function per claim.

The claims are by topic. The paper's tables and the register of divergences, which also lists what the paper never
reports, are in `report`. Imports neither torch nor transformers.
"""

from typing import NamedTuple

from deltalora.audit import generation, glue, recipes, sensitivity, sizes
from deltalora.audit.finding import CLAIMS, Claim, Finding, Verdict

__all__ = ["CLAIMS", "Checked", "Claim", "Finding", "Verdict", "audit"]

#: In the order of the paper: scores, parameters and data, recipes, sensitivity and method.
_TOPICS = [topic.__name__ for topic in (generation, glue, sizes, recipes, sensitivity)]


class Checked(NamedTuple):
    """A claim and the finding of its check."""

    claim: Claim
    finding: Finding


def audit() -> tuple[Checked, ...]:
    """Check every claim, topic by topic; a `StoreError` if one names a number that the paper does not print."""
    ordered = sorted(CLAIMS.values(), key=lambda one: _TOPICS.index(one.check.__module__))
    return tuple(Checked(one, one.check()) for one in ordered)
