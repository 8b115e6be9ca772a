"""A table as LaTeX for any document that loads `booktabs`; pure ASCII, so that every engine and encoding takes it."""

import re
from collections.abc import Iterable
from dataclasses import replace

from deltalora.report.document import document
from deltalora.report.grids import Grid, Line
from deltalora.report.table import Table

#: Lines of a grid, at \\scriptsize with a gap between groups, on a page of 22 cm of text.
_LINES_PER_PAGE = 45

_MATHS = {"±": "pm", "↑": "uparrow", "↓": "downarrow", "·": "cdot", "α": "alpha", "λ": "lambda", "×": "times"}
_SPECIAL = {
    **{char: "\\" + char for char in "&%$#_{}"},
    **{char: rf"\(\{command}\)" for char, command in _MATHS.items()},
    "−": r"\(-\)",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}\allowbreak{}",  # where a signature may break across lines
    "[": "{[}",  # after a line's end LaTeX would read it as an argument, and so the star
    "*": "{*}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "–": "--",
    "…": r"\ldots{}",
}
#: A minus sign before a number, or between two words of a difference; not a hyphen.
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)|(?<= )-(?= )")


def to_latex(table: Table) -> str:
    """Return the document of a table as `table*` floats; the LaTeX document must load `booktabs`."""
    whole = document(table)
    facts = "; ".join(f"{name}: {value}" for name, value in whole.facts)
    notes = [*whole.notes, *(f"Without numbers: {line}." for line in whole.unfinished), whole.divergences]
    notes.append("; ".join(f"{name}: {value}" for name, value in whole.provenance) + ".")
    floats = [_float(f"{whole.title} ({facts}).", table.name, (*whole.results, *whole.counts), notes)]
    for section in whole.sections:
        pages = [section.grids] if len(section.grids) > 1 else _pages(section.grids[0])
        for number, page in enumerate(pages, start=1):
            of, place = (f" ({number} of {len(pages)})", f"-{number}") if len(pages) > 1 else ("", "")
            caption = f"{whole.title}. {section.title}{of}."
            floats.append(_float(caption, f"{table.name}-{section.key}{place}", page, [section.note]))
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(floats)


def escape(text: str) -> str:
    """Return text that LaTeX prints literally; a character LaTeX may lack is named by its code point."""
    marked = _MINUS.sub("−", text)
    return "".join(_SPECIAL.get(char, char if char.isascii() else f"[U+{ord(char):04X}]") for char in marked)


def _float(caption: str, label: str, grids: Iterable[Grid], notes: Iterable[str]) -> str:
    lines = [
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:{label}}}",
        r"\scriptsize\setlength{\tabcolsep}{3pt}",
        *(line for grid in grids if grid.groups for line in _tabular(grid)),
        *(rf"\parbox{{\textwidth}}{{\raggedright {escape(note)}}}\par" for note in notes if note),
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _pages(grid: Grid) -> list[tuple[Grid]]:
    """Cut a grid between groups into what a page holds; a float does not break."""
    pages: list[list[tuple[Line, ...]]] = [[]]
    for group in grid.groups:
        if pages[-1] and sum(map(len, pages[-1])) + len(group) > _LINES_PER_PAGE:
            pages.append([])
        pages[-1].append(group)
    return [(replace(grid, groups=tuple(groups)),) for groups in pages]


def _tabular(grid: Grid) -> Iterable[str]:
    alignment = "l" * grid.text_columns + "r" * (len(grid.header) - grid.text_columns)
    body = "\n\\addlinespace\n".join("\n".join(_line(line) for line in group) for group in grid.groups)
    return (
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _line(grid.header),
        r"\midrule",
        body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\medskip",
    )


def _line(cells: Iterable[str]) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"
