"""A book of one page, and its build as a reader would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from support.made import ROOT

SMALL_CONFIG = """
title: Small
only_build_toc_files: true
execute: {execute_notebooks: cache, raise_on_error: true, timeout: 120}
sphinx:
  local_extensions: {booktools: TOOLS}
  config: {nb_ipywidgets_js: {}}
"""


def small_book(folder: Path, code: str) -> Path:
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Page"), nbformat.v4.new_code_cell(code)],
        metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    )
    nbformat.write(notebook, folder / "page.ipynb")
    (folder / "_config.yml").write_text(SMALL_CONFIG.replace("TOOLS", str(ROOT / "book" / "_ext")))
    (folder / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    return folder


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    if not jupyter_book.is_file():
        pytest.fail("jupyter-book is not installed beside this Python: pip install -e '.[test]'")
    path = f"{jupyter_book.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [jupyter_book, "build", folder, "-n", "-W", "--keep-going"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, **environment},
    )
