"""The audit for a terminal, as Markdown, and as JSON."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from deltalora.audit import Checked, Verdict
from deltalora.audit.finding import Value

#: Columns of a terminal.
WIDTH = 100

_INTRODUCTION = (
    "What arXiv 2309.02411 states, held against its own printed numbers, the data and the code it names. Every "
    "verdict is computed; none is written down."
)

_OF_SEVERAL = {Verdict.HOLDS: "hold", Verdict.FAILS: "do not hold", Verdict.OPEN: "cannot be told"}


def to_text(checked: Sequence[Checked]) -> str:
    """One block per claim, no line longer than `WIDTH`; the count of verdicts stands last, where a reader ends."""
    blocks = [textwrap.fill(_INTRODUCTION, WIDTH)]
    for one in checked:
        claim, finding = one.claim, one.finding
        block = [f"{finding.verdict.upper()}   {claim.id}", *_wrapped(f"{claim.says} ({claim.where})", "  ")]
        if claim.quote:
            block += _wrapped(
                f"quote: \N{LEFT DOUBLE QUOTATION MARK}{claim.quote}\N{RIGHT DOUBLE QUOTATION MARK}", "  "
            )
        block += _wrapped(finding.sentence, "  = ")
        block += [line for text in finding.lines for line in _wrapped(text, "  - ")]
        if claim.remark:
            block += _wrapped(f"note: {claim.remark}", "  ")
        blocks.append("\n".join(block))
    blocks.append(summary(checked))
    return "\n\n".join(blocks) + "\n"


def to_markdown(checked: Sequence[Checked]) -> str:
    """A table of verdicts, then a section per claim."""
    lines = ["# Audit", "", _INTRODUCTION, "", f"**{summary(checked)}**", ""]
    lines += ["| Claim | Where | Says | Verdict |", "|---|---|---|---|"]
    for one in checked:
        claim = one.claim
        cells = (f"[{claim.id}](#{claim.id})", claim.where, claim.says, f"**{one.finding.verdict}**")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    for one in checked:
        claim, finding = one.claim, one.finding
        lines += ["", f"## {claim.id}", "", f"{claim.says} ({claim.where}): **{finding.verdict}**."]
        if claim.quote:
            lines += ["", f"> {claim.quote}"]
        lines += ["", finding.sentence]
        if finding.lines:
            lines += ["", *(f"- {line}" for line in finding.lines)]
        if claim.remark:
            lines += ["", claim.remark]
    return "\n".join(lines) + "\n"


def to_json(checked: Sequence[Checked]) -> str:
    """One indented object: `summary` and `claims`, each with its sentence and its numbers by name."""
    content = {
        "summary": {str(verdict): number for verdict, number in _counted(checked).items()},
        "claims": [
            {
                "id": one.claim.id,
                "where": one.claim.where,
                "says": one.claim.says,
                "quote": one.claim.quote,
                "verdict": str(one.finding.verdict),
                "sentence": one.finding.sentence,
                "computed": list(one.finding.lines),
                "values": {name: _plain(value) for name, value in one.finding.values.items()},
                "remark": one.claim.remark,
            }
            for one in checked
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def summary(checked: Sequence[Checked]) -> str:
    """How many claims there are of each verdict."""
    counted = ", ".join(f"{number} {_OF_SEVERAL[verdict]}" for verdict, number in _counted(checked).items())
    return f"{len(checked)} claims: {counted}."


def _counted(checked: Iterable[Checked]) -> dict[Verdict, int]:
    counter = Counter(one.finding.verdict for one in checked)
    return {verdict: counter[verdict] for verdict in Verdict}


def _plain(value: Value) -> int | float | str | None:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False
    )
