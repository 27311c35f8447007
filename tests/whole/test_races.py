"""Two processes that want the same: each gets it, it is made once, and nothing half-made is left."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from support.made import ROOT
from support.web_server import Page, serve

from covidlib import workspace
from covidlib.datasets import slice_table
from covidlib.protocols import QUICK
from covidlib.training import progress
from covidlib.training import train as training
from covidlib.utils import folders

COHORT = """
import sys
from covidlib import workspace
from covidlib.phantom import cohort
workspace.COHORT_PATIENTS = 2
drawn = cohort.make_cohort
def counted(*arguments, **named):
    print("A COHORT", flush=True)
    return drawn(*arguments, **named)
cohort.make_cohort = counted
print(workspace.cohort())
"""
DOWNLOAD = """
import sys
from pathlib import Path
from covidlib.utils.download import download
print(download(sys.argv[1], Path(sys.argv[2]), digest=sys.argv[3]))
"""
UNPACK = """
import sys
from pathlib import Path
from covidlib.utils.unzip import unpack
print(unpack([Path(sys.argv[1])], Path(sys.argv[2]), "some"))
"""


def start(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(*processes: subprocess.Popen[str]) -> list[str]:
    """What each printed, all having ended well."""
    printed = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        printed.append(out)
    return printed


def test_a_cohort_is_drawn_once(tmp_path: Path) -> None:
    printed = ended(*(start(COHORT, COVIDLIB_HOME=str(tmp_path)) for _ in range(3)))
    assert "".join(printed).count("A COHORT") == 1
    assert len({text.splitlines()[-1] for text in printed}) == 1
    assert [path.name[:10] for path in (tmp_path / "data").iterdir()] == ["synthetic-"]


def test_of_two_chapters_that_need_the_runs_one_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def train(*_: object, **__: object) -> None:
        steps.append("begins")
        time.sleep(0.3)
        steps.append("ends")

    monkeypatch.setenv(folders.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(training, "train_all", train)
    monkeypatch.setattr(slice_table, "load_dataset", lambda _: SimpleNamespace(fingerprint="data"))
    chapters = [threading.Thread(target=workspace.runs, args=(QUICK, tmp_path)) for _ in range(2)]
    for chapter in chapters:
        chapter.start()
    for chapter in chapters:
        chapter.join()
    assert steps == ["begins", "ends"] * 2


def test_runs_that_are_there_are_read_without_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(_: Path) -> None:
        raise AssertionError("a lock was asked for")

    finished = pd.DataFrame({"state": [progress.FINISHED] * 15})
    monkeypatch.setenv(folders.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(workspace, "one_at_a_time", locked)
    monkeypatch.setattr(progress, "overview", lambda *_: finished)
    monkeypatch.setattr(training, "train_all", lambda *_, **__: ["all"])
    monkeypatch.setattr(slice_table, "load_dataset", lambda _: SimpleNamespace(fingerprint="data"))
    assert workspace.runs(QUICK, tmp_path) == ["all"] and not (tmp_path / "home").exists()
    finished.loc[3, "state"] = progress.WAITING
    with pytest.raises(AssertionError, match="a lock was asked for"):
        workspace.runs(QUICK, tmp_path)


def test_a_file_is_downloaded_once_and_whole(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with serve() as site:
        address = site.add("/file", Page(content))
        printed = ended(*(start(DOWNLOAD, address, str(tmp_path / "file"), digest) for _ in range(3)))
        assert [path for path, _, _ in site.requests] == ["/file"]
    assert len(set(printed)) == 1
    assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_zip_is_unpacked_by_one_of_two(tmp_path: Path) -> None:
    archive = tmp_path / "some.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(300):
            file.writestr(f"folder/{number}.txt", f"{number}" * 1000)
    ended(*(start(UNPACK, str(archive), str(tmp_path / "out" / "unpacked")) for _ in range(3)))
    assert len(list((tmp_path / "out" / "unpacked").rglob("*.txt"))) == 300
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["unpacked"]


def test_a_killed_process_leaves_no_lock_that_holds_others_up(tmp_path: Path) -> None:
    killed = start(COHORT.replace("COHORT_PATIENTS = 2", "COHORT_PATIENTS = 40"), COVIDLIB_HOME=str(tmp_path))
    assert killed.stdout is not None
    assert killed.stdout.readline() == "A COHORT\n"
    time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    # Its end of the pipe closes only when the workers, who hold it too, have ended as well.
    # They finish the patients that they were given, and then wait for half a minute.
    killed.communicate(timeout=180)
    assert killed.returncode == -signal.SIGKILL, "it ended before it was killed"
    assert any(path.name.endswith(".lock") for path in (tmp_path / "data").iterdir())
    (printed,) = ended(start(COHORT, COVIDLIB_HOME=str(tmp_path)))
    cohort = Path(printed.splitlines()[-1])
    assert len(list(cohort.glob("*1/patient*"))) == 2
    shutil.rmtree(cohort)


MAKE = """#!/bin/sh
# Stands for the environment's Python: pip fails as long as the file `offline` is there.
case "$*" in
*"pip install"*) test ! -e offline || exit 1; echo "$*" >> installed ;;
esac
"""


def test_an_interrupted_make_installs_again(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "ruff", "mypy", "lint-imports", "covidlib", "pytest"):
        (tmp_path / ".venv" / "bin" / name).write_text(MAKE)
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    make = ["make", "-C", str(tmp_path), "test", f"PYTHON={sys.executable}"]
    (tmp_path / "offline").touch()
    assert subprocess.run(make, capture_output=True).returncode != 0
    assert not (tmp_path / ".venv" / "book").exists()
    (tmp_path / "offline").unlink()
    assert subprocess.run(make, capture_output=True).returncode == 0
    installed = (tmp_path / "installed").read_text()
    assert installed.count("pip install") == 2 and ".[test]" in installed
    assert subprocess.run(make, capture_output=True).returncode == 0
    assert (tmp_path / "installed").read_text() == installed
