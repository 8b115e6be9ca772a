"""The data files that ship in the package are the grammar's."""

import gzip
import hashlib
from pathlib import Path

from deltalora.tasks.sources import EMBEDDED
from write_embedded_data import write_files


def texts_sha256(folder: Path) -> dict[str, str]:
    """SHA-256 of what is packed: the packed bytes depend on the version of zlib."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        for path in folder.rglob("*.*")
    }


def test_the_grammar_still_writes_the_shipped_files(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert len(texts_sha256(tmp_path)) == 26
    assert texts_sha256(tmp_path) == texts_sha256(EMBEDDED)


def test_no_time_stamp_is_in_a_shipped_file() -> None:
    assert {path.read_bytes()[4:8] for path in EMBEDDED.rglob("*.gz")} == {bytes(4)}
