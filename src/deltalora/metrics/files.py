"""Read the scorers' text files: UTF-8, with one clear line for each way to be wrong."""

from collections.abc import Sequence
from pathlib import Path

from deltalora.errors import DataError


def read_lines(path: Path) -> list[str]:
    """Return the stripped lines of a file. Empty lines are outputs too and stay; lines end at a line feed only.

    Raises:
        DataError: The file is missing, empty, or not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path") from error
    if not content.strip():
        raise DataError(f"{path}, line 1: expected at least one line of text, found an empty file; check what wrote it")
    lines = []
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), start=1):
        try:
            lines.append(line.decode().strip())
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: expected UTF-8, found the byte 0x{line[error.start]:02x} "
                f"at byte {error.start + 1}; convert the file to UTF-8"
            ) from error
    return lines


def line_ids(path: Path, lines: Sequence[str]) -> list[str]:
    """Return names for the lines in error messages, `FILE:LINE`."""
    return [f"{path}:{number}" for number in range(1, len(lines) + 1)]


def read_pairs(first: Path, second: Path, what: tuple[str, str]) -> tuple[list[str], list[str]]:
    """Return the lines of two files with one line per example in both; `what` says what a line of each is.

    Raises:
        DataError: A file cannot be read, or the counts differ.
    """
    lines = read_lines(first), read_lines(second)
    counts = len(lines[0]), len(lines[1])
    if counts[0] != counts[1]:
        raise DataError(
            f"{first}, line {min(counts) + 1}: expected one {what[0]} per {what[1]}, found {counts[0]} lines and "
            f"{counts[1]} in {second}; write one per line in both, an empty line for an empty output"
        )
    return lines


def read_segments(hyp: Path, ref: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the hypotheses, the references of each, and their names for error messages.

    A reference file without blank lines holds one reference per hypothesis; an empty line of `hyp` is an empty output.

    Raises:
        DataError: A file cannot be read, or the files do not fit together.
    """
    hypotheses = read_lines(hyp)
    blocks = read_references(ref)
    found = f"{len(blocks)} reference blocks in {ref}"
    if len(blocks) == 1 and len(hypotheses) > 1:
        found = f"{len(blocks[0])} single references (there is no blank line) in {ref}"
        blocks = [[text] for text in blocks[0]]
    if len(blocks) != len(hypotheses):
        raise DataError(
            f"{hyp}: expected one hypothesis line per reference block, found {len(hypotheses)} lines and {found}; "
            "write one line per block, an empty line for an empty output"
        )
    return hypotheses, blocks, line_ids(hyp, hypotheses)


def read_references(path: Path) -> list[list[str]]:
    """Return the blocks of non-empty lines of a file; blank lines after the last block are ignored.

    Raises:
        DataError: The file is missing, empty, or not UTF-8, or a block has no reference.
    """
    lines = read_lines(path)
    while lines and not lines[-1]:
        lines.pop()
    blocks: list[list[str]] = [[]]
    for number, line in enumerate([*lines, ""], start=1):
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
        else:
            raise DataError(
                f"{path}, line {number}: expected a reference, found a second blank line (an empty reference block); "
                "separate blocks by exactly one blank line"
            )
    return blocks[:-1]
