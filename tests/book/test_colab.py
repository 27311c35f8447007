"""The chapters' first cell, run where Colab's packages are: it adds what is missing and leaves the rest alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import venv
from pathlib import Path

import pytest
from booktools.chapters import SETUP_CELL
from support.made import ROOT

COLAB = [
    "tensorflow==2.20.*", "keras==3.13.*", "numpy==2.1.*", "pandas==2.2.*", "scipy==1.16.*", "scikit-learn==1.6.*",
    "tifffile", "pooch==1.9.*", "statsmodels", "matplotlib", "requests", "tqdm", "filelock", "ipython",
]  # fmt: skip
"""By Colab's published list of August 2026, as far as covidlib can meet them; pydicom is not there."""
KEPT = ("tensorflow", "keras", "numpy", "pandas", "scipy", "scikit-learn")
TRY_IT = """
import covidlib
import numpy as np
from covidlib import networks, results, scans, selection, workspace
import pydicom
assert selection.selection_threshold(np.array([3000, 30])) == 1980
model = networks.build("resnet50v2-fpn", (128, 128, 1), "quick")
print(covidlib.__file__, model.predict(np.zeros((1, 128, 128, 1), "float32"), verbose=0).shape)
"""

pytestmark = pytest.mark.colab


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with Colab's packages."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    try:
        with urllib.request.urlopen(f"{index}/keras/", timeout=20):
            pass
    except (urllib.error.URLError, TimeoutError) as error:
        pytest.skip(f"PyPI cannot be reached: {error}")
    folder = tmp_path_factory.mktemp("colab") / "environment"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip(python, "install", "-q", "--no-compile", *COLAB)
    return python


def pip(python: Path, *arguments: str) -> str:
    # What this test run finds by PYTHONPATH is no part of the environment.
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVIDLIB"))}
    done = subprocess.run(
        [python, "-m", "pip", *arguments], capture_output=True, text=True, env=clean, cwd=python.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def versions(python: Path) -> dict[str, str]:
    return {one["name"].lower(): one["version"] for one in json.loads(pip(python, "list", "--format=json"))}


def stamps(python: Path) -> dict[str, int]:
    """When each kept package was written: a reinstallation of the same version shows here."""
    (site,) = (python.parent.parent / "lib").glob("python*/site-packages")
    found = {}
    for name in KEPT:
        (record,) = site.glob(f"{name.replace('-', '_')}-*.dist-info/RECORD")
        found[name] = record.stat().st_mtime_ns
    return found


def setup_command(checkout: Path) -> list[str]:
    """The arguments of the first cell's `%pip`, with a copy of this checkout in the place of the repository."""
    # A copy, because setuptools leaves its working files beside what it builds.
    shutil.copytree(ROOT / "covidlib", checkout / "covidlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, checkout)
    (line,) = re.findall(r"%pip (.+)", SETUP_CELL)
    before, requirement = re.fullmatch(r'(.+) "(.+)"', line).groups()  # type: ignore[union-attr]
    assert requirement.endswith(" @ git+{repository}"), requirement
    return [*before.split(), requirement.replace("git+{repository}", checkout.as_uri())]


def test_the_first_cell_adds_what_is_missing_and_touches_nothing_else(colab: Path, tmp_path: Path) -> None:
    before, written = versions(colab), stamps(colab)
    assert "pydicom" not in before and "covidlib" not in before
    pip(colab, *setup_command(tmp_path))
    after = versions(colab)
    assert {"covidlib", "pydicom"} <= set(after)
    assert {name: after.get(name) for name in before} == before
    assert stamps(colab) == written
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVIDLIB"))}
    tried = subprocess.run([colab, "-c", TRY_IT], capture_output=True, text=True, env=clean, cwd=colab.parent)
    assert tried.returncode == 0, tried.stderr
    assert str(colab.parent.parent) in tried.stdout and "(1, 2)" in tried.stdout
