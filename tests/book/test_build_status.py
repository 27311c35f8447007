"""booktools.build_status: the book says when its pages ran and what it was built with, and not on whose machine."""

from __future__ import annotations

import re
import socket
import sys
from importlib.metadata import version
from pathlib import Path

from support.made import ROOT
from support.small_book import build, small_book

from covidlib.utils import machine

STATUS = (ROOT / "book" / "status.md").read_text(encoding="utf-8")


def test_the_page_shows_both_tables_anew_in_each_build_and_names_nobody(tmp_path: Path) -> None:
    folder = small_book(tmp_path / "book", "print(1)")
    (folder / "status.md").write_text(STATUS, encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: page\nchapters:\n  - file: status\n")
    for read_again in ("2 added", "0 added, 1 changed"):
        result = build(folder)
        assert result.returncode == 0, result.stdout + result.stderr
        assert read_again in result.stdout
        text = (folder / "_build" / "html" / "status.html").read_text(encoding="utf-8")
        rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall("<tr.*?</tr>", text, re.DOTALL)]
        (page,) = (row for row in rows if row[0] == "page")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d cache [\d.]+ ✅", " ".join(page[1:]))
        assert ["tensorflow", version("tensorflow")] in rows and ["commit", *str(machine.commit()).split()] in rows
        for secret in (str(tmp_path), str(ROOT), str(Path.home()) + "/", sys.prefix, socket.gethostname()):
            assert secret not in text, secret
