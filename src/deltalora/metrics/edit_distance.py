"""Word edit distance to a reference, and greedy searches over shifts of words, many at once.

One row of the edit table is two integers. A search is a generator: it yields the shifts that it wants to compare and is
sent their distances. `search_all` runs the searches of a whole test set in step, so that one sweep of numpy over 64-bit
rows answers all of them at once: some fifteen times as fast as one after the other in Python.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Integers = NDArray[np.int64]
Bits = NDArray[np.uint64]
AnyBits = TypeVar("AnyBits", int, NDArray[np.uint64])

_BITS = 64
#: Shifts swept at once: their rows stay in the processor's cache.
_CHUNK = 4096


#: One row of the edit table, D[i][0..m]: bits of the columns from which it rises, and falls, by 1 to the next column.
Row = tuple[int, int]


class EditDistance:
    """Levenshtein distance of word sequences to a fixed reference of m words; insert, delete and substitute cost 1.

    A row follows from the one above by about ten integer operations, whatever m (Myers, 1999, in the form of Hyyrö,
    2003, for whole sequences), and `D[i][j] = i + (rises - falls among the first j bits)`.
    """

    def __init__(self, reference: Sequence[str]) -> None:
        self.columns = len(reference)
        #: Word -> its places in the reference, ascending.
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(reference):
            self.places.setdefault(word, []).append(place)
        self.place_bits = {word: sum(1 << place for place in places) for word, places in self.places.items()}

    def rows(self, words: Sequence[str]) -> list[Row]:
        """Return the n+1 rows of the table."""
        ones = (1 << self.columns) - 1
        rises, falls = ones, 0
        rows = [(rises, falls)]
        for word in words:
            rises, falls = _advance(rises, falls, self.place_bits.get(word, 0), ones)
            rows.append((rises, falls))
        return rows

    def distance(self, words: Sequence[str]) -> int:
        """Return the distance of all words."""
        return cell(self.rows(words), len(words), self.columns)


def cell(rows: Sequence[Row], i: int, j: int) -> int:
    """Return D[i][j]: the distance of the first i words to the first j of the reference."""
    rises, falls = rows[i]
    first = (1 << j) - 1
    return i + (rises & first).bit_count() - (falls & first).bit_count()


def least_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the smallest distance that any order of the words has; no search over shifts gets below it."""
    common = (Counter(first) & Counter(second)).total()
    return max(len(first), len(second)) - common


#: Take out the run of `length` words at `start`, and put it before the word at `place` of those left: these three.
Shift = tuple[int, int, int]


def shifted(words: Sequence[str], shift: Shift) -> list[str]:
    """Return the shifted words."""
    start, length, place = shift
    rest = [*words[:start], *words[start + length :]]
    return [*rest[:place], *words[start : start + length], *rest[place:]]


class Question(NamedTuple):
    """What a search wants to know: the distance of its words after each of some shifts."""

    table: EditDistance
    words: Sequence[str]
    shifts: Sequence[Shift]


Search = Generator[Question, list[int], T]


def search_all(searches: Iterable[Search[T]]) -> list[T]:
    """Run searches in step to their ends and return what each returns."""
    running = dict(enumerate(searches))
    results: dict[int, T] = {}
    answers: dict[int, list[int]] = {}
    while running:
        questions: dict[int, Question] = {}
        for number, search in running.items():
            try:
                questions[number] = search.send(answers[number]) if number in answers else next(search)
            except StopIteration as end:
                results[number] = end.value
        running = {number: running[number] for number in questions}
        answers = dict(zip(questions, distances(list(questions.values())), strict=True))
    return [results[number] for number in sorted(results)]


def distances(questions: Sequence[Question]) -> list[list[int]]:
    """Return the distance after each shift of each question; references of over 64 words are computed one by one."""
    short = [question for question in questions if question.table.columns <= _BITS]
    counts = [len(question.shifts) for question in short]
    found = iter(np.split(_sweep(short), np.cumsum(counts)[:-1]) if short else [])
    return [
        next(found).tolist()
        if question.table.columns <= _BITS
        else [question.table.distance(shifted(question.words, shift)) for shift in question.shifts]
        for question in questions
    ]


def _sweep(questions: Sequence[Question]) -> Integers:
    """Return the distances of all shifts of all questions, one after the other."""
    counts = [len(question.shifts) for question in questions]

    def per_shift(values: Iterable[int]) -> Integers:
        return np.repeat(np.fromiter(values, np.int64, len(counts)), counts)

    numbers = chain.from_iterable(chain.from_iterable(question.shifts for question in questions))
    start, length, place = np.fromiter(numbers, np.int64, 3 * sum(counts)).reshape(-1, 3).T
    sizes = [len(question.words) for question in questions]
    size, offset = per_shift(sizes), per_shift(np.cumsum([0, *sizes[:-1]]))
    columns = per_shift(question.table.columns for question in questions)
    place = np.minimum(place, size - length)  # as a slice of a list has it
    masks = np.array([q.table.place_bits.get(word, 0) for q in questions for word in q.words], np.uint64)
    reached = np.empty_like(size)
    order = np.argsort(-1 * size, kind="stable")
    for at in range(0, len(order), _CHUNK):
        rows = order[at : at + _CHUNK]
        some = [array[rows] for array in (start, length, place, size, offset, columns)]
        reached[rows] = _sweep_rows(masks, *some)
    return reached


def _sweep_rows(
    masks: Bits,
    start: Integers,
    length: Integers,
    place: Integers,
    size: Integers,
    offset: Integers,
    columns: Integers,
) -> Integers:
    """Return the distances of some shifts, those of the longest texts first."""
    ones = np.uint64(2**64 - 1) >> (_BITS - columns).astype(np.uint64)
    rises, falls = ones.copy(), np.zeros_like(ones)
    active = len(size)
    for word in range(size[0] if active else 0):
        while size[active - 1] <= word:
            active -= 1
        first, long, to = start[:active], length[:active], place[:active]
        in_rest = word - long * (word >= to + long)  # where the shifted text's word stands among those left over
        in_run = (word >= to) & (word < to + long)
        source = np.where(in_run, first + (word - to), in_rest + long * (in_rest >= first))
        equal = masks[offset[:active] + source]
        rises[:active], falls[:active] = _advance(rises[:active], falls[:active], equal, ones[:active])
    reached: Integers = size + np.bitwise_count(rises) - np.bitwise_count(falls)
    return reached


def _advance(rises: AnyBits, falls: AnyBits, equal: AnyBits, ones: AnyBits) -> tuple[AnyBits, AnyBits]:
    """Return the next row of the table, given the places of the reference at which its word stands."""
    stays = equal | falls
    diagonal = (((equal & rises) + rises) ^ rises) | equal
    # What the row adds to the one above, shifted: column 0 always adds 1.
    up = (falls | ~(diagonal | rises)) << 1 | 1
    down = (rises & diagonal) << 1
    rows: tuple[AnyBits, AnyBits] = (down | ~(stays | up)) & ones, up & stays & ones  # type: ignore[assignment]
    return rows
