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
