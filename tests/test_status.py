"""covidlib.status: the book says when its pages ran and what it was built with, and not on whose machine."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from test_book import SMALL_CONFIG, build

from covidlib import environment, status

STATUS = "# Status\n\n```{build-status} pages\n```\n\n```{build-status} build\n```\n"


class Rows(HTMLParser):
    """The cells of all rows of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self.inside = True
        elif tag == "a" and self.inside:
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data.strip()


def book(folder: Path, config: str = SMALL_CONFIG) -> Path:
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        cells = [nbformat.v4.new_markdown_cell(f"# Page {name}"), nbformat.v4.new_code_cell("print(1)")]
        metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / f"{name}.ipynb")
    (folder / "status.md").write_text(STATUS)
    (folder / "_config.yml").write_text(config)
    chapters = "".join(f"  - file: {name}\n" for name in ("two", "status"))
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: one\nchapters:\n{chapters}")
    return folder


def rows_of(folder: Path) -> list[list[str]]:
    return Rows((folder / "_build" / "html" / "status.html").read_text(encoding="utf-8")).rows


def test_times_versions_machine_and_commit_are_on_the_page(tmp_path: Path) -> None:
    folder = book(tmp_path / "a book")
    # On a machine far from Greenwich: the times on the page are UTC all the same, from the cache too.
    before = datetime.now(UTC)
    first = build(folder, TZ="Pacific/Auckland")
    assert first.returncode == 0, first.stderr
    after = datetime.now(UTC)
    page = Rows((folder / "_build" / "html" / "status.html").read_text(encoding="utf-8"))
    rows = {row[0]: row[1:] for row in page.rows}
    assert page.links == ["one.html", "two.html"]
    for name in ("Page one", "Page two"):
        when = datetime.strptime(rows[name][0], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        assert before.replace(second=0, microsecond=0) <= when <= after
        assert re.fullmatch(r"\d+ s", rows[name][1])
    assert re.fullmatch(r"\d+ s", rows["all"][1])
    assert rows["commit"] == [environment.commit()]
    assert rows["tensorflow"] and rows["processor"] == [environment.processor()]
    # The page is written anew though nothing changed, and the other pages come from the cache.
    (folder / "two.ipynb").touch()
    shutil.rmtree(folder / "_build" / ".doctrees")
    second = build(folder, TZ="Pacific/Auckland")
    assert second.returncode == 0, second.stderr
    again = {row[0]: row[1:] for row in rows_of(folder)}
    for name in ("Page one", "Page two"):
        when = datetime.strptime(again[name][0], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        assert before.replace(second=0, microsecond=0) <= when <= after
    text = (folder / "_build" / "html" / "status.html").read_text(encoding="utf-8")
    for secret in (str(tmp_path), str(ROOT), str(Path.home()) + "/", sys.prefix, socket.gethostname()):
        assert secret not in text, secret


def test_a_change_of_the_commit_alone_is_on_the_page(tmp_path: Path) -> None:
    """A copy of the package in a repository of its own, and later in none."""
    library = tmp_path / "library"
    shutil.copytree(ROOT / "covidlib", library / "covidlib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", library)
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init"], ["add", "."], ["commit", "-m", "first"]):
        subprocess.run(["git", *identity, *words], cwd=library, check=True, capture_output=True)
    folder = book(tmp_path / "book", SMALL_CONFIG.replace("cache", "'off'"))
    said = []
    for change in ("none", "commit", "no git"):
        if change == "commit":
            subprocess.run(
                ["git", *identity, "commit", "--allow-empty", "-m", "second"],
                cwd=library, check=True, capture_output=True,
            )  # fmt: skip
        if change == "no git":
            shutil.rmtree(library / ".git")
        result = build(folder, PYTHONPATH=str(library))
        assert result.returncode == 0, result.stderr
        rows = {row[0]: row[1:] for row in rows_of(folder)}
        assert "no page was executed in this build" in rows
        said.append(rows["commit"][0])
    assert re.fullmatch("[0-9a-f]{7,}", said[0]) and re.fullmatch("[0-9a-f]{7,}", said[1])
    assert said[0] != said[1] and said[2] == status.NO_COMMIT


def test_an_unknown_word_fails_the_build(tmp_path: Path) -> None:
    folder = book(tmp_path / "book", SMALL_CONFIG.replace("cache", "'off'"))
    (folder / "status.md").write_text(STATUS.replace("} pages", "} pictures"))
    result = build(folder)
    assert result.returncode != 0 and "pictures" in result.stdout + result.stderr


def test_the_time_of_a_cached_page_is_taken_for_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        created = datetime(2026, 11, 24, 12, 0, 0, 125)
        assert status.moment(created.timestamp(), [created]) == datetime(2026, 11, 24, 12, 0, 0, 125, UTC)
        fresh = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
        assert status.moment(fresh.timestamp(), [created]) == fresh
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "Asia/Tokyo"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s")])
def test_durations(seconds: float, text: str) -> None:
    assert status.duration(seconds) == text
