"""A table as Markdown that also reads well unrendered, in a terminal."""

import re
from collections.abc import Iterable, Sequence

from deltalora.report.divergences import divergence_note
from deltalora.report.document import document
from deltalora.report.grids import Grid
from deltalora.report.similarity import SimilarityFigure, similarity_grid
from deltalora.report.table import Table
from deltalora.results.table_request import heading

#: What Markdown reads as markup; an underscore inside a word is only an underscore.
_SIGNIFICANT = re.compile(r"[\\|*`<]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def to_markdown(table: Table) -> str:
    """Return the whole document of a table."""
    whole = document(table)
    blocks = [
        f"## {whole.heading}: {whole.title}",
        " · ".join(f"{name}: **{value}**" for name, value in whole.facts),
        *map(_grid, (*whole.results, *whole.counts)),
        _bullets(whole.notes),
        whole.divergences,
    ]
    for section in whole.sections:
        blocks += [f"### {_escape(section.title)}", *map(_grid, section.grids), section.note]
    if whole.unfinished:
        blocks += ["### Unfinished and missing runs", _bullets(map(_escape, whole.unfinished))]
    blocks += ["### Provenance", _bullets(f"{name}: `{value}`" for name, value in whole.provenance)]
    return _joined(blocks)


def figure_to_markdown(figure: SimilarityFigure) -> str:
    """Return the numbers of a figure, as `to_markdown` shows those of a table."""
    blocks = [
        f"## {heading(figure.name)}: {figure.title}",
        f"**{_escape(figure.caption)}**",
        _grid(similarity_grid(figure)),
        _bullets(map(_escape, figure.notes)),
        divergence_note(figure.divergences),
    ]
    return _joined(blocks)


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _grid(grid: Grid) -> str:
    header, *lines = [[_escape(cell) for cell in line] for line in (grid.header, *sum(grid.groups, ()))]
    widths = [max(3, *map(len, column)) for column in zip(header, *lines, strict=True)]
    rule = ["-" * width if n < grid.text_columns else "-" * (width - 1) + ":" for n, width in enumerate(widths)]

    def padded(line: Sequence[str]) -> str:
        cells = enumerate(zip(line, widths, strict=True))
        return " | ".join(f"{cell:{'<' if n < grid.text_columns else '>'}{width}}" for n, (cell, width) in cells)

    return "\n".join(f"| {padded(line)} |" for line in [header, rule, *lines])


def _escape(text: str) -> str:
    return _SIGNIFICANT.sub(lambda match: "\\" + match[0], text)
