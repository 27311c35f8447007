"""The import contract of pyproject.toml: it holds, and it would notice a circle, an upward import and a new package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.made import ROOT


def report_on(root: Path) -> tuple[int, str]:
    """Exit code and report of import-linter on a copy of the project."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    path = os.pathsep.join([str(root), str(root / "book" / "_ext")])
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    return result.returncode, result.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code of the project, to be spoiled."""
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for folder in ("covidlib", "book/_ext"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "data"))
    return tmp_path


def test_imports_keep_the_contract(copy: Path) -> None:
    code, report = report_on(copy)
    assert code == 0 and "3 kept, 0 broken" in report


@pytest.mark.parametrize(
    ("module", "line", "words"),
    [
        (
            "covidlib/scans/windows.py",
            "from covidlib import workspace",
            "to import covidlib.workspace",
        ),
        (
            "covidlib/paper/tables.py",
            "from covidlib.results import scores",
            "to import covidlib.results",
        ),
        (
            "covidlib/pitfalls/leakage_experiment.py",
            "from covidlib.patients import journal",
            "to import covidlib.patients",
        ),
        (
            "covidlib/results/scores.py",
            "from covidlib.results import tables",
            "No cycles are allowed",
        ),
        ("covidlib/utils/files.py", "from booktools import chapters", "covidlib is not allowed to import booktools"),
    ],
)
def test_a_planted_import_breaks_it(copy: Path, module: str, line: str, words: str) -> None:
    path = copy / module
    # In a function: an import that is put off is an import.
    path.write_text(path.read_text(encoding="utf-8") + f"\n\ndef planted() -> None:\n    {line}\n", encoding="utf-8")
    code, report = report_on(copy)
    assert code != 0 and words in " ".join(report.split())


def test_a_package_without_a_layer_breaks_it(copy: Path) -> None:
    (copy / "covidlib" / "extra").mkdir()
    (copy / "covidlib" / "extra" / "__init__.py").write_text('"""New."""\n')
    code, report = report_on(copy)
    assert code != 0 and "extra" in report
