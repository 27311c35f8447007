"""covidlib.datasets.public_files and workspace: verified files, one home, an import that stays light."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.made import ROOT
from support.web_server import Page, serve

from covidlib import errors, workspace
from covidlib.cli.main import main
from covidlib.datasets import public_files
from covidlib.errors import InputError
from covidlib.protocols import PAPER, QUICK
from covidlib.scans.gate import find_series
from covidlib.training import train
from covidlib.utils import folders

NAME = "owner/repository/0123abc/folder/list.csv"
CONTENT = b"filename,class\n"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_files, "known_files", lambda: {NAME: hashlib.sha256(CONTENT).hexdigest()})


def write(folder: Path, content: bytes) -> Path:
    path = folder / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_a_mirror_serves_verified_files(known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDLIB_MIRROR", str(tmp_path))
    with pytest.raises(errors.Unavailable, match="not in the mirror"):
        public_files.fetch(NAME)
    path = write(tmp_path, CONTENT)
    assert public_files.fetch(NAME) == path
    assert public_files.fetch_folder("owner/") == path.parent
    path.write_bytes(CONTENT + b"x")
    with pytest.raises(InputError, match="expected"):
        public_files.fetch(NAME)
    with pytest.raises(InputError, match="unknown public file"):
        public_files.fetch("owner/other")


def test_a_download_is_kept_verified_and_not_repeated(
    known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COVIDLIB_MIRROR", raising=False)
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    with serve() as site:
        monkeypatch.setattr(public_files, "WEB", site.address)
        site.add(f"/{NAME}", Page(CONTENT))
        path = public_files.fetch(NAME)
        assert path.read_bytes() == CONTENT and path.is_relative_to(tmp_path)
        assert public_files.fetch(NAME) == path
        assert len(site.requests) == 1
        path.write_bytes(b"damaged on the disk")
        assert public_files.fetch(NAME).read_bytes() == CONTENT


def test_offline_means_no_network(known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COVIDLIB_MIRROR", raising=False)
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    asked: list[str] = []
    monkeypatch.setattr(public_files, "download", lambda url, target, **options: asked.append(url) or target)
    with public_files.offline(), pytest.raises(errors.Unavailable, match="covidlib fetch lists"):
        public_files.fetch(NAME)
    path = write(tmp_path / "data" / "downloads", CONTENT)
    with public_files.offline():
        assert public_files.fetch(NAME) == path
    path.write_bytes(CONTENT + b"more")
    with public_files.offline(), pytest.raises(errors.Unavailable):
        public_files.fetch(NAME)
    assert asked == []
    public_files.fetch(NAME)
    assert len(asked) == 1


def test_the_lists_are_fetched_on_the_command_line(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "lists"]) == 0
    assert "19 lists: verified" in capsys.readouterr().out
    assert main(["fetch", "lists", "--part", "full"]) == 2


def test_without_a_network_the_whole_series_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COVIDLIB_MIRROR", raising=False)
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))

    with serve() as site:
        gone = site.address
    monkeypatch.setattr(public_files, "WEB", gone)
    monkeypatch.setattr(public_files, "ATTEMPTS", 1)
    with pytest.raises(errors.Unavailable):
        public_files.fetch_folder(public_files.REAL_SERIES)


def test_the_mirror_serves_the_real_series(real_series_folder: Path) -> None:
    (series,) = find_series(public_files.fetch_folder(public_files.REAL_SERIES))
    assert len(series) == 64 and series.kind == "dicom"


def test_the_real_series_is_copied_on_the_command_line(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "lung-pet-ct-dx", "--to", str(tmp_path / "series")]) == 0
    assert "CC BY 4.0" in capsys.readouterr().out
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "series").rglob("*.dcm")}
    known = public_files.known_files()
    listed = {known[name] for name in known if name.startswith(public_files.REAL_SERIES) and name.endswith(".dcm")}
    assert len(listed) == 64 and listed <= digests
    # A copy that was interrupted goes on; another dataset's folder stays free of these slices.
    next((tmp_path / "series").rglob("*.dcm")).unlink()
    assert main(["fetch", "lung-pet-ct-dx", "--to", str(tmp_path / "series")]) == 0
    mine = tmp_path / "mine" / "covid1" / "IM00001.tif"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    for folder, words in (
        (tmp_path / "mine", "contains other files, such as covid1/IM00001.tif"),
        (mine, "is a file, not a folder"),
        (mine / "below", "is a file, not a folder"),
    ):
        capsys.readouterr()
        assert main(["fetch", "lung-pet-ct-dx", "--to", str(folder)]) == 2
        assert words in capsys.readouterr().err
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == [mine]
    assert main(["fetch", "lung-pet-ct-dx", "--part", "full"]) == 2
    assert "--part, --from and --zip are for covid-ctset only" in capsys.readouterr().err


def test_every_listed_file_is_in_the_mirror(mirror: Path) -> None:
    listed = public_files.known_files()
    assert len(listed) > 80
    assert all((mirror / name).is_file() for name in listed)


def test_importing_the_package_and_its_light_modules_loads_no_tensorflow() -> None:
    modules = (
        "covidlib, covidlib.cli.main, covidlib.scans.series, covidlib.selection, covidlib.results.metrics, "
        "covidlib.patients.decision, covidlib.datasets.covid_ctset"
    )
    code = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_named_dataset_must_exist_and_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such folder"):
        workspace.cohort(str(tmp_path / "absent"))
    assert workspace.cohort(str(tmp_path)) == tmp_path
    monkeypatch.delenv("COVIDLIB_HOME", raising=False)
    monkeypatch.chdir(ROOT / "notebooks")
    assert folders.home() == ROOT
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.home() == tmp_path / ".cache" / "covidlib"


def test_the_shortcut_cohort_is_drawn_once_and_its_scanner_follows_the_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    monkeypatch.setattr(workspace, "SHORTCUT_PATIENTS", 6)
    monkeypatch.setattr(workspace, "SHORTCUT_SLICES", 2)
    folder = workspace.shortcut_cohort()
    patients = pd.read_csv(folder / "patients.csv")
    assert len(patients) == 6 and patients["slices"].max() == 2 and set(patients["seed"]) == {workspace.SHORTCUT_SEED}
    follows = (patients["label"] == "covid") == (patients["kernel"] == "sharp")
    assert follows.mean() > 0.5
    made = folder.stat().st_mtime_ns
    assert workspace.shortcut_cohort() == folder and folder.stat().st_mtime_ns == made
    monkeypatch.setattr(workspace, "SHORTCUT_SEED", 7)
    assert workspace.shortcut_cohort() != folder


def test_a_chapter_may_ask_for_the_papers_own_validation_set(
    small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[bool] = []
    monkeypatch.setattr(train, "train_all", lambda *_, allow_leak, **__: allowed.append(allow_leak) or [])
    for protocol in (PAPER, QUICK):
        workspace.runs(protocol, small_dataset)
    assert allowed == [True, False]


@pytest.mark.usefixtures("untraced")
def test_the_shortcut_run_is_made_once(tmp_path: Path, small_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    monkeypatch.setattr(workspace, "shortcut_cohort", lambda: small_dataset)
    protocol = dataclasses.replace(QUICK, epochs=1, image_side=128)
    run = workspace.shortcut_run(protocol, "resnet50v2")
    assert len(run.history()) == 2 and (tmp_path / "runs") in run.folder.parents
    made = run.weights.stat().st_mtime_ns
    assert workspace.shortcut_run(protocol, "resnet50v2").weights.stat().st_mtime_ns == made


def test_phantom_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", str(tmp_path / "c"), "--patients", "2", "--seed", "3"]) == 0
    assert "2 synthetic patients, seed 3" in capsys.readouterr().out
    assert main(["phantom", str(tmp_path / "c"), "--patients", "2"]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
