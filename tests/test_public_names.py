"""The faces of the packages: each name that a page uses is there, none is superfluous, none loads TensorFlow early."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys

import nbformat
import pytest
from support.made import NOTEBOOKS, ROOT

import covidlib

PACKAGES = [one.name for one in pkgutil.iter_modules(covidlib.__path__) if one.ispkg]
WITH_A_FACE = [name for name in PACKAGES if hasattr(importlib.import_module(f"covidlib.{name}"), "__all__")]
USED = re.compile(rf"(?<![\w./\"]){'(' + '|'.join(PACKAGES) + ')'}\.([A-Za-z]\w*)")
AT_MOST = {"09_pitfalls": 14}
"""Names of covidlib that a chapter imports; chapter 09 visits every station, the others stay below a dozen or so."""


def text_of_pages() -> str:
    """Code and prose of all notebooks, and of the pages that are executed."""
    cells = [cell.source for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    return "\n".join([*cells, *(path.read_text(encoding="utf-8") for path in (ROOT / "book").rglob("*.md"))])


@pytest.mark.parametrize("name", WITH_A_FACE)
def test_a_face_has_what_pages_use_and_nothing_else(name: str) -> None:
    package = importlib.import_module(f"covidlib.{name}")
    submodules = {one.name for one in pkgutil.iter_modules(package.__path__)}
    assert set(package.__all__) - submodules == set(package.__all__), "a name of the face is a module's too"
    assert all(hasattr(package, one) for one in package.__all__)
    named = {one for of, one in USED.findall(text_of_pages()) if of == name}
    assert set(package.__all__) <= named


def test_every_name_that_a_notebook_takes_from_a_face_is_there() -> None:
    for path in NOTEBOOKS:
        code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
        (names,) = re.findall(r"from covidlib import (\([^)]*\)|.*)", code)
        imported = set(re.findall(r"\w+", names))
        assert len(imported) <= AT_MOST.get(path.stem, 12), path.stem
        for package, name in USED.findall(code):
            if package in imported:
                assert name in importlib.import_module(f"covidlib.{package}").__all__, f"{path.stem}: {package}.{name}"
        unused = {one for one in imported if not re.search(rf"\b{one}\.\w", code)}
        assert not unused, f"{path.stem}: {unused}"


def test_importing_every_face_is_light() -> None:
    code = (
        f"import sys; from covidlib import {', '.join(PACKAGES)}, workspace, protocols, selection; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "keras", "matplotlib", "pydicom"} & set(loaded)
