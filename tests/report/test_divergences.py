"""The register of divergences: every entry can be selected as it says, and every tag in use is an entry."""

import importlib.util
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

from deltalora.cli import main
from deltalora.config import run_config
from deltalora.errors import ConfigError, StoreError
from deltalora.report import (
    PaperTable,
    build_table,
    hyperparameter_table,
    paper_figure,
    paper_table,
    to_json,
    to_latex,
    to_markdown,
)
from deltalora.report.divergence_text import WIDTH, entry_text, overview_text, register_markdown
from deltalora.report.divergences import Divergence, divergence, divergences
from table_requests import request_of, row_of_runs

ROOT = Path(__file__).resolve().parents[2]
REGISTER = ROOT / "src/deltalora/report/divergences.yaml"
ENTRIES = list(divergences().values())
COMMANDS = [entry for entry in ENTRIES if entry.select is not None and entry.select.startswith("deltalora ")]
SELECTABLE = [entry for entry in ENTRIES if entry.select is not None and entry not in COMMANDS]
RESULTS = ["table1", "table2", "table3", "table4", "table5", "table6", "table8", "table9"]
SETTINGS = ["table10", "table11", "table12", "table13", "table14"]

#: How a tag is named in comments, docstrings, tests and docs.
USES = re.compile(r"divergence: ([a-z0-9-]+)|register=\"([a-z0-9-]+)\"|divergence\(\"([a-z0-9-]+)\"\)")


def overrides_of(entry: Divergence) -> list[str]:
    """What selects the other, as overrides of a whole run: what it does not name is E2E at paper scale."""
    assert entry.select is not None
    words = entry.select.split()
    named = {word.partition("=")[0] for word in words}
    return [*(one for one in ("experiment=e2e", "scale=paper") if one.partition("=")[0] not in named), *words]


@pytest.mark.parametrize("entry", SELECTABLE, ids=lambda entry: entry.tag)
def test_what_selects_the_other_composes_and_every_word_of_it_acts(entry: Divergence) -> None:
    overrides = overrides_of(entry)
    selected = run_config(overrides)
    words = [word for word in overrides if word.partition("=")[0] not in ("experiment", "scale")]
    if not words:
        assert selected != run_config(["experiment=e2e", "scale=embedded"])
    for word in words:
        others = [one for one in overrides if one != word]
        try:
            assert run_config(others) != selected, f"{word} changes nothing"
        except ConfigError:
            continue  # the other words cannot do without it


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.tag)
def test_an_option_that_selects_the_other_exists(entry: Divergence, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.select is not None
    command, *rest = entry.select.split()[1:]
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    options = [word for word in rest if word.startswith("--")]
    assert options
    assert all(option in printed for option in options)


def test_a_selection_without_effect_would_be_seen() -> None:
    entry = divergence(SELECTABLE[0].tag).model_copy(update={"select": "train.selection=last"})
    with pytest.raises(AssertionError, match="changes nothing"):
        test_what_selects_the_other_composes_and_every_word_of_it_acts(entry)


def test_every_tag_in_use_is_an_entry() -> None:
    used: dict[str, list[str]] = defaultdict(list)
    for path in sorted(
        one for folder in ("src", "conf", "tests", "docs", "scripts") for one in (ROOT / folder).rglob("*")
    ):
        if path.suffix in (".py", ".yaml", ".md"):
            for match in USES.finditer(path.read_text(encoding="utf-8")):
                used[next(tag for tag in match.groups() if tag)].append(str(path.relative_to(ROOT)))
    assert not {tag: places for tag, places in used.items() if tag not in divergences()}


@pytest.mark.parametrize("use", ["divergence: TAG", 'register="TAG"', 'divergence("TAG")'])
def test_the_search_for_tags_finds_each_form(use: str) -> None:
    (match,) = USES.finditer(use.replace("TAG", "some-tag"))
    assert [tag for tag in match.groups() if tag] == ["some-tag"]


def test_a_tag_nobody_wrote_is_refused() -> None:
    with pytest.raises(StoreError, match="found none such; `deltalora audit --divergences` lists them"):
        divergence("no" + "-such-tag")


def test_tables_settings_and_the_figure_name_entries() -> None:
    named = [*(paper_table(name).divergences for name in RESULTS)]
    named += [hyperparameter_table(name).divergences for name in SETTINGS]
    named.append(paper_figure("figure3").divergences)
    for tags in named:
        assert tags
        assert len(set(tags)) == len(tags)
        assert set(tags) <= divergences().keys()


def test_a_table_that_names_no_entry_of_the_register_is_refused() -> None:
    content = paper_table("table1").model_dump()
    with pytest.raises(ValidationError, match=r"'hearsay' is no tag of report/divergences\.yaml"):
        PaperTable.model_validate(content | {"divergences": ["hearsay"]})


def test_every_rendering_of_a_table_names_its_divergences() -> None:
    paper = paper_table("table1")
    rows = [row_of_runs(one.row, {"e2e": {1: one.row}}, one.label) for one in paper.rows]
    table = build_table(paper, request_of("table1", rows), [])
    assert table.divergences == paper.divergences
    line = f"Divergences (`deltalora audit --divergences`, docs/divergences.md): {', '.join(paper.divergences)}."
    assert line in to_markdown(table).splitlines()
    assert all(tag in to_latex(table) for tag in paper.divergences)
    assert '"delta-start-count"' in to_json(table)


def test_every_upstream_repository_is_read_at_one_commit() -> None:
    texts = [REGISTER.read_text(encoding="utf-8")]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "conf").rglob("*.yaml")]
    commits: dict[str, set[str]] = defaultdict(set)
    for repository, commit in re.findall(r"([\w-]+/[\w.-]+)@([0-9a-f]{7,40})", "\n".join(texts)):
        commits[repository].add(commit)
    assert len(commits) >= 4
    assert not {repository: found for repository, found in commits.items() if len(found) > 1}


def test_the_overview_fits_a_terminal_and_has_every_entry() -> None:
    text = overview_text(ENTRIES)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert re.findall(r"^  ([a-z0-9-]+) {2,}", text, flags=re.MULTILINE) == [
        entry.tag for place in ("method", "recipe", "data", "decoding", "metric", "table") for entry in ENTRIES
        if entry.place == place
    ]  # fmt: skip


def test_one_entry_is_printed_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    entry = divergence("delta-start-count")
    assert main(["audit", "--divergences", entry.tag]) == 0
    printed = capsys.readouterr().out
    assert printed == entry_text(entry)
    plain = " ".join(printed.split())
    for text in (entry.title, entry.paper, entry.upstream, entry.ours, entry.effect, entry.select):
        assert text is not None
        assert text in plain
    assert main(["audit", "--divergences", "nope"]) == 2


def test_the_whole_register_is_printed_in_each_form(capsys: pytest.CaptureFixture[str]) -> None:
    for form, whole in (("text", overview_text(ENTRIES)), ("md", register_markdown(ENTRIES))):
        assert main(["audit", "--divergences", "--format", form]) == 0
        assert capsys.readouterr().out == whole


def test_the_page_is_what_the_register_gives() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/write_docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (ROOT / "docs/divergences.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (.+)$", page, flags=re.MULTILINE) == [
        entry.tag for place in ("method", "recipe", "data", "decoding", "metric", "table") for entry in ENTRIES
        if entry.place == place
    ]  # fmt: skip


def test_a_stale_page_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load_script()
    monkeypatch.setattr(script, "DOCS", tmp_path)
    monkeypatch.setattr(script, "PAGES", {"divergences.md": script.divergences_page})
    (tmp_path / "divergences.md").write_text("old", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["write_docs.py", "--check"])
    assert script.main() == 1
    assert "docs/divergences.md is not what its data gives" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["write_docs.py"])
    assert script.main() == 0
    assert (tmp_path / "divergences.md").read_text(encoding="utf-8") == register_markdown(ENTRIES)


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts/write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
