"""Write the pages of docs/ that are generated from data.

    python scripts/write_docs.py [--check [--measured FILE]]

With --check nothing is written: a page that is not what its data gives is named, and the exit code is 1. FILE is what a
test run measured (`pytest --fidelity=FILE`): it must hold every comparison that docs/fidelity.md shows.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deltalora.report.divergence_text import register_markdown
from deltalora.report.divergences import divergences
from deltalora.report.fidelity import fidelity_markdown, fidelity_text

DOCS = Path(__file__).resolve().parents[1] / "docs"


def divergences_page() -> str:
    """The divergence register."""
    return register_markdown(list(divergences().values()))


def compared(measured: str) -> set[str]:
    """The comparisons of a test run, without the numbers, whose last digits depend on the machine."""
    names = ("subject", "oracle", "what", "metric", "fixture", "published", "register_tag")
    return {" | ".join(str(row[name]) for name in names if name in row) for row in json.loads(measured)}


#: Page -> what it is made by; every page is complete, so a new one is a line here.
PAGES: Mapping[str, Callable[[], str]] = {
    "divergences.md": divergences_page,
    "fidelity.md": fidelity_markdown,
}


def main() -> int:
    """Writes every page, or says which are stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is stale")
    parser.add_argument("--measured", type=Path, help="what a test run measured, for --check")
    options = parser.parse_args()
    stale = 0
    if options.check and options.measured is not None:
        kept, found = (compared(text) for text in (fidelity_text(), options.measured.read_text(encoding="utf-8")))
        for row in sorted(kept - found):
            print(f"docs/fidelity.md shows what no test compared: {row}; run make fidelity")
        for row in sorted(found - kept):
            print(f"docs/fidelity.md lacks a comparison (make fidelity adds it): {row}")
        stale += len(kept - found)
    for name, render in PAGES.items():
        path, content = DOCS / name, render()
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        stale += 1
        if options.check:
            print(f"docs/{name} is not what its data gives; run python scripts/write_docs.py")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
            print(f"written: docs/{name}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
