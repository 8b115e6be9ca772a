"""A table as Markdown that also reads well unrendered, in a terminal."""

import re
from collections.abc import Iterable, Sequence

from deltalora.report import layout
from deltalora.report.divergences import divergence_note
from deltalora.report.evidence_layout import evidence_blocks
from deltalora.report.layout import Grid
from deltalora.report.similarity import SimilarityFigure, similarity_grid
from deltalora.report.table import Table

#: An underscore inside a word is only an underscore.
_SIGNIFICANT = re.compile(r"[\\|*`<]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def to_markdown(table: Table) -> str:
    """The table, the differences and their evidence, the runs that failed and where it all comes from."""
    blocks = [
        f"## {_heading(table.name)}: {table.title}",
        " · ".join(f"{name}: **{value}**" for name, value in layout.facts(table)),
        *map(_grid, layout.results_grids(table)),
        *(_grid(grid) for grid in (layout.parameters_grid(table), layout.parts_grid(table)) if grid.groups),
        _bullets(layout.reading_notes(table)),
        divergence_note(table.divergences),
    ]
    if effects := layout.effects_grids(table):
        blocks += [f"### Differences from {_escape(table.reference)}", *map(_grid, effects), layout.effects_note(table)]
    if controls := layout.controls_grids(table):
        blocks += ["### Differences from the controls (ours)", *map(_grid, controls), layout.controls_note(table)]
    for block in evidence_blocks(table):
        blocks += [f"### {_escape(block.title)}", _grid(block.grid), block.note]
    if unfinished := layout.unfinished_lines(table):
        blocks += ["### Unfinished and missing runs", _bullets(_escape(line) for line in unfinished)]
    blocks += ["### Provenance", _bullets(f"{name}: `{value}`" for name, value in layout.provenance(table))]
    return _joined(blocks)


def figure_to_markdown(figure: SimilarityFigure) -> str:
    """The numbers of a figure, as `to_markdown` shows those of a table."""
    blocks = [
        f"## {_heading(figure.name)}: {figure.title}",
        f"**{_escape(figure.caption)}**",
        _grid(similarity_grid(figure)),
        _bullets(_escape(note) for note in figure.notes),
        divergence_note(figure.divergences),
    ]
    return _joined(blocks)


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _heading(name: str) -> str:
    return name.replace("table", "Table ").replace("figure", "Figure ")


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _grid(grid: Grid) -> str:
    lines = [tuple(_escape(cell) for cell in line) for group in grid.groups for line in group]
    header = tuple(_escape(cell) for cell in grid.header)
    widths = [max(3, *(len(line[column]) for line in [header, *lines])) for column in range(len(header))]
    rule = [
        "-" * width if column < grid.text_columns else "-" * (width - 1) + ":" for column, width in enumerate(widths)
    ]
    return "\n".join(
        [
            _line(header, widths, grid.text_columns),
            "| " + " | ".join(rule) + " |",
            *(_line(line, widths, grid.text_columns) for line in lines),
        ]
    )


def _line(cells: Sequence[str], widths: Sequence[int], text_columns: int) -> str:
    padded = [
        cell.ljust(width) if column < text_columns else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"


def _escape(text: str) -> str:
    return _SIGNIFICANT.sub(lambda match: "\\" + match[0], text)
