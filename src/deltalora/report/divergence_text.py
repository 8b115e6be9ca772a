"""The divergence register for a terminal, as the Markdown of docs/divergences.md, and as JSON."""

import json
import re
import textwrap
from collections.abc import Sequence

from deltalora.report.divergences import Divergence, Place

#: Columns of a terminal.
WIDTH = 100

#: Place -> its heading, in the order of the way from data to table.
_HEADINGS: dict[Place, str] = {
    "method": "Methods",
    "recipe": "Recipes",
    "data": "Data",
    "decoding": "Decoding",
    "metric": "Metrics",
    "table": "Tables",
}
_FIELDS = ("paper", "upstream", "ours", "effect")
#: What Markdown would read as markup in these texts; inside a word an underscore is only an underscore.
_SIGNIFICANT = re.compile(r"[\\|*<\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def overview_text(entries: Sequence[Divergence]) -> str:
    """Tag and title of every entry, by place."""
    lines = [f"{len(entries)} places where the paper, upstream's code and this suite differ", ""]
    for place, heading in _HEADINGS.items():
        if here := [entry for entry in entries if entry.place == place]:
            lines += [heading, *(line for entry in here for line in _titled(entry)), ""]
    lines.append("`deltalora audit --divergences TAG` prints one in full.")
    return "\n".join(lines) + "\n"


def entry_text(entry: Divergence) -> str:
    """One entry in full."""
    lines = [f"{entry.tag} ({entry.place})", *_wrapped(entry.title, "  "), ""]
    for name in _FIELDS:
        lines += _wrapped(f"{name + ':':<10}{getattr(entry, name)}", "  ", " " * 12)
    lines += _wrapped(f"{'select:':<10}{entry.select or 'nothing selects the other'}", "  ", " " * 12)
    return "\n".join(lines) + "\n"


def silent_text(entries: Sequence[Divergence]) -> str:
    """What the paper never reports, and our choice, one block per entry."""
    blocks = [f"{len(entries)} things that the paper never reports, and what this suite does"]
    for entry in entries:
        lines = [f"{entry.title} ({entry.tag})"]
        for name in ("paper", "ours"):
            lines += _wrapped(f"{name + ':':<7}{getattr(entry, name)}", "  ", " " * 9)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def silent_markdown(entries: Sequence[Divergence]) -> str:
    """The same as one table."""
    lines = ["| Never reported | The paper | Ours | Entry |", "|---|---|---|---|"]
    for entry in entries:
        cells = (*map(_escape, (entry.title, entry.paper, entry.ours)), entry.tag)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def register_markdown(entries: Sequence[Divergence]) -> str:
    """The whole register as a page: a section a place, an entry a heading that tables and tests can be linked to."""
    blocks = [
        "# Divergences",
        "Generated from `src/deltalora/report/divergences.yaml` by `scripts/write_docs.py`: edit the register, not "
        "this page.",
        f"{len(entries)} places where the paper (arXiv 2309.02411), its authors' upstream code and this suite differ, "
        "or where the paper is silent and we had to choose. Tables name the entries that touch them by tag; `deltalora "
        "audit --divergences TAG` prints one. *Select* is what to add to `deltalora train experiment=e2e scale=paper` "
        "for the other choice; one that names its own experiment or scale replaces that.",
    ]
    for place, heading in _HEADINGS.items():
        here = [entry for entry in entries if entry.place == place]
        if here:
            blocks.append(f"## {heading}")
            blocks += [_entry_markdown(entry) for entry in here]
    return "\n\n".join(blocks) + "\n"


def entries_markdown(entries: Sequence[Divergence]) -> str:
    """Entries alone, without the page around them."""
    return "\n\n".join(_entry_markdown(entry) for entry in entries) + "\n"


def entries_json(entries: Sequence[Divergence]) -> str:
    """A list of objects with the fields of the register."""
    return json.dumps([entry.model_dump() for entry in entries], indent=2, ensure_ascii=False) + "\n"


def _entry_markdown(entry: Divergence) -> str:
    lines = [f"### {entry.tag}", "", _escape(entry.title), ""]
    lines += [f"- **{name.capitalize()}:** {_escape(getattr(entry, name))}" for name in _FIELDS]
    lines.append(f"- **Select:** {f'`{entry.select}`' if entry.select else 'nothing selects the other'}")
    return "\n".join(lines)


def _escape(text: str) -> str:
    """Escapes markup outside of code between backticks."""
    parts = text.split("`")
    return "`".join(
        part if number % 2 else _SIGNIFICANT.sub(lambda match: "\\" + match[0], part)
        for number, part in enumerate(parts)
    )


def _titled(entry: Divergence) -> list[str]:
    return _wrapped(f"{entry.tag:<28}{entry.title}", "  ", " " * 30)


def _wrapped(text: str, indent: str, subsequent: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=subsequent or indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
