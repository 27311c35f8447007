"""The wheel: the whole package is in it, and it works from a folder in which nothing may be written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version
from support.made import OPEN, ROOT, write_series

from covidlib.cli import main

USE_IT = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from covidlib import __file__
from covidlib.cli.main import main
print(__file__, flush=True)
sys.exit(main(sys.argv[1:]))
"""


def files_of(folder: Path) -> dict[str, int]:
    """What lies in a folder, and when it was written; without what Python itself keeps there."""
    there = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in there}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would unpack of a wheel of this clone."""
    if Version(version("setuptools")) < Version("77"):
        pytest.skip("an older setuptools than pyproject.toml asks for cannot build the wheel")
    # A copy, because setuptools leaves its working files beside what it builds.
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "covidlib", source / "covidlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = (source / "dist").glob("covidlib-*.whl")
    folder = tmp_path_factory.mktemp("somebody") / "site packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_whole_package_is_in_the_wheel(site: Path) -> None:
    assert set(files_of(site / "covidlib")) == set(files_of(ROOT / "covidlib"))
    (about,) = site.glob("covidlib-*.dist-info")
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE", "licenses/LICENSE-TEXT"} <= set(files_of(about))
    real = {"LICENSE.txt", "README.md", "slices.csv", "lung-pet-ct-dx/IM00037.tif", "ny-sbu/A046441-045.tif"}
    assert real <= set(files_of(site / "covidlib" / "data" / "real_slices"))
    assert {f"licenses/covidlib/data/real_slices/{name}" for name in ("LICENSE.txt", "README.md")} <= set(
        files_of(about)
    )


@pytest.mark.parametrize("words", [["audit"], ["doctor"], ["select", "SR_2"]], ids=lambda words: words[0])
def test_it_works_where_nothing_can_be_written(
    site: Path, tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On one core, without HOME, in a folder of no clone; it says what it says in the clone."""
    write_series(tmp_path / "SR_2", [10, OPEN, OPEN, 20])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path / "all of mine"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    before = files_of(site)
    folders = [site, *(path for path in site.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        environment = {name: value for name, value in os.environ.items() if name != "HOME"}
        command = [sys.executable, "-c", USE_IT, *words]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.stderr == ""
    where, _, said = done.stdout.partition("\n")
    assert Path(where) == site / "covidlib" / "__init__.py" and files_of(site) == before
    expected = main.main(words)
    shown = capsys.readouterr().out
    if words == ["doctor"]:
        assert "(installed, no commit)" in said
        # Versions are those of the same environment; remedies are not those of a clone.
        said, shown = (
            re.sub(" ->.*", "", text[text.index("packages\n") : text.index("data\n")]) for text in (said, shown)
        )
    assert (done.returncode, said) == (expected, shown)
