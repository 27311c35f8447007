"""A headless Chromium for page tests: Debian's, because Playwright's own is not downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright


@contextmanager
def open_browser() -> Iterator[Browser]:
    """One browser for many pages; the test is skipped, with a message, where Chromium is missing."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@contextmanager
def open_page(width: int = 1200, height: int = 1600) -> Iterator[Page]:
    """A page that has no network."""
    with open_browser() as browser:
        yield browser.new_context(offline=True, viewport={"width": width, "height": height}).new_page()


class Watch:
    """What goes wrong while a page is loaded and used."""

    def __init__(self, page: Page) -> None:
        self.troubles: list[str] = []
        page.on("console", lambda said: said.type == "error" and self._add("console", said.text))
        page.on("pageerror", lambda error: self._add("error", str(error)))
        page.on("requestfailed", lambda request: self._add("failed", request.url))
        page.on("request", lambda request: self._look_at(request.url))

    def _look_at(self, address: str) -> None:
        if not address.startswith(("file:", "data:", "blob:")):
            self._add("asked elsewhere", address)

    def _add(self, what: str, text: str) -> None:
        self.troubles.append(f"{what}: {text[:200]}")

    def taken(self) -> list[str]:
        """What was seen since the last time."""
        seen, self.troubles = self.troubles, []
        return seen


def html_pages(folder: Path) -> list[Path]:
    """Every page of a built book, without what the theme keeps for itself and without the root that only leads on."""
    inner = {"_static", "_sources", "_images", "_downloads"}
    paths = (path for path in folder.rglob("*.html") if not inner & set(path.relative_to(folder).parts))
    return sorted(path for path in paths if 'http-equiv="refresh"' not in path.read_text("utf-8")[:200].lower())
