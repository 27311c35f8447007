"""A headless Chromium for page tests: Debian's, because Playwright's own is not downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright


@contextmanager
def open_page(width: int = 1200, height: int = 1600) -> Iterator[Page]:
    """A page that has no network; the test is skipped, with a message, where Chromium is missing."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_context(offline=True, viewport={"width": width, "height": height}).new_page()
        yield page
        browser.close()
