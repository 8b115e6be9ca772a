"""A page of committed and fabricated records, written by the real command's code, and a browser to read it with."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltalora.metrics import E2E_METRICS
from deltalora.page.write import write_page
from deltalora.report import paper_figure, paper_table
from deltalora.results import Prediction, RunRecord, Store, write_predictions, write_segments
from deltalora.results.table_request import write_request
from needed import lacking
from table_requests import request_of, row_of_runs

RESULTS = Path(__file__).resolve().parents[1] / "results"
CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "</script><script>window.hostile = 1</script><img src=x onerror='window.hostile = 2'>"
#: The hostile example's id is one of the shown ones: first in the file.
TEXTS = 41
#: A run that no table asks for; it alone has texts.
UNASKED = "unasked-run"
FAILURE = "CUDA out of memory <b>at step 7</b>"


@dataclass
class Stores:
    """Where the records lie, and the ids of those with something to see."""

    roots: list[Path]
    finished: str = ""
    failed: str = ""
    all_ids: set[str] = field(default_factory=set)


def ask(store: Path, name: str, records: list[RunRecord], key: Callable[[RunRecord], str]) -> None:
    """Keep a question for exactly these records, in the paper's order."""
    paper = paper_figure(name) if name.startswith("figure") else paper_table(name)
    labels = {row.row: row.label for row in paper.rows}
    rows: dict[str, dict[int, RunRecord]] = {}
    for record in records:
        rows.setdefault(key(record), {})[record.seed] = record
    order = sorted(rows, key=lambda row: list(labels).index(row) if row in labels else len(labels))
    requested = [
        row_of_runs(
            one,
            {"e2e": {seed: of.run_id for seed, of in rows[one].items()}},
            labels.get(one, one),
            control=one not in labels,
        )
        for one in order
    ]
    write_request(store, request_of(name, requested, records[0].scale, records[0].source))


def varied(key: str, factor: int) -> Callable[[RunRecord], str]:
    """The value of a method's key as the paper's row states it."""

    def of(record: RunRecord) -> str:
        method = record.config["method"]
        assert isinstance(method, dict)
        return str(int(method[key]) * factor)  # type: ignore[arg-type]

    return of


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """Committed records of Tables 1, 8 and 9 and Figure 3; one gets predictions and segments, one becomes a failure."""
    base = tmp_path_factory.mktemp("stores")
    made = Stores([])
    for name, folder, key in (
        ("table1", "table1-embedded", lambda record: record.row),
        ("table8", "table8-embedded", varied("update_ratio", 1)),
        ("table9", "table9-embedded", varied("start_step", 5)),
        ("figure3", "figure3-embedded", lambda record: record.row),
    ):
        root = base / folder
        shutil.copytree(RESULTS / folder, root)
        records = Store(root).records()
        made.roots.append(root)
        made.all_ids |= {record.run_id for record in records}
        ask(root, name, records, key)
    root = made.roots[0]
    records = Store(root).records()
    chosen = next(record for record in records if (record.row, record.seed) == ("adalora", 1))
    failed = next(record for record in records if (record.row, record.seed) == ("dylora", 2))
    made.finished, made.failed = UNASKED, failed.run_id
    made.all_ids.add(UNASKED)
    give_texts(root, chosen)
    plain = json.loads(failed.to_json()) | {
        "status": "failed",
        "error": {"type": "OutOfMemoryError", "message": FAILURE},
        "scores": {},
        "selection": None,
    }
    Store(root).write(RunRecord.model_validate(plain))
    (root / failed.run_id / "run.log").write_text(
        "".join(f"line {number}\n" for number in range(500)) + "\x1b[31mlast <i>line</i>\x1b[0m\n", encoding="utf-8"
    )
    return made


def give_texts(root: Path, record: RunRecord) -> None:
    """Predictions with hostile texts, and BLEU's real statistics of them."""
    rows = [
        Prediction(
            id=f"example-{place}",
            source=HOSTILE if place == 0 else f"name : Aromi {place}",
            prediction=HOSTILE if place == 0 else f"Aromi is restaurant number {place} near the river",
            references=(HOSTILE, "Aromi is a restaurant near the river ."),
        )
        for place in range(TEXTS)
    ]
    folder = root / UNASKED
    digest = write_predictions(folder / "predictions.jsonl", rows)
    score = E2E_METRICS["BLEU"].score(
        [row.prediction for row in rows], [row.references for row in rows], [row.id for row in rows]
    )
    segments = write_segments(folder, {"BLEU": score}, [row.id for row in rows])
    plain: dict[str, Any] = json.loads(record.to_json())
    plain["predictions"] = {"file": "predictions.jsonl", "sha256": digest}
    plain["segments"] = segments.model_dump()
    plain |= {"run_id": UNASKED, "seed": 9}
    Store(root).write(RunRecord.model_validate(plain))
    assert np.isfinite(score.value)


@pytest.fixture(scope="session")
def page(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The written page's folder."""
    out = tmp_path_factory.mktemp("out") / "page"
    written = write_page(stores.roots, out)
    assert written.runs == len(stores.all_ids)
    assert written.faults == ()
    return out


def digest_of(folder: Path) -> dict[str, str]:
    """Every file and its SHA-256."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def opened(width: int = 1280, scheme: str = "light", script: bool = True) -> Iterator[tuple[Any, dict[str, list[str]]]]:
    """A page of headless Chromium, and what it asked for and complained of."""
    from playwright.sync_api import sync_playwright

    seen: dict[str, list[str]] = {"requests": [], "complaints": []}
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=flags)
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=script,
        )
        tab = context.new_page()
        tab.on("request", lambda request: seen["requests"].append(request.url))
        tab.on("console", lambda message: seen["complaints"].append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error: seen["complaints"].append(str(error)))
        yield tab, seen
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Callable[..., Any]:
    """`opened`; without a browser the test is skipped, or fails where one is required."""
    if not CHROMIUM.exists():
        lacking(f"{CHROMIUM} is absent: install chromium to test the page as it is seen", "DELTALORA_REQUIRE_BROWSER")
    return opened
