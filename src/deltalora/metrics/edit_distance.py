"""Word edit distance to one reference, one row of the table at a time on the bits of two integers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One row of the edit table, D[i][0..m]: bit j tells whether it rises or falls by 1 from column j to column j+1."""

    rises: int
    falls: int


class EditDistance:
    """Levenshtein distance of word sequences to a fixed reference of m words; insert, delete and substitute cost 1.

    A row follows from the one above by about ten integer operations, whatever m (Myers, 1999, in the form of Hyyrö,
    2003, for whole sequences), and `D[i][j] = i + (rises - falls among the first j bits)`. A shift of words leaves the
    rows before it unchanged, so a search over shifts starts each distance from a stored row.
    """

    def __init__(self, reference: Sequence[str]) -> None:
        self._ones = (1 << len(reference)) - 1
        #: Word -> its places in the reference, ascending.
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(reference):
            self.places.setdefault(word, []).append(place)
        self._place_bits = {word: sum(1 << place for place in places) for word, places in self.places.items()}

    def rows(self, words: Sequence[str]) -> list[Row]:
        """Return the n+1 rows of the table."""
        row = Row(self._ones, 0)
        return [row, *(row := self._advance(row, (word,)) for word in words)]

    def distance(self, words: Sequence[str], row: Row, done: int) -> int:
        """Return the distance of all `words`, given the row after the first `done` of them."""
        rises, falls = self._advance(row, words[done:])
        return len(words) + rises.bit_count() - falls.bit_count()

    def _advance(self, row: Row, words: Iterable[str]) -> Row:
        ones, place_bits = self._ones, self._place_bits
        rises, falls = row
        for word in words:
            equal = place_bits.get(word, 0)
            stays = equal | falls
            diagonal = (((equal & rises) + rises) ^ rises) | equal
            # What the row adds to the one above, shifted: column 0 always adds 1.
            up = (falls | ~(diagonal | rises)) << 1 | 1
            down = (rises & diagonal) << 1
            rises = (down | ~(stays | up)) & ones
            falls = up & stays & ones
        return Row(rises, falls)


def least_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the smallest distance that any order of the words has; no search over shifts gets below it."""
    common = (Counter(first) & Counter(second)).total()
    return max(len(first), len(second)) - common
