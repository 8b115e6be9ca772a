"""The lines of a text file, as every file of texts is read: UTF-8, and one clear line for each way to be wrong."""

from pathlib import Path

from deltalora.errors import DataError


def read_lines(path: Path) -> list[str]:
    """The lines of a file, stripped; empty lines are kept, since they are outputs too. Lines end at a line feed only.

    Raises:
        DataError: The file is missing, empty, or not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a readable text file, found: {error.strerror}; check the path") from error
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


def read_segments(hyp: Path, ref: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """The hypotheses, the references of each, and their names for error messages, `FILE:LINE`.

    A reference file without blank lines holds one reference a hypothesis. An empty hypothesis line is an empty output.

    Raises:
        DataError: A file cannot be read, or the files do not fit together; names file, line, expected and found.
    """
    hypotheses = read_lines(hyp)
    blocks = read_references(ref)
    if len(blocks) == 1 and len(blocks[0]) == len(hypotheses):
        blocks = [[text] for text in blocks[0]]
    if len(blocks) != len(hypotheses):
        found = f"{len(blocks)} reference blocks in {ref}"
        if len(blocks) == 1:
            found = f"{len(blocks[0])} single references (there is no blank line) in {ref}"
        raise DataError(
            f"{hyp}: expected one hypothesis line per reference block, found {len(hypotheses)} lines and {found}; "
            "write one line per block, an empty line for an empty output"
        )
    return hypotheses, blocks, [f"{hyp}:{number}" for number in range(1, len(hypotheses) + 1)]


def read_references(path: Path) -> list[list[str]]:
    """The blocks of non-empty lines of a file, stripped; blank lines after the last block are ignored.

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
                "part blocks by exactly one blank line"
            )
    return blocks[:-1]
