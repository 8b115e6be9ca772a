"""What the parity tests measured, as data: every method, search and metric against the source it is held to.

`fidelity.json` is written by a test run (`make fidelity`); nothing here is typed in.
"""

from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deltalora.errors import StoreError, one_line


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    difference: float = Field(description="Largest absolute difference seen.")
    tolerance: float = Field(description="Largest one allowed; for a printed score half of its last digit's unit.")

    @property
    def is_met(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= self.tolerance * (1 + 1e-9)


class OracleRow(_Row):
    """One quantity held against an oracle: how far ours is from it at most."""

    table: Literal["oracles"]
    subject: str = Field(description="A method, a metric, a search, an export.")
    oracle: str = Field(description="What it is held against, with version or commit.")
    what: str = Field(description="The quantity.")


class PublishedRow(_Row):
    """One printed score beside ours."""

    table: Literal["published"]
    metric: str
    fixture: str = Field(description="Set and system.")
    published: float = Field(description="As printed.")
    ours: float = Field(description="Not rounded.")
    register_tag: str | None = Field(description="The divergence that explains a larger difference, if there is one.")


def fidelity_text() -> str:
    """The JSON of the last recorded test run."""
    return (files(__package__) / "fidelity.json").read_text(encoding="utf-8")


@cache
def fidelity_rows() -> list[OracleRow | PublishedRow]:
    """The rows of the last recorded test run; a `StoreError` if the file is malformed."""
    try:
        return TypeAdapter(list[OracleRow | PublishedRow]).validate_json(fidelity_text())
    except ValidationError as error:
        raise StoreError(f"report/fidelity.json: {one_line(error)}; run `make fidelity` again") from error


def fidelity_markdown() -> str:
    """The page docs/fidelity.md."""
    oracles = [row for row in fidelity_rows() if isinstance(row, OracleRow)]
    published = [row for row in fidelity_rows() if isinstance(row, PublishedRow)]
    within = sum(row.is_met for row in published)
    blocks = [
        "# Fidelity",
        "Written from a test run by `make fidelity`; nothing here was typed. Every row is an assertion of `make test`.",
        "## Methods, metrics, searches and exports against their oracles",
        "Largest absolute difference over all cases of all tests that compare the quantity. 0 is bit for bit.",
        "| subject | oracle | what | largest difference | tolerance |\n|---|---|---|--:|--:|\n"
        + "\n".join(map(_oracle_line, oracles)),
        "## Scores of published system outputs",
        f"{within} of {len(published)} scores round to the printed ones; each other names the divergence that explains "
        "it ([register](divergences.md)).",
        "| metric | fixture | published | ours | difference | divergence |\n|---|---|--:|--:|--:|---|\n"
        + "\n".join(map(_published_line, published)),
    ]
    return "\n\n".join(blocks) + "\n"


def _oracle_line(row: OracleRow) -> str:
    return f"| {row.subject} | {row.oracle} | {row.what} | {row.difference:.1e} | {row.tolerance:.0e} |"


def _published_line(row: PublishedRow) -> str:
    why = "none" if row.is_met else f"[{row.register_tag}](divergences.md#{row.register_tag})"
    return f"| {row.metric} | {row.fixture} | {row.published:g} | {row.ours:.6g} | {row.difference:.1e} | {why} |"
