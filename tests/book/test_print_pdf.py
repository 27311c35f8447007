"""booktools.print_pdf: a small book on paper, with what paper cannot do replaced."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from booktools import print_pdf
from support.browser import open_page
from support.made import ROOT

from covidlib.errors import InputError

TEXTS = {
    "first": "# First\n\n{}\n\n<details><summary>Solution</summary>\n\nIt is seven.\n\n</details>\n",
    "second": "# Second\n\nSee [the first](first.md).\n\n"
    '<div class="explorer"><canvas></canvas><label>a</label><button>move</button></div>\n\n'
    '<p class="explorer">A list that stays.</p>\n',
    "third": '# Third\n\n```python\n{}\n```\n\n<div class="questions"><p class="answer">No.</p></div>\n',
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chapters as one page, with the book's own style sheets and settings."""
    folder = tmp_path_factory.mktemp("paper") / "book"
    shutil.copytree(ROOT / "book" / "_static", folder / "_static")
    for name, text in TEXTS.items():
        (folder / f"{name}.md").write_text(text.format("word = " + "long_" * 60))
    (folder / "_toc.yml").write_text("format: jb-book\nroot: first\nchapters: [{file: second}, {file: third}]\n")
    ours = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    kept = {name: ours[name] for name in ("html_css_files", "html_js_files", "html_context", "html_theme_options")}
    config = {"title": "Small", "only_build_toc_files": True, "sphinx": {"recursive_update": True, "config": kept}}
    (folder / "_config.yml").write_text(yaml.safe_dump(config))
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    path = f"{jupyter_book.parent}{os.pathsep}{os.environ['PATH']}"
    command = [jupyter_book, "build", folder, "--builder", "singlehtml"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "singlehtml" / "first.html"


SHOWN = """() => {
  const marks = "details p, .explorer *, .answer, .bd-sidebar-primary, .bd-header-article";
  const all = [...document.querySelectorAll(marks)];
  return {
    seen: all.filter(one => one.checkVisibility()).map(one => one.tagName + "." + one.className),
    said: getComputedStyle(document.querySelector(".explorer"), "::before").content,
    breaks: [...document.querySelectorAll(".bd-article section")].map(one => getComputedStyle(one).breakBefore),
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth + 1,
  };
}"""


def test_paper_shows_solutions_and_no_navigation(page: Path) -> None:
    with open_page(width=720) as tab:
        tab.goto(page.as_uri())
        on_screen = tab.evaluate(SHOWN)
        tab.emulate_media(media="print")
        on_paper = tab.evaluate(SHOWN)
    assert on_screen["said"] == "none" and "BUTTON." in on_screen["seen"] and "P." not in on_screen["seen"]
    assert on_paper["seen"] == ["P."]
    assert "open this chapter" in on_paper["said"]
    assert on_paper["breaks"] == ["auto", "page", "page"]
    assert not on_paper["wide"]


def test_each_chapter_begins_a_page_of_the_pdf(page: Path, tmp_path: Path) -> None:
    try:
        print_pdf.find_browser()
    except InputError as error:
        pytest.skip(str(error))
    pdf = tmp_path / "new" / "book.pdf"
    assert print_pdf.main([str(page), str(pdf)]) == 0
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 3
    assert list(pdf.parent.iterdir()) == [pdf]


def test_what_cannot_be_printed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="does not exist.*singlehtml"):
        print_pdf.print_page(tmp_path / "none.html", tmp_path / "out.pdf")
    page = tmp_path / "page.html"
    page.write_text("<p>text")
    broken = tmp_path / "bin" / "chromium"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho no display >&2\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken.parent) + os.pathsep + "/bin")
    with pytest.raises(InputError, match="not printed.*no display"):
        print_pdf.print_page(page, tmp_path / "out.pdf")
    # What an earlier call left is not what this one printed.
    (tmp_path / f".out.pdf.{os.getpid()}.part").write_bytes(b"%PDF-1.4 of another page")
    with pytest.raises(InputError, match="not printed.*no display"):
        print_pdf.print_page(page, tmp_path / "out.pdf")
    broken.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(print_pdf, "LONGEST", 0.2)
    with pytest.raises(InputError, match="did not finish within 0.2 seconds"):
        print_pdf.print_page(page, tmp_path / "out.pdf")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert print_pdf.main([str(page), str(tmp_path / "out.pdf")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "page.html"]
