"""The page as it is seen: headless Chromium opens it from the disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from page_fixtures import Stores

DRAWN = "Array.from(document.querySelectorAll('figure.plot')).every(one => one.dataset.state === 'drawn')"


def show_all(tab: Any) -> None:
    """Scroll to every plot, so that all are drawn, and wait for the last."""
    for figure in tab.query_selector_all("figure.plot"):
        figure.scroll_into_view_if_needed()
    tab.wait_for_function(DRAWN, timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_drawn_without_complaint_and_nothing_leaves_the_disk(
    page: Path, stores: Stores, browser: Callable[..., Any], scheme: str
) -> None:
    with browser(scheme=scheme) as (tab, seen):
        tab.goto(f"file://{page}/index.html")
        show_all(tab)
        assert tab.locator("figure.plot").count() >= 7
        assert tab.locator("figure.plot .canvas svg.main-svg").count() >= 7
        tab.goto(f"file://{page}/runs/{stores.finished}.html")
        show_all(tab)
        assert tab.evaluate("window.hostile") is None
        assert seen["complaints"] == []
        local = ("file:", "data:", "blob:")
        assert len(seen["requests"]) > 10
        assert [url for url in seen["requests"] if not url.startswith(local)] == []


def test_filters_hide_rows_columns_and_runs_and_live_in_the_address(page: Path, browser: Callable[..., Any]) -> None:
    with browser() as (tab, _):
        tab.goto(f"file://{page}/index.html")
        before = tab.inner_text("#shown")
        tab.select_option("#filters [name=method]", "lora")
        tab.select_option("#filters [name=metric]", "BLEU")
        shown = tab.inner_text("#shown")
        assert shown != before
        assert tab.get_attribute("#shown", "aria-live") == "polite"
        rows = tab.locator("#table1-embedded-embedded table.results tbody tr:visible")
        assert rows.count() == 1
        assert "LoRA (repr.)" in rows.inner_text()
        heads = tab.locator("#table1-embedded-embedded table.results thead th[scope=colgroup]:visible")
        assert heads.all_inner_texts() == ["Parameters", "BLEU ↑"]
        names = set(tab.locator("#run-list tbody tr td:nth-child(5)").all_inner_texts())
        assert names == {"lora"}
        assert "method=lora" in tab.url
        tab.reload()
        assert tab.inner_text("#shown") == shown
        tab.click("#filters button[type=reset]")
        assert tab.inner_text("#shown") == before
        assert "method" not in tab.url


def test_the_list_of_runs_is_paged_and_searched(page: Path, stores: Stores, browser: Callable[..., Any]) -> None:
    with browser() as (tab, _):
        tab.goto(f"file://{page}/index.html")
        total = len(stores.all_ids)
        assert tab.inner_text("#runs-shown") == f"{total} of {total} runs."
        tab.fill("#run-controls [name=q]", "outofmemory dylora")
        tab.wait_for_function("document.getElementById('runs-shown').textContent.startsWith('1 of')")
        assert tab.locator("#run-list tbody th").all_inner_texts() == [stores.failed]
        tab.click("#run-list tbody th a")
        assert "OutOfMemoryError" in tab.inner_text(".fault")


def test_the_scheme_is_toggled_and_kept(page: Path, browser: Callable[..., Any]) -> None:
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    with browser() as (tab, _):
        tab.goto(f"file://{page}/index.html")
        light = tab.evaluate(colour)
        tab.click("#theme")
        dark = tab.evaluate(colour)
        assert dark != light
        tab.reload()
        assert tab.evaluate(colour) == dark
        tab.click("#theme")
        assert tab.evaluate(colour) == light


def test_a_phone_never_scrolls_sideways(page: Path, stores: Stores, browser: Callable[..., Any]) -> None:
    with browser(width=360) as (tab, _):
        for name in ("index", f"runs/{stores.finished}", f"runs/{stores.failed}"):
            tab.goto(f"file://{page}/{name}.html")
            show_all(tab)
            assert tab.evaluate("document.documentElement.scrollWidth") <= 360, name
            boxes = tab.locator(".scroll")
            for number in range(boxes.count()):
                assert boxes.nth(number).get_attribute("tabindex") == "0"
                assert boxes.nth(number).get_attribute("aria-label")


def test_the_keyboard_reaches_and_changes_the_filters(page: Path, browser: Callable[..., Any]) -> None:
    with browser() as (tab, _):
        tab.goto(f"file://{page}/index.html")
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        for _ in range(60):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.name") == "method":
                break
        assert tab.evaluate("document.activeElement.name") == "method"
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        tab.keyboard.type("lora")
        assert tab.evaluate("document.activeElement.value") == "lora"
        assert "method=lora" in tab.url


def test_without_javascript_the_tables_stand_and_the_count_of_runs_is_said(
    page: Path, stores: Stores, browser: Callable[..., Any]
) -> None:
    with browser(script=False) as (tab, _):
        tab.goto(f"file://{page}/index.html")
        assert tab.locator("#table1-embedded-embedded table.results tbody tr").count() == 11
        assert f"{len(stores.all_ids)} runs." in tab.inner_text("#runs noscript")
        assert not tab.is_visible("#filters")
