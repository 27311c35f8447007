"""The library reference: every module on one page, and docstrings as they stand in the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main
from support.made import ROOT

TOOLS = ROOT / "book" / "_ext"
PAGES = sorted((ROOT / "book" / "api").glob("*.md"))
NOT_SHOWN = re.compile(r"covidlib|covidlib\.teaching\.exercises\.chapter\d\d")
"""Modules without anything of their own, and the checkers, which would tell the answers."""

MODULE = '''"""Constants."""

DARK = 300
"""A pixel is dark below this stored value: below −724 HU."""


class Slice:
    """One slice."""

    pixels: object
    """uint16 array: stored values."""
'''


def modules() -> set[str]:
    """All modules of the package, by name."""
    paths = [path.relative_to(ROOT) for path in (ROOT / "covidlib").rglob("*.py")]
    paths += [path.relative_to(TOOLS) for path in (TOOLS / "booktools").rglob("*.py")]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths}
    return {name for name in names if not NOT_SHOWN.fullmatch(name)}


def test_every_module_stands_on_one_page_under_its_name() -> None:
    shown = [name for page in PAGES for name in re.findall(r"automodule:: (\S+)", page.read_text(encoding="utf-8"))]
    headings = [name for page in PAGES for name in re.findall(r"^## `(\S+)`$", page.read_text(encoding="utf-8"), re.M)]
    assert shown == headings
    assert sorted(shown) == sorted(modules())


def test_the_overview_lists_each_page_with_its_modules() -> None:
    overview = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", overview, flags=re.M)[1:]
    links = [re.match(r"\[(.+)\]\((api/\w+)\.md\)\n", part).groups() for part in sections]
    listed = {
        page: re.findall(r"^   ((?:covidlib|booktools)\S*)$", part, re.M)
        for (_, page), part in zip(links, sections, strict=True)
    }
    pages = {f"api/{page.stem}": page.read_text(encoding="utf-8") for page in PAGES}
    assert listed == {name: re.findall(r"automodule:: (\S+)", text) for name, text in pages.items()}
    assert [title for title, _ in links] == [pages[name].splitlines()[0].removeprefix("# ") for name in listed]


def test_a_colon_in_a_constants_docstring_makes_no_type_of_its_first_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "constants_of_a_test.py").write_text(MODULE, encoding="utf-8")
    extensions = "['sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'booktools.api_docstrings']"
    (tmp_path / "conf.py").write_text(f"extensions = {extensions}\nhtml_theme = 'basic'\n")
    (tmp_path / "index.rst").write_text("Page\n====\n\n.. automodule:: constants_of_a_test\n   :members:\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert build_main(["-q", "-W", "-b", "text", str(tmp_path), str(tmp_path / "out")]) == 0
    finally:
        sys.modules.pop("constants_of_a_test", None)
    text = " ".join((tmp_path / "out" / "index.txt").read_text(encoding="utf-8").split())
    assert "A pixel is dark below this stored value: below −724 HU." in text
    assert "stored values. Type: uint16 array" in text
