"""The paper's own arithmetic, computed again: claims as data, each with the numbers it stands on and a verdict.

A claim (report/paper/audit/claims.yaml) says where the paper states it and which numbers decide it; the kind of its
check says how. No verdict is written down anywhere: it follows from the numbers, and a claim whose numbers could not be
read cannot be checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter

from deltalora.errors import StoreError
from deltalora.report.audit_facts import AuditModel, load
from deltalora.report.audit_outcome import Outcome, Verdict
from deltalora.report.audit_recipes import OneValue, RunLengths, SameSettings, StartByWarmup, Times
from deltalora.report.audit_scores import (
    AboveOnEveryTask,
    BestOfSweep,
    BetterEverywhere,
    Difference,
    Means,
    NothingGained,
    SameRun,
    Shares,
)
from deltalora.report.audit_sizes import (
    Derivable,
    HighRank,
    OneUnit,
    ParameterColumn,
    Sizes,
    Small,
    SumOfSplits,
)

Check = Annotated[
    AboveOnEveryTask
    | BestOfSweep
    | BetterEverywhere
    | Derivable
    | Difference
    | HighRank
    | Means
    | NothingGained
    | OneUnit
    | OneValue
    | ParameterColumn
    | RunLengths
    | SameRun
    | SameSettings
    | Shares
    | Sizes
    | Small
    | StartByWarmup
    | SumOfSplits
    | Times,
    Field(discriminator="kind"),
]


class Claim(AuditModel):
    """One statement of the paper that its numbers can decide."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    where: str = Field(min_length=1, description="Where the paper states it, or what it follows from.")
    says: str = Field(min_length=1, description="The statement, in our words.")
    quote: str | None = Field(default=None, description="In the paper's own words, as far as they were kept.")
    remark: str | None = Field(default=None, description="What a reader must know to judge the verdict.")
    check: Check


@dataclass(frozen=True)
class Finding:
    """A claim and what its check comes to."""

    claim: Claim
    outcome: Outcome

    @property
    def verdict(self) -> Verdict:
        """Holds, does not hold, or cannot be checked."""
        return self.outcome.verdict

    @property
    def reason(self) -> str | None:
        """Why the claim cannot be checked; None where it can."""
        if self.verdict is not Verdict.UNKNOWN:
            return None
        if not self.outcome.missing:
            return "what is known of these numbers neither shows nor refutes it"
        return f"not available to the transcriber: {'; '.join(self.outcome.missing)}"


def audit() -> tuple[Finding, ...]:
    """Every claim with its verdict, in the order of the file.

    Raises:
        StoreError: A claim or a number it names is malformed.
    """
    return tuple(Finding(claim, claim.check.outcome()) for claim in claims().values())


@cache
def claims() -> Mapping[str, Claim]:
    """The claims by id.

    Raises:
        StoreError: The file is malformed or has an id twice.
    """
    found: dict[str, Claim] = {}
    for claim in load("claims", TypeAdapter(tuple[Claim, ...])):
        if claim.id in found:
            raise StoreError(
                f"report/paper/audit/claims.yaml: expected each id once, found {claim.id} twice; rename one"
            )
        found[claim.id] = claim
    return found
