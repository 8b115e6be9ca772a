"""The divergence register: where the paper, the authors' upstream code and this suite differ, as data."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deltalora.errors import StoreError, one_line

Place = Literal["method", "recipe", "data", "decoding", "metric", "table"]


class Divergence(BaseModel):
    """One place where two of the three differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="Name by which tables and tests refer to it.")
    place: Place = Field(description="Which part of the way from data to table it is in.")
    silent: bool = Field(default=False, description="The paper never reports it; a reader must know our choice.")
    title: str = Field(min_length=1, description="What differs, in one line.")
    paper: str = Field(min_length=1, description="What the paper says, with its table or section, or 'silent'.")
    upstream: str = Field(min_length=1, description="What the authors' upstream code does, as repo@commit file.")
    ours: str = Field(min_length=1, description="What this suite does, and why.")
    effect: str = Field(min_length=1, description="The known effect and where it is known from, or 'unknown'.")
    select: str | None = Field(description="The override or option that selects the other; None where there is none.")


# libyaml where PyYAML was built with it, as its wheels are: the register alone takes the Python reader 0.2 s.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """The value of a YAML text: plain numbers, texts, lists and mappings; a `yaml.YAMLError` if it is malformed."""
    return yaml.load(text, Loader=_LOADER)


@cache
def divergences() -> dict[str, Divergence]:
    """The register by tag, in the order of its file; a `StoreError` if that is malformed or has a tag twice."""
    text = (files(__package__) / "divergences.yaml").read_text(encoding="utf-8")
    found: dict[str, Divergence] = {}
    try:
        entries = [Divergence.model_validate(entry) for entry in read_yaml(text) or []]
    except (yaml.YAMLError, ValidationError) as error:
        raise StoreError(f"report/divergences.yaml: {one_line(error)}; fix the entry") from error
    for entry in entries:
        if found.setdefault(entry.tag, entry) is not entry:
            raise StoreError(f"report/divergences.yaml: expected each tag once, found {entry.tag} twice; rename one")
    return found


def never_reported() -> tuple[Divergence, ...]:
    """The entries on what the paper never reports, in the order of the register."""
    return tuple(entry for entry in divergences().values() if entry.silent)


def divergence(tag: str) -> Divergence:
    """One entry; a `StoreError` if there is no such tag."""
    if tag not in divergences():
        raise StoreError(
            f"divergence {tag!r}: expected a tag of report/divergences.yaml, found none such; "
            "`deltalora audit --divergences` lists them"
        )
    return divergences()[tag]


def divergence_note(tags: Sequence[str]) -> str:
    """The line that stands under a table; empty for no tag."""
    return f"Divergences (`deltalora audit --divergences`, docs/divergences.md): {', '.join(tags)}." if tags else ""
