"""covidlib.utils.folders: what code makes is stale when that code changes, and not when other code does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.made import ROOT

from covidlib import workspace
from covidlib.heatmaps.score_runs import CODE_OF_THE_SCORES
from covidlib.inference.choose_engine import CODE_OF_AN_ENGINE
from covidlib.training.runs import CODE_OF_A_RUN
from covidlib.utils import folders


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that `source_hash` takes for the real one."""
    shutil.copytree(ROOT / "covidlib", tmp_path / "covidlib", ignore=shutil.ignore_patterns("__pycache__", "data"))
    monkeypatch.setattr(folders, "files", lambda name: tmp_path / name)
    return tmp_path / "covidlib"


@pytest.mark.parametrize(
    ("places", "decides", "does_not"),
    [
        (
            workspace.CODE_OF_THE_COHORT,
            ["phantom/lungs.py", "scans/tiff.py"],
            ["scans/dicom.py", "phantom/__init__.py"],
        ),
        (
            CODE_OF_A_RUN,
            ["networks/pyramid.py", "training/folds.py", "selection.py"],
            ["results/scores.py", "training/__init__.py"],
        ),
        (CODE_OF_AN_ENGINE, ["inference/half_precision.py", "training/devices.py"], ["training/train.py"]),
        (CODE_OF_THE_SCORES, ["heatmaps/grad_cam.py", "scans/lung_masks.py"], ["networks/models.py"]),
    ],
)
def test_what_is_made_depends_on_the_code_that_makes_it(
    package: Path, places: tuple[str, ...], decides: list[str], does_not: list[str]
) -> None:
    before = folders.source_hash(places)
    for name in does_not:
        (package / name).write_text("# changed\n")
    assert folders.source_hash(places) == before
    for name in decides:
        (package / name).write_text("# changed\n")
        after = folders.source_hash(places)
        assert after != before, name
        before = after
    (package / decides[0]).rename(package / decides[0].replace(".py", "_moved.py"))
    if (package / places[0]).is_dir():
        assert folders.source_hash(places) != before


def test_a_place_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        folders.source_hash(("scans", "no_such_module"))
