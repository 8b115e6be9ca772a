"""The part of METEOR's paraphrase table that some texts can touch.

METEOR 1.5 reads 5.3 million pairs of phrases before its first answer, which takes it longer than to score a test set. A
pair can match only where all words of both phrases occur, so that a table without the other pairs gives the same
answers. The table is indexed by words once, into the cache (6 s, 120 MB); cutting it to a test set takes half a second.
"""

import gzip
import logging
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deltalora.metrics.disk_cache import cache_folder

log = logging.getLogger(__name__)

#: What the jar's normaliser writes for entities and typographic characters.
_ALWAYS = frozenset("\"'<>&-.")
_SPELLINGS = str.maketrans("`‘’–", "'''-")
_ATOMS = re.compile(r"[0-9a-z]+|[^0-9a-z\s]")
_LONGEST = 8  # atoms of one word


def words_of(texts: Iterable[str]) -> set[str]:
    """Return every word that METEOR's normaliser can find in the texts, and more.

    It lower-cases, normalises quotes and dashes, and cuts at characters that are no letters and no digits, some of
    which it keeps inside a word. So all runs of pieces between such characters are taken for words, as they are spelt
    and as it would spell them.
    """
    found = set(_ALWAYS)
    for token in {token for text in texts for token in text.lower().split()}:
        for spelling in {token, token.translate(_SPELLINGS)}:
            atoms = _ATOMS.findall(spelling)
            for start in range(len(atoms)):
                ends = range(start + 1, min(len(atoms), start + _LONGEST) + 1)
                found.update("".join(atoms[start:end]) for end in ends)
    return found


def cut_table(table: Path, words: set[str]) -> bytes:
    """Return the pairs of a paraphrase table all of whose words are given, gzipped as METEOR's `-a` wants it.

    Args:
        table: METEOR's own: three lines a pair, its probability and its two phrases.
        words: As `words_of` returns them.

    Raises:
        OSError: The index is not there and cannot be written.
    """
    folder = _index(table)
    vocabulary = np.array((folder / "words.txt").read_text(encoding="utf-8").split("\n"))
    touched = np.fromiter((word in words for word in vocabulary.tolist()), bool, len(vocabulary))
    sides = [(_load(folder, f"ids{side}"), _load(folder, f"lengths{side}")) for side in (1, 2)]
    kept = np.logical_and.reduce(
        [np.logical_and.reduceat(touched[ids], _starts(lengths)[:-1]) for ids, lengths in sides]
    )
    columns = [pc.cast(pa.array(_load(folder, "probabilities")[kept]), pa.string())]
    for ids, lengths in sides:
        words_kept = pa.array(vocabulary[ids[np.repeat(kept, lengths)]])
        phrases = pa.ListArray.from_arrays(_starts(lengths[kept]).astype(np.int32), words_kept)
        columns.append(pc.binary_join(phrases, " "))
    lines = pc.binary_join_element_wise(*columns, "\n").to_pylist()
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), compresslevel=1)


def _load(folder: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return array


def _starts(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each phrase starts in the words of all, and behind them where the last one ends."""
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _index(table: Path) -> Path:
    """Return the folder with the index of a table, named by its size; made where there is none."""
    folder = cache_folder() / f"meteor-paraphrases-1-{table.stat().st_size}"
    if not folder.is_dir():
        log.warning("METEOR: indexing its paraphrase table, once (some 10 s), into %s", folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            _write_index(table, unfinished)
            with suppress(OSError):  # another process was first
                unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _write_index(table: Path, folder: Path) -> None:
    text = gzip.decompress(table.read_bytes())
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    lines = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text))

    def column(place: int) -> pa.Array:
        return pc.ascii_trim_whitespace(lines.take(pa.array(np.arange(place, len(ends), 3))))

    np.save(folder / "probabilities.npy", pc.cast(column(0), pa.float64()).to_numpy())
    phrases = [pc.split_pattern(column(place), " ") for place in (1, 2)]
    words = pc.dictionary_encode(pa.concat_arrays([side.flatten() for side in phrases]))
    (folder / "words.txt").write_text("\n".join(words.dictionary.to_pylist()), encoding="utf-8")
    ids = words.indices.to_numpy().astype(np.min_scalar_type(len(words.dictionary)))
    for side, (phrase, part) in enumerate(zip(phrases, np.split(ids, [len(phrases[0].flatten())]), strict=True), 1):
        np.save(folder / f"ids{side}.npy", part)
        np.save(folder / f"lengths{side}.npy", pc.list_value_length(phrase).to_numpy().astype(np.uint8))
