"""What TensorFlow's libraries say while they load is held back, but not if they cannot load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.made import NOTEBOOKS, ROOT

LOADS = re.compile(r"^(?:import|from) (?:tensorflow|keras)\b", re.M)
"""A module that loads TensorFlow as soon as it is imported."""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_a_refusal_is_one_line_though_tensorflow_was_loaded() -> None:
    answer = run(
        "import sys; from covidlib.cli.main import main; sys.exit(main(['networks', 'describe', '--side', '64']))"
    )
    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        "covidlib: (64, 64, 1): images of this shape are too small: level P4 needs maps of at least 3×3. "
        "Give images of at least 96×96 pixels."
    ]


@pytest.mark.parametrize("ending", ["", "raise OSError('no library')"])
def test_lines_of_the_libraries_are_shown_only_if_loading_fails(tmp_path: Path, ending: str) -> None:
    # In TensorFlow's place a module that writes past Python, as its libraries do.
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, b'chatter of a library\\n')\n{ending}\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    code = "import os; from covidlib.utils import quiet_tensorflow; os.write(2, b'after')"
    answer = run(code, PYTHONPATH=path)
    if ending:
        assert answer.returncode == 1
        assert answer.stderr.startswith("chatter of a library\n") and "OSError: no library" in answer.stderr
    else:
        assert (answer.returncode, answer.stderr) == (0, "after")


def imports_of(notebook: Path) -> str:
    """The cell of a notebook that imports what it needs, and prints the versions."""
    cells = nbformat.read(notebook, as_version=4).cells
    return next(cell.source for cell in cells if "workspace.describe(PROTOCOL)" in cell.source)


def test_a_notebook_begins_without_lines_of_the_libraries() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    code = 'PROTOCOL = "quick"\n' + imports_of(NOTEBOOKS[0])
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert answer.stdout.startswith("protocol QUICK, ")
    assert answer.stderr == ""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_loads_tensorflow_before_the_notebook_does_so_quietly(notebook: Path) -> None:
    imports = imports_of(notebook)
    loaders = {path.stem for path in (ROOT / "covidlib").glob("*.py") if LOADS.search(path.read_text(encoding="utf-8"))}
    assert "networks" in loaders
    if loaders & set(re.findall(r"\w+", imports.replace("workspace.describe", ""))):
        assert imports.startswith("from covidlib.utils.quiet_tensorflow import load_tensorflow\n\nload_tensorflow()")
