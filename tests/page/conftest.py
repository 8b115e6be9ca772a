"""Fixtures of the page's tests; see `page_fixtures`."""

from page_fixtures import browser, page, stores

__all__ = ["browser", "page", "stores"]
