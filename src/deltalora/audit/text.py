"""The audit for a terminal, as Markdown, and as JSON."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from deltalora.audit import Checked, Verdict

#: Columns of a terminal.
WIDTH = 100

_INTRODUCTION = (
    "What arXiv 2309.02411 states, checked against its own printed numbers, the data and the code it names. Every "
    "verdict is computed; none is written down."
)
_OF_SEVERAL = {Verdict.HOLDS: "hold", Verdict.FAILS: "do not hold", Verdict.OPEN: "cannot be told"}


def to_text(checked: Sequence[Checked]) -> str:
    """Return one block per claim, no line longer than `WIDTH`, and the count of verdicts last, where a reader ends."""
    blocks = [textwrap.fill(_INTRODUCTION, WIDTH)]
    for claim, finding in checked:
        parts = [("  ", f"{claim.says} ({claim.where})"), ("  ", claim.quote and f"quote: “{claim.quote}”")]
        parts += [("  = ", finding.sentence), *(("  - ", line) for line in finding.lines)]
        parts.append(("  ", claim.remark and f"note: {claim.remark}"))
        lines = [f"{finding.verdict.upper()}   {claim.id}"]
        for indent, text in parts:  # an empty text is no line
            after = " " * len(indent)
            lines += textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=after, break_on_hyphens=False)
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, summary(checked)]) + "\n"


def to_markdown(checked: Sequence[Checked]) -> str:
    """Return a table of verdicts, then a section per claim."""
    table = ["| Claim | Where | Says | Verdict |", "|---|---|---|---|"]
    sections = []
    for claim, finding in checked:
        cells = (f"[{claim.id}](#{claim.id})", claim.where, claim.says, f"**{finding.verdict}**")
        table.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        sections += [f"## {claim.id}", f"{claim.says} ({claim.where}): **{finding.verdict}**."]
        sections += [claim.quote and f"> {claim.quote}", finding.sentence]
        sections += ["\n".join(f"- {line}" for line in finding.lines), claim.remark]
    blocks = ["# Audit", _INTRODUCTION, f"**{summary(checked)}**", "\n".join(table), *sections]
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_json(checked: Sequence[Checked]) -> str:
    """Return one indented object: `summary` and `claims`, each with its sentence and its numbers by name."""
    claims = [
        {
            "id": claim.id,
            "where": claim.where,
            "says": claim.says,
            "quote": claim.quote,
            "verdict": finding.verdict,
            "sentence": finding.sentence,
            "computed": finding.lines,
            "values": finding.values,
            "remark": claim.remark,
        }
        for claim, finding in checked
    ]
    content = {"summary": _counted(checked), "claims": claims}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def summary(checked: Sequence[Checked]) -> str:
    """Return how many claims have each verdict."""
    counted = ", ".join(f"{number} {_OF_SEVERAL[verdict]}" for verdict, number in _counted(checked).items())
    return f"{len(checked)} claims: {counted}."


def _counted(checked: Iterable[Checked]) -> dict[Verdict, int]:
    counter = Counter(one.finding.verdict for one in checked)
    return {verdict: counter[verdict] for verdict in Verdict}


def _plain(value: Decimal | Fraction) -> int | float:
    return int(value) if value == int(value) else float(value)
