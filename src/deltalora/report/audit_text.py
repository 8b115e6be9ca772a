"""The audit for a terminal, as Markdown, and as JSON."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from deltalora.report.audit import Finding
from deltalora.report.audit_outcome import Verdict

#: Columns of a terminal.
WIDTH = 100

_INTRODUCTION = (
    "The arithmetic of arXiv 2309.02411, computed again from its printed numbers. Numbers that could not be read are "
    "n/a and decide nothing."
)


_OF_SEVERAL = {Verdict.HOLDS: "hold", Verdict.FAILS: "do not hold", Verdict.UNKNOWN: "cannot be checked"}


def to_text(findings: Sequence[Finding]) -> str:
    """One block a claim, no line longer than `WIDTH`; the count of verdicts stands last, where a reader ends."""
    blocks = [textwrap.fill(_INTRODUCTION, WIDTH)]
    for finding in findings:
        claim = finding.claim
        block = [f"{finding.verdict.upper()}   {claim.id}   ({claim.where})", *_wrapped(claim.says, "  ")]
        if claim.quote is not None:
            block += _wrapped(
                f"quote: \N{LEFT DOUBLE QUOTATION MARK}{claim.quote}\N{RIGHT DOUBLE QUOTATION MARK}", "  "
            )
        block += [line for one in finding.outcome.lines for line in _wrapped(one, "  - ")]
        if finding.reason is not None:
            block += _wrapped(f"why not: {finding.reason}", "  ")
        if claim.remark is not None:
            block += _wrapped(f"note: {claim.remark}", "  ")
        blocks.append("\n".join(block))
    blocks.append(summary(findings))
    return "\n\n".join(blocks) + "\n"


def to_markdown(findings: Sequence[Finding]) -> str:
    """A table of verdicts, then a section a claim."""
    lines = ["# Audit", "", _INTRODUCTION, "", f"**{summary(findings)}**", ""]
    lines += ["| Claim | Where | Says | Verdict |", "|---|---|---|---|"]
    for finding in findings:
        claim = finding.claim
        cells = (f"[{claim.id}](#{claim.id})", claim.where, claim.says, f"**{finding.verdict}**")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    for finding in findings:
        claim = finding.claim
        lines += ["", f"## {claim.id}", "", f"{claim.says} ({claim.where}): **{finding.verdict}**."]
        if claim.quote is not None:
            lines += ["", f"> {claim.quote}"]
        lines += ["", *(f"- {line}" for line in finding.outcome.lines)]
        if finding.reason is not None:
            lines += ["", f"Why not: {finding.reason}."]
        if claim.remark is not None:
            lines += ["", claim.remark]
    return "\n".join(lines) + "\n"


def to_json(findings: Sequence[Finding]) -> str:
    """One indented object: `summary` and `claims`, each with its numbers by name; null is a number not available."""
    content = {
        "summary": {str(verdict): count for verdict, count in _counted(findings).items()},
        "claims": [
            {
                "id": finding.claim.id,
                "where": finding.claim.where,
                "says": finding.claim.says,
                "quote": finding.claim.quote,
                "verdict": str(finding.verdict),
                "reason": finding.reason,
                "computed": list(finding.outcome.lines),
                "values": {name: _plain(value) for name, value in finding.outcome.values.items()},
                "missing": list(finding.outcome.missing),
                "remark": finding.claim.remark,
            }
            for finding in findings
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def summary(findings: Sequence[Finding]) -> str:
    """How many claims there are of each verdict."""
    counted = ", ".join(f"{count} {_OF_SEVERAL[verdict]}" for verdict, count in _counted(findings).items())
    return f"{len(findings)} claims: {counted}."


def _counted(findings: Iterable[Finding]) -> dict[Verdict, int]:
    counter = Counter(finding.verdict for finding in findings)
    return {verdict: counter[verdict] for verdict in Verdict}


def _plain(value: Decimal | int | str | None) -> int | float | str | None:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False
    )
