"""Print the book to a PDF: Chromium prints the single page that Sphinx builds.

`make pdf` builds that page from the same executed notebooks as the book, then runs
`python book/_ext pdf PAGE OUT.pdf`. The print layout (a new page for each chapter, open solutions, a sentence in
place of each explorer, page numbers) is in the book's style sheet, under `@media print`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from covidlib.errors import InputError
from covidlib.utils.files import replacing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LONGEST = 600
"""Seconds after which a browser that does not finish is stopped."""


def find_browser() -> str:
    """Find an installed Chromium or Chrome.

    Raises
    ------
    InputError
        If there is none.
    """
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise InputError("Chromium", "not installed", "Install it (Debian, Ubuntu: apt-get install chromium)")
    return browser


def print_page(page: str | Path, pdf: str | Path) -> None:
    """Print a page on disk to a PDF, offline; the file is written completely or not at all.

    Raises
    ------
    InputError
        If the page does not exist, no browser is installed, or the browser prints nothing or does not finish.
    """
    page, pdf = Path(page).resolve(), Path(pdf)
    if not page.is_file():
        raise InputError(page, "does not exist", "Build it: jupyter-book build book/ --builder singlehtml")
    browser = find_browser()
    pdf.parent.mkdir(parents=True, exist_ok=True)
    with replacing(pdf) as part, tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--proxy-server=127.0.0.1:9", f"--user-data-dir={profile}",
            # Formulas are set by a script, so the page needs (virtual) time before it is printed.
            "--virtual-time-budget=120000", "--no-pdf-header-footer", f"--print-to-pdf={part.resolve()}", page.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired as error:
            problem = f"not printed: {browser} did not finish within {LONGEST} seconds"
            raise InputError(page, problem, "Open it and print from the menu") from error
        if done.returncode != 0 or not part.is_file() or part.read_bytes()[:5] != b"%PDF-":
            last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            problem = f"not printed: {browser} failed with: {last}"
            raise InputError(page, problem, "Open it and print from the menu")


def main(argv: list[str] | None = None) -> int:
    """Run `python book/_ext pdf PAGE OUT.pdf`; return the exit code."""
    parser = argparse.ArgumentParser(prog="python book/_ext pdf", description="Print a built page to a PDF.")
    parser.add_argument("page", type=Path)
    parser.add_argument("pdf", type=Path)
    arguments = parser.parse_args(argv)
    try:
        print_page(arguments.page, arguments.pdf)
    except InputError as error:
        print(f"covidlib: {error}", file=sys.stderr)
        return 2
    return 0
