"""`deltalora audit`: the paper's statements held against its own numbers, and the register of divergences."""

from collections.abc import Sequence

from deltalora.audit import audit as check_all
from deltalora.audit import text as audit_text
from deltalora.commands.arguments import OneLineParser
from deltalora.errors import ConfigError
from deltalora.report import divergence_text
from deltalora.report.divergences import divergence, divergences, never_reported

DESCRIPTION = """Checks every claim of the paper that its own printed numbers can decide and says whether it holds,
does not hold, or cannot be told, in a sentence to quote. With --silent it prints what the paper never reports and our
choice for each; with --divergences, where the paper, upstream's code and this suite differ. Runs nothing, reads no
records; exit code 0 whatever the verdicts."""

_AUDIT = {"text": audit_text.to_text, "md": audit_text.to_markdown, "json": audit_text.to_json}
_SILENT = {
    "text": divergence_text.silent_text,
    "md": divergence_text.silent_markdown,
    "json": divergence_text.entries_json,
}
_WHOLE_REGISTER = ""


def audit(arguments: Sequence[str]) -> int:
    """Print the audit, what the paper never reports, or the register in one of three formats.

    Raises:
        StoreError: There is no divergence of that tag.
    """
    parser = OneLineParser(prog="deltalora audit", description=DESCRIPTION)
    parser.add_argument("--format", choices=list(_AUDIT), default="text")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--silent", action="store_true", help="what the paper never reports, and our choice")
    which.add_argument(
        "--divergences",
        nargs="?",
        const=_WHOLE_REGISTER,
        metavar="TAG",
        help="the register of divergences, or one entry of it",
    )
    options, rest = parser.with_overrides(arguments)
    if rest:
        raise ConfigError(f"audit computes from the paper's numbers alone, found {rest[0]!r}: drop it")
    if options.silent:
        printed = _SILENT[options.format](never_reported())
    elif options.divergences is not None:
        printed = _register(options.divergences, options.format)
    else:
        printed = _AUDIT[options.format](check_all())
    print(printed, end="")
    return 0


def _register(tag: str, form: str) -> str:
    entries = list(divergences().values()) if tag == _WHOLE_REGISTER else [divergence(tag)]
    if form == "json":
        return divergence_text.entries_json(entries)
    if tag == _WHOLE_REGISTER:
        return (divergence_text.register_markdown if form == "md" else divergence_text.overview_text)(entries)
    return divergence_text.entries_markdown(entries) if form == "md" else divergence_text.entry_text(entries[0])
