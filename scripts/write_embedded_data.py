"""Write the eleven embedded data sets of the grammar as files, in the formats of the data sets that they stand in for.

    python scripts/write_embedded_data.py [--out FOLDER]

E2E as the official csv, WebNLG, XSum and GLUE as JSON lines, all gzipped without a time stamp. `task.source=embedded`
reads them from the package with the readers of `task.source=local`.
"""

import argparse
import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deltalora.tasks.glue import LAYOUTS
from deltalora.tasks.sources import EMBEDDED
from embedded_world import e2e_splits, glue_splits, webnlg_splits, xsum_splits


def data_files() -> dict[str, str]:
    """Return the name of every file inside the folder, without `.gz`, and its text."""
    files = {}
    for split, e2e in e2e_splits().items():
        name = {"train": "trainset", "validation": "devset", "test": "testset_w_refs"}[split]
        files[f"e2e/{name}.csv"] = _csv(
            (entry.meaning_representation, text) for entry in e2e for text in entry.references
        )
    for split, webnlg in webnlg_splits().items():
        files[f"webnlg/{'dev' if split == 'validation' else split}.jsonl"] = _json_lines(
            {
                "id": f"{index:05d}",
                "category": entry.category,
                "seen": entry.seen,
                "triples": entry.triples,
                "refs": entry.references,
                "comments": ["good"] * len(entry.references),
            }
            for index, entry in enumerate(webnlg)
        )
    for split, xsum in xsum_splits().items():
        files[f"xsum/{split}.jsonl"] = _json_lines(
            {"document": entry.document, "summary": entry.summary, "id": entry.id} for entry in xsum
        )
    for dataset, layout in LAYOUTS.items():
        for part, glue in glue_splits(dataset).items():
            files[f"glue/{dataset}/{part}.jsonl"] = _json_lines(
                dict(zip(layout.fields, (entry.first, entry.second), strict=False))
                | {"label": int(entry.label) if layout.classes else entry.label}
                for entry in glue
            )
    return files


def _csv(rows: Iterable[tuple[str, str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("mr", "ref"), *rows])
    return text.getvalue()


def _json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_files(folder: Path) -> None:
    """Write every file, gzipped."""
    for name, text in data_files().items():
        path = folder / f"{name}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))


def main() -> None:
    """Parse the arguments and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="default: the package's own folder")
    write_files(parser.parse_args().out)


if __name__ == "__main__":
    main()
