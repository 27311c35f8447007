"""The faces of the packages: each name that a page uses is there, none is superfluous, none loads TensorFlow early."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.made import MORE_PAGES, ROOT
from support.made import NOTEBOOKS as CHAPTERS_AND_TOUR

import covidlib

PACKAGES = [one.name for one in pkgutil.iter_modules(covidlib.__path__) if one.ispkg]
WITH_A_FACE = [name for name in PACKAGES if hasattr(importlib.import_module(f"covidlib.{name}"), "__all__")]
USED = re.compile(rf"(?<![\w./\"]){'(' + '|'.join(PACKAGES) + ')'}\.([A-Za-z]\w*)")
NOTEBOOKS = [*CHAPTERS_AND_TOUR, *MORE_PAGES]
BLOCK = re.compile(r"^```(?:python|\{code-cell\}[^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^from covidlib import (\([^)]*\)|.*)", re.MULTILINE)
PAGES = [*NOTEBOOKS, *sorted(path for path in (ROOT / "book").rglob("*.md") if "_build" not in path.parts)]
AT_MOST = {"09_pitfalls": 14}
"""Names of covidlib that a chapter imports; chapter 09 visits every station, the others stay below a dozen or so."""


def text_of_pages() -> str:
    """Code and prose of all notebooks, and of the pages that are executed."""
    cells = [cell.source for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    return "\n".join([*cells, *(path.read_text(encoding="utf-8") for path in PAGES if path.suffix == ".md")])


@pytest.mark.parametrize("name", WITH_A_FACE)
def test_a_face_has_what_pages_use_and_nothing_else(name: str) -> None:
    package = importlib.import_module(f"covidlib.{name}")
    submodules = {one.name for one in pkgutil.iter_modules(package.__path__)}
    assert set(package.__all__) - submodules == set(package.__all__), "a name of the face is a module's too"
    assert all(hasattr(package, one) for one in package.__all__)
    named = {one for of, one in USED.findall(text_of_pages()) if of == name}
    assert set(package.__all__) <= named


def code_of(path: Path) -> str:
    """The code of a notebook, or the Python of a Markdown page: cells, and blocks that readers copy."""
    if path.suffix == ".ipynb":
        return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    return "\n".join(BLOCK.findall(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [path for path in PAGES if IMPORT.search(code_of(path))], ids=lambda path: path.stem)
def test_a_page_imports_few_packages_and_takes_from_them_what_they_have(path: Path) -> None:
    code = code_of(path)
    imported = set(re.findall(r"\w+", " ".join(IMPORT.findall(code))))
    assert len(imported) <= AT_MOST.get(path.stem, 12)
    for package, name in USED.findall(code):
        if package in imported:
            assert name in importlib.import_module(f"covidlib.{package}").__all__, f"{package}.{name}"
    assert {one for one in imported if not re.search(rf"\b{one}\.\w", code)} == set()


def test_importing_every_face_is_light() -> None:
    code = (
        f"import sys; from covidlib import {', '.join(PACKAGES)}, workspace, protocols, selection; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "keras", "matplotlib", "pydicom"} & set(loaded)
