"""The divergence register for a terminal, as the Markdown of docs/divergences.md, and as JSON."""

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import get_args

from deltalora.report.divergences import Divergence, Place

#: Columns of a terminal.
WIDTH = 100

#: Place -> its heading, in the order of the way from data to table.
_HEADINGS = dict(zip(get_args(Place), ("Methods", "Recipes", "Data", "Decoding", "Metrics", "Tables"), strict=True))
_FIELDS = ("paper", "upstream", "ours", "effect")
_NO_SELECT = "nothing selects the other"
#: What Markdown would read as markup in these texts; inside a word an underscore is only an underscore.
_SIGNIFICANT = re.compile(r"[\\|*<\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def overview_text(entries: Sequence[Divergence]) -> str:
    """Tag and title of every entry, by place."""
    lines = [f"{len(entries)} places where the paper, upstream's code and this suite differ", ""]
    for heading, here in _by_place(entries):
        lines += [heading, *(line for one in here for line in _wrapped(f"{one.tag:<28}{one.title}", 30)), ""]
    lines.append("`deltalora audit --divergences TAG` prints one in full.")
    return "\n".join(lines) + "\n"


def entry_text(entry: Divergence) -> str:
    """One entry in full."""
    lines = [f"{entry.tag} ({entry.place})", *_wrapped(entry.title, 2), ""]
    fields = {name: getattr(entry, name) for name in _FIELDS} | {"select": entry.select or _NO_SELECT}
    lines += [line for name, text in fields.items() for line in _wrapped(f"{name + ':':<10}{text}", 12)]
    return "\n".join(lines) + "\n"


def silent_text(entries: Sequence[Divergence]) -> str:
    """What the paper never reports, and our choice, one block per entry."""
    blocks = [f"{len(entries)} things that the paper never reports, and what this suite does"]
    for one in entries:
        lines = [f"{one.title} ({one.tag})", *_wrapped(f"paper: {one.paper}", 9), *_wrapped(f"ours:  {one.ours}", 9)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def silent_markdown(entries: Sequence[Divergence]) -> str:
    """The same as one table."""
    lines = ["| Never reported | The paper | Ours | Entry |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(map(_escape, (one.title, one.paper, one.ours)))} | {one.tag} |" for one in entries]
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
    for heading, here in _by_place(entries):
        blocks += [f"## {heading}", *map(_entry_markdown, here)]
    return "\n\n".join(blocks) + "\n"


def entries_markdown(entries: Iterable[Divergence]) -> str:
    """Entries alone, without the page around them."""
    return "\n\n".join(map(_entry_markdown, entries)) + "\n"


def entries_json(entries: Iterable[Divergence]) -> str:
    """A list of objects with the fields of the register."""
    return json.dumps([entry.model_dump() for entry in entries], indent=2, ensure_ascii=False) + "\n"


def _by_place(entries: Iterable[Divergence]) -> Iterable[tuple[str, list[Divergence]]]:
    for place, heading in _HEADINGS.items():
        if here := [entry for entry in entries if entry.place == place]:
            yield heading, here


def _entry_markdown(entry: Divergence) -> str:
    lines = [f"### {entry.tag}", "", _escape(entry.title), ""]
    lines += [f"- **{name.capitalize()}:** {_escape(getattr(entry, name))}" for name in _FIELDS]
    lines.append(f"- **Select:** {f'`{entry.select}`' if entry.select else _NO_SELECT}")
    return "\n".join(lines)


def _escape(text: str) -> str:
    """Escape markup outside of code between backticks."""
    parts = text.split("`")
    parts[::2] = [_SIGNIFICANT.sub(lambda match: "\\" + match[0], part) for part in parts[::2]]
    return "`".join(parts)


def _wrapped(text: str, hanging: int) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent=" " * hanging,
        break_on_hyphens=False,
        break_long_words=False,
    )
