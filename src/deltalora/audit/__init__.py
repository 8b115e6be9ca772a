"""The paper's own statements, held against its own numbers: one plain function per claim.

Lives here: the claims by topic, what they are held against (`facts`), parameter counts in closed form, and how findings
are printed. Does not live here: the paper's tables (`report.paper`) and the register of divergences (`report`), which
also says what the paper never reports. Imports neither torch nor transformers.
"""

from dataclasses import dataclass

from deltalora.audit import generation, glue, recipes, sensitivity, sizes
from deltalora.audit.finding import Claim, Finding, Verdict, claims

#: In the order of the paper: scores, parameters and data, recipes, sensitivity and method.
_TOPICS = (generation, glue, sizes, recipes, sensitivity)


@dataclass(frozen=True)
class Checked:
    """A claim and what its check comes to."""

    claim: Claim
    finding: Finding


def audit() -> tuple[Checked, ...]:
    """Check every claim, topic by topic, in the order of its file.

    Raises:
        StoreError: A claim names a number that the paper does not print.
    """
    topics = [topic.__name__ for topic in _TOPICS]
    ordered = sorted(claims().values(), key=lambda one: topics.index(one.check.__module__))
    return tuple(Checked(one, one.check()) for one in ordered)


__all__ = ["Checked", "Claim", "Finding", "Verdict", "audit", "claims"]
