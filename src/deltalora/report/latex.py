"""A table as LaTeX for any document that loads `booktabs`; pure ASCII, so that every engine and encoding takes it."""

import re
from collections.abc import Iterable

from deltalora.report import layout
from deltalora.report.divergences import divergence_note
from deltalora.report.evidence_layout import evidence_blocks
from deltalora.report.layout import Grid
from deltalora.report.table import Table

#: Lines of a grid, at \\scriptsize with a gap between groups, on a page of 22 cm of text.
_LINES_A_PAGE = 45

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}\allowbreak{}",  # where a signature may break across lines
    "[": "{[}",  # after a line's end LaTeX would read it as an argument, and so the star
    "*": "{*}",
    "±": r"\(\pm\)",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "↑": r"\(\uparrow\)",
    "↓": r"\(\downarrow\)",
    "–": "--",
    "·": r"\(\cdot\)",
    "…": r"\ldots{}",
    "−": r"\(-\)",
    "α": r"\(\alpha\)",
    "λ": r"\(\lambda\)",
    "×": r"\(\times\)",
}
#: A minus sign before a number, or between two words of a difference; not a hyphen.
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)|(?<= )-(?= )")


def to_latex(table: Table) -> str:
    """The table, its differences and their evidence as `table*` floats; the document must load `booktabs`."""
    facts = "; ".join(f"{name}: {value}" for name, value in layout.facts(table))
    notes = [*layout.reading_notes(table), *(f"Without numbers: {line}." for line in layout.unfinished_lines(table))]
    if note := divergence_note(table.divergences):
        notes.append(note)
    notes.append("; ".join(f"{name}: {value}" for name, value in layout.provenance(table)) + ".")
    whole = (*layout.results_grids(table), layout.parameters_grid(table), layout.parts_grid(table))
    floats = [_float(f"{table.title} ({facts}).", f"{table.name}", whole, notes)]
    if effects := layout.effects_grids(table):
        caption = f"{table.title}: differences from {table.reference}."
        floats.append(_float(caption, f"{table.name}-effects", effects, [layout.effects_note(table)]))
    if controls := layout.controls_grids(table):
        caption = f"{table.title}: differences from the controls (ours)."
        floats.append(_float(caption, f"{table.name}-controls", controls, [layout.controls_note(table)]))
    for block in evidence_blocks(table):
        pages = _pages(block.grid)
        for number, page in enumerate(pages, start=1):
            of = f" ({number} of {len(pages)})" if len(pages) > 1 else ""
            label = f"{table.name}-{block.key}" + (f"-{number}" if len(pages) > 1 else "")
            floats.append(_float(f"{table.title}: {block.title}{of}.", label, [page], [block.note]))
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(floats)


def escape(text: str) -> str:
    """Text that LaTeX prints as it stands; a character LaTeX may lack is named by its code point."""
    marked = _MINUS.sub("−", text)
    return "".join(_SPECIAL.get(char, char if char.isascii() else f"[U+{ord(char):04X}]") for char in marked)


def _float(caption: str, label: str, grids: Iterable[Grid], notes: Iterable[str]) -> str:
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            rf"\label{{tab:{label}}}",
            r"\scriptsize\setlength{\tabcolsep}{3pt}",
            *(line for grid in grids if grid.groups for line in _tabular(grid)),
            *(rf"\parbox{{\textwidth}}{{\raggedright {escape(note)}}}\par" for note in notes),
            r"\end{table*}",
            "",
        ]
    )


def _pages(grid: Grid) -> list[Grid]:
    """The grid cut between groups into what a page holds; a float does not break."""
    pages: list[list[tuple[tuple[str, ...], ...]]] = [[]]
    for group in grid.groups:
        if pages[-1] and sum(map(len, pages[-1])) + len(group) > _LINES_A_PAGE:
            pages.append([])
        pages[-1].append(group)
    return [Grid(grid.header, tuple(groups), grid.text_columns) for groups in pages]


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
