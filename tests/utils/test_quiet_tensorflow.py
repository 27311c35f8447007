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

LOADS = re.compile(r"^\s*(?:import|from) (?:tensorflow|keras)\b", re.M)
"""An import of TensorFlow or Keras, anywhere in a module."""


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
    # In the place of Keras a module that writes past Python, as TensorFlow's libraries do.
    text = f"import os\nos.write(2, b'chatter of a library\\n')\nlayers = KerasTensor = None\n{ending}\n"
    (tmp_path / "keras.py").write_text(text)
    (tmp_path / "tensorflow.py").write_text("")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    answer = run("import os; from covidlib.utils import quiet_tensorflow; os.write(2, b'after')", PYTHONPATH=path)
    if ending:
        assert answer.returncode == 1
        assert answer.stderr.startswith("chatter of a library\n") and "OSError: no library" in answer.stderr
    else:
        assert (answer.returncode, answer.stderr) == (0, "after")


def imports_of(notebook: Path) -> str:
    """The cell of a notebook that imports what it needs, and prints the versions."""
    cells = nbformat.read(notebook, as_version=4).cells
    return next(cell.source for cell in cells if "workspace.begin(PROTOCOL)" in cell.source)


def test_a_notebook_begins_without_lines_of_the_libraries() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    code = 'PROTOCOL = "quick"\n' + imports_of(NOTEBOOKS[0])
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert answer.stdout.startswith("protocol QUICK, ")
    assert answer.stderr == ""


def test_one_module_imports_tensorflow_and_all_others_take_it_from_there() -> None:
    places = [path for folder in ("covidlib", "book/_ext") for path in (ROOT / folder).rglob("*.py")]
    loaders = {path.name for path in places if LOADS.search(path.read_text(encoding="utf-8"))}
    assert len(places) > 100 and loaders == {"quiet_tensorflow.py"}


NEEDED = {
    "heatmaps": {"cell_grid", "chosen_slices", "grad_cam", "sanity_checks", "score_runs"},
    "networks": {"describe", "imagenet", "inputs", "models", "pyramid", "random_weights"},
    "pitfalls": {"batch_norm"},
    "plotting": {"networks"},
    "training": {"augmentation", "batches", "checkpoints", "devices", "interrupts", "train"},
}
"""Modules that are about layers, tensors or gradients: they load TensorFlow when they are imported."""
BEHIND = re.compile(r"^(?:from|import) .*quiet_tensorflow", re.M)


def test_only_modules_about_layers_load_tensorflow_when_they_are_imported() -> None:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "covidlib").rglob("*.py"):
        if BEHIND.search(path.read_text(encoding="utf-8")):
            found.setdefault(path.parent.name, set()).add(path.stem)
    assert found == NEEDED
