"""The suite is written in plain English: words and turns of phrase that a native engineer would not use are refused."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("src", "docs", "conf", "scripts", "results/README.md", "README.md", "CHANGELOG.md", "Makefile")
KINDS = (".py", ".md", ".yaml", ".toml", ".html", ".js", ".css", ".sh", "")
#: Texts of the embedded data sets, and libraries that the page copies.
OTHERS = ("scripts/embedded_world/", "src/deltalora/data/", "src/deltalora/models/embedded/")

_UNITS = (
    "row|line|segment|example|input|step|seed|text|token|hypothesis|resample|process|prompt|layer|module|second|run"
)
_LINKS = "of|in|for|from|by|as|with|on|to|is|or|that"

#: What is refused -> what to write.
BANNED = {
    r"\bmend(s|ed|ing)?\b": "fix, correct",
    r"\bparted\b": "separated, split",
    r"\bof like\b": "of similar",
    r"\bbegun\b": "started",
    r"\b(by itself|by themselves)\b": "alone, separately",
    r"\bjudge?ments?\b": "label, prediction, class",
    r"\basked\b": "requested",
    r"\b(is|are|was|were|been) told\b(?! apart)": "receives, knows",
    r"\b(whoever|whosoever|wherein|thereof|whereof|anew)\b": "who, again, ...",
    rf"\b(one|two|three|nats|bytes|tokens|examples|steps)( (?!({_LINKS})\b)\w+)? an? ({_UNITS})\b": (
        "one row per segment, nats per token"
    ),
    r"\b(is|are|was|were) of (the|an?|all|one|no|other|these|those|this|that|its|their)\b": "belongs to, comes from",
    r"\bfor want of\b": "for lack of",
}


def files() -> list[Path]:
    found = []
    for name in SOURCES:
        path = ROOT / name
        found += sorted(path.rglob("*")) if path.is_dir() else [path]
    return [
        path
        for path in found
        if path.is_file()
        and path.suffix in KINDS
        and "__pycache__" not in path.parts
        and not path.relative_to(ROOT).as_posix().startswith(OTHERS)
    ]


LINES = {
    f"{path.relative_to(ROOT)}:{number}": line
    for path in files()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
}


@pytest.mark.parametrize("pattern", BANNED)
def test_nothing_is_said_in_words_that_have_a_plain_form(pattern: str) -> None:
    word = re.compile(pattern, re.IGNORECASE)
    found = [f"{place}: {line.strip()}" for place, line in LINES.items() if word.search(line)]
    assert not found, f"write {BANNED[pattern]}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "refused"),
    [("one row a segment", True), ("one row per segment", False), ("Mend it", True), ("recommended", False)],
)
def test_the_list_refuses_whole_words_alone(text: str, refused: bool) -> None:
    assert any(re.search(pattern, text, re.IGNORECASE) for pattern in BANNED) == refused
