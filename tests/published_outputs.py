"""The published system outputs of the fixtures, and the random subsets of them that official scorers were run on.

A subset is fixed by its seed: output, size and rows follow from it, so that a golden file holds scores and no text.
Neither our package nor a scorer is imported: the recorders in tests/golden/metrics read the outputs from here too.
"""

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

E2E = {
    "e2e_dev": [f"model-d_seed{seed}" for seed in range(1, 20, 2)],
    "e2e_metrics_example": ["baseline"],
    "e2e_test": ["adapt", "chen", "forge1", "gong", "nle", "sheff1", "tgen", "tnt1", "tr2", "tuda", "zhaw1"],
}
WEBNLG = {"webnlg2017": ["baseline", "melbourne", "pkuwriter", "tilburg-smt", "upf-forge"]}
XSUM = {"xsum_test": ["simcls"]}

#: How many subsets of the outputs of each task are recorded.
SUBSETS = 200
_SMALLEST, _LARGEST = 5, 60


@dataclass(frozen=True)
class Output:
    """What one system wrote for one fixture.

    Attributes:
        name: Fixture and system, `e2e_test/tgen`.
        hypotheses: One text a segment.
        references: The human texts of each; none is empty.
        padded: WebNLG's three lines of references, of which the second and third may be empty; elsewhere `references`.
        ids: The segments' names.
        parts: `all`, and for WebNLG also `seen` and `unseen` -> the numbers of its segments.
        scores: The fixture's scores.json.
    """

    name: str
    hypotheses: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    padded: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...]
    parts: dict[str, tuple[int, ...]]
    scores: dict[str, Any]


@dataclass(frozen=True)
class Subset:
    """Some rows, in ascending order, of one output."""

    seed: int
    output: Output
    rows: tuple[int, ...]

    @property
    def hypotheses(self) -> list[str]:
        return [self.output.hypotheses[row] for row in self.rows]

    @property
    def references(self) -> list[list[str]]:
        return [list(self.output.references[row]) for row in self.rows]


def names(systems: dict[str, list[str]]) -> list[str]:
    """`fixture/system` of all outputs of a task, in a fixed order."""
    return [f"{fixture}/{system}" for fixture, found in sorted(systems.items()) for system in found]


def subset(data: Path, systems: dict[str, list[str]], seed: int) -> Subset:
    """The subset of a seed: an output of the task, and 5 to 60 of its rows (all, where there are no more)."""
    rng = random.Random(seed)
    output = read(data, rng.choice(names(systems)))
    count = len(output.hypotheses)
    size = min(rng.randint(_SMALLEST, _LARGEST), count)
    return Subset(seed, output, tuple(sorted(rng.sample(range(count), size))))


@cache
def read(data: Path, name: str) -> Output:
    """One output and its references."""
    fixture, system = name.split("/")
    folder = data / "fixtures" / fixture
    scores = json.loads((folder / "systems" / system / "scores.json").read_text(encoding="utf-8"))
    if fixture == "webnlg2017":
        return _read_webnlg(folder, name, scores)
    suffix = ".gz" if fixture == "xsum_test" else ""
    hypotheses = _lines(folder / "systems" / system / f"hyp.txt{suffix}")
    lines = _lines(folder / f"refs.txt{suffix}")
    references = _one_a_line(lines) if fixture == "xsum_test" else _blocks(lines)
    ids = tuple(f"{name}/{number}" for number in range(1, len(hypotheses) + 1))
    return Output(name, hypotheses, references, references, ids, {"all": tuple(range(len(ids)))}, scores)


def _read_webnlg(folder: Path, name: str, scores: dict[str, Any]) -> Output:
    padded = tuple(zip(*(_lines(folder / f"ref{number}.txt") for number in range(3)), strict=True))
    header, *index = [line.split("\t") for line in _lines(folder / "index.tsv")]
    seen = [row[header.index("seen")] == "1" for row in index]
    parts = {
        "all": tuple(range(len(seen))),
        "seen": tuple(row for row, one in enumerate(seen) if one),
        "unseen": tuple(row for row, one in enumerate(seen) if not one),
    }
    hypotheses = _lines(folder / "systems" / name.split("/")[1] / "hyp.txt")
    references = tuple(tuple(text for text in block if text) for block in padded)
    return Output(name, hypotheses, references, padded, tuple(row[1] for row in index), parts, scores)


def _lines(path: Path) -> tuple[str, ...]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return tuple(line.strip() for line in text.removesuffix("\n").split("\n"))


def _one_a_line(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((line,) for line in lines)


def _blocks(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    text = "\n".join(lines).strip("\n")
    return tuple(tuple(block.split("\n")) for block in text.split("\n\n"))


#: In no reference.
_NONSENSE = "xyzzy"


def _every(step: int, text: str = "") -> Callable[[int, str], str]:
    return lambda row, found: text if row % step == 0 else found


def _first_words(count: Callable[[int], int]) -> Callable[[int, str], str]:
    return lambda row, found: " ".join(found.split()[: count(row)])


def _no_four_in_a_row(row: int, found: str) -> str:
    words = found.split()
    return " ".join(f" {_NONSENSE} ".join(" ".join(words[at : at + 3]) for at in range(0, len(words), 3)).split())


#: The outputs that are spoiled by `SPOILED`.
SPOILED_OUTPUTS = ("e2e_metrics_example/baseline", "e2e_test/tgen")
#: What becomes of output `row`, counted from 0.
SPOILED: dict[str, Callable[[int, str], str]] = {
    "every third empty": _every(3),
    "every tenth empty": _every(10),
    "all empty": _every(1),
    "upper case": lambda row, found: found.upper(),
    "capitals outside ASCII": lambda row, found: found.replace("a", "\u00c4"),
    "the first word": _first_words(lambda row: 1),
    "the first three words": _first_words(lambda row: 3),
    "the first 0 to 5 words": _first_words(lambda row: row % 6),
    "no four words in a row": _no_four_in_a_row,
    "nothing in common": lambda row, found: _NONSENSE,
}


def spoiled(output: Output, how: str) -> tuple[list[str], list[list[str]]]:
    """Hypotheses and references; the references stay but for small letters in place of the capitals outside ASCII."""
    hypotheses = [SPOILED[how](row, found) for row, found in enumerate(output.hypotheses)]
    references = [list(block) for block in output.references]
    if how == "capitals outside ASCII":
        references = [[text.replace("a", "\u00e4") for text in block] for block in references]
    return hypotheses, references
