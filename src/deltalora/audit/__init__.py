"""The paper's own statements, checked against its own numbers: one plain function per claim.

Lives here: the claims by topic, the facts they are checked against (`facts`), parameter counts in closed form, and how
findings are printed. Does not live here: the paper's tables (`report.paper`) and the register of divergences
(`report`), which also lists what the paper never reports. Imports neither torch nor transformers.
"""

from typing import NamedTuple

from deltalora.audit import generation, glue, recipes, sensitivity, sizes
from deltalora.audit.finding import Claim, Finding, Verdict, claims

#: In the order of the paper: scores, parameters and data, recipes, sensitivity and method.
_TOPICS = [topic.__name__ for topic in (generation, glue, sizes, recipes, sensitivity)]


class Checked(NamedTuple):
    """A claim and the finding of its check."""

    claim: Claim
    finding: Finding


def audit() -> tuple[Checked, ...]:
    """Check every claim, topic by topic, in the order of its file.

    Raises:
        StoreError: A claim names a number that the paper does not print.
    """
    ordered = sorted(claims().values(), key=lambda one: _TOPICS.index(one.check.__module__))
    return tuple(Checked(one, one.check()) for one in ordered)


__all__ = ["Checked", "Claim", "Finding", "Verdict", "audit", "claims"]
