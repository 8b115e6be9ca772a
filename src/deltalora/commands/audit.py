"""`deltalora audit`: the paper's own arithmetic, computed again, and the register of divergences."""

from collections.abc import Sequence

from deltalora.commands.arguments import OneLineParser
from deltalora.errors import ConfigError
from deltalora.report import audit_text, divergence_text
from deltalora.report.audit import audit as findings
from deltalora.report.divergences import divergence, divergences

DESCRIPTION = """Computes every claim of the paper that its printed numbers can decide, prints the numbers, and says
whether the claim holds, does not hold, or cannot be checked because numbers could not be read. With --divergences it
prints where the paper, upstream's code and this suite differ. Runs nothing, reads no records; exit code 0 whatever the
verdicts."""

_FINDINGS = {"text": audit_text.to_text, "md": audit_text.to_markdown, "json": audit_text.to_json}
_WHOLE_REGISTER = ""


def audit(arguments: Sequence[str]) -> int:
    """Prints the audit or the register in one of three formats.

    Raises:
        StoreError: There is no divergence of the tag asked for.
    """
    parser = OneLineParser(prog="deltalora audit", description=DESCRIPTION)
    parser.add_argument("--format", choices=list(_FINDINGS), default="text")
    parser.add_argument(
        "--divergences",
        nargs="?",
        const=_WHOLE_REGISTER,
        metavar="TAG",
        help="the register of divergences, or one entry of it",
    )
    options, rest = parser.with_overrides(arguments)
    if rest:
        raise ConfigError(f"audit computes from the paper's numbers alone, found {rest[0]!r}: drop it")
    if options.divergences is None:
        print(_FINDINGS[options.format](findings()), end="")
    else:
        print(_register(options.divergences, options.format), end="")
    return 0


def _register(tag: str, form: str) -> str:
    entries = list(divergences().values()) if tag == _WHOLE_REGISTER else [divergence(tag)]
    if form == "json":
        return divergence_text.entries_json(entries)
    if tag == _WHOLE_REGISTER:
        return (divergence_text.register_markdown if form == "md" else divergence_text.overview_text)(entries)
    return divergence_text.entries_markdown(entries) if form == "md" else divergence_text.entry_text(entries[0])
