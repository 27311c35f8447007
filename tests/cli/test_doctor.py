"""covidlib.cli.doctor and covidlib.utils.machine: what is wrong is found; nobody's name or folder is printed."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import tomllib
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest
from support.made import ROOT

from covidlib import workspace
from covidlib.cli import doctor, main
from covidlib.errors import InputError
from covidlib.phantom import cohort as phantom
from covidlib.utils import machine

USER, HOST = "zaphod.b", "heartofgold"
DiskUsage = namedtuple("DiskUsage", "total used free")


def line_of(name: str) -> doctor.Line:
    (found,) = [line for line in doctor.examine() if line.name == name]
    return found


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Versions to be found in the place of the installed ones; None: not installed."""
    planted: dict[str, str | None] = {}
    real = metadata.version

    def version(name: str) -> str:
        found = planted.get(name, "")
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found or real(name)

    monkeypatch.setattr(metadata, "version", version)
    return planted


def test_all_that_is_needed_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("```\n") and text.endswith("everything needed is present\n```\n")
    names = {line.name for line in doctor.examine()}
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {line.split(">")[0] for line in asked["dependencies"]} | set(asked["optional-dependencies"]) <= names
    assert {"covidlib", "Python", "system", "processor", "cores", "memory", "disk", "quick runs", "mirror"} <= names


@pytest.mark.parametrize(("found", "said"), [(None, "missing (needed: >=2.2.2)"), ("1.5.3", "1.5.3 (needed: >=2.2.2)")])
def test_a_package_that_is_missing_or_too_old(
    versions: dict[str, str | None], capsys: pytest.CaptureFixture[str], found: str | None, said: str
) -> None:
    versions["pandas"] = found
    assert main.main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert f"{said} -> pip install -e '.'" in text and "missing or wrong: pandas" in text
    assert main.main(["doctor", "--json", "--devices"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["good"] is False
    assert [line["name"] for line in answer["lines"] if line["state"] == "FAIL"] == ["pandas"]
    # With packages missing neither TensorFlow nor the cohort is touched.
    assert [line["name"] for line in answer["lines"] if doctor.NOT_LOOKED_AT in line["found"]] == [
        "TensorFlow",
        "quick runs",
    ]


def test_an_extra_may_be_missing_and_is_not_complete_when_too_new(versions: dict[str, str | None]) -> None:
    versions["jupyter-book"] = "2.0.1"
    versions["pydicom"] = None
    lines = {line.name: line for line in doctor.examine()}
    assert lines["book"].state == lines["dicom"].state == "-"
    # `book` includes `dicom`.
    assert lines["book"].found == "missing: pydicom, jupyter-book 2.0.1 (needed: <2,>=1.0.4.post1)"
    assert lines["dicom"].remedy == "pip install -e '.[dicom]'"
    assert doctor.good(list(lines.values()))


def test_it_answers_without_any_package() -> None:
    """In a Python that has the standard library only, where most needed."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from covidlib.cli.main import main; sys.exit(main(['doctor']))"
    )
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (1, "")
    assert "FAIL packaging" in answer.stdout and "missing or wrong: packaging" in answer.stdout


def test_python_must_be_one_that_is_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, state in [((3, 11, 4), "FAIL"), ((3, 11, 5), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "FAIL")]:
        monkeypatch.setattr(sys, "version_info", version)
        assert line_of("Python").state == state, version
    least, most = (f"{major}.{minor}" for major, minor in (doctor.OLDEST_PYTHON[:2], doctor.TOO_NEW_PYTHON))
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert asked == f">={least},<{most}"


def test_a_disk_without_room_and_a_folder_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path / "not" / "yet"))
    assert line_of("disk").state == "ok" and line_of("synthetic cohort").state == "-"
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: DiskUsage(10**12, 10**12, 5 * 10**8))
    assert (line_of("disk").state, line_of("disk").found[:11]) == ("FAIL", "0.5 GB free")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path / "file" / "below"))
    assert "cannot be written to" in line_of("disk").found and line_of("disk").state == "FAIL"


def test_a_user_without_a_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clusters and containers start programs as a number that no list of users knows."""
    pwd = pytest.importorskip("pwd")
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "COVIDLIB_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert main.main(["doctor"]) == 1
    assert "this user has no home folder -> Set COVIDLIB_HOME to a folder" in capsys.readouterr().out
    with pytest.raises(InputError, match="this user has no home folder. Set COVIDLIB_HOME to a folder"):
        workspace.cohort_folder()
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    assert line_of("disk").state == "ok"


def test_a_mirror_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COVIDLIB_MIRROR", str(tmp_path / "stick"))
    assert line_of("mirror").state == "FAIL"
    (tmp_path / "stick").mkdir()
    assert line_of("mirror").state == "ok"
    monkeypatch.delenv("COVIDLIB_MIRROR")
    assert line_of("mirror").state == "-"


def test_data_and_runs_are_found_where_the_kit_puts_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_dataset: Path
) -> None:
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.protocols import QUICK
    from covidlib.training.runs import runs_folder
    from covidlib.utils.unzip import NOTE

    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    monkeypatch.setattr(phantom, "make_cohort", lambda folder, *_, **__: shutil.copytree(small_dataset, folder))
    cohort = workspace.cohort()
    assert line_of("synthetic cohort").state == "ok"
    assert line_of("quick runs").found == "0 of 15"
    run = runs_folder(QUICK, tmp_path / "runs", load_dataset(cohort).fingerprint) / "xception" / "fold1"
    run.mkdir(parents=True)
    assert line_of("quick runs").found == "0 of 15"
    (run / "run.json").write_text("{}")
    assert line_of("quick runs").found == "1 of 15"
    part = tmp_path / "data" / "covid-ctset" / "full"
    part.mkdir(parents=True)
    assert line_of("COVID-CTset, full").state == "-"
    (part / NOTE).write_text("{}")
    assert line_of("COVID-CTset, full").state == "ok"


def plant_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    home = tmp_path / "home" / USER
    home.mkdir(parents=True)
    for variable in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(variable, USER)
    monkeypatch.setenv("HOSTNAME", HOST)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COVIDLIB_HOME", str(home / "covid"))
    monkeypatch.setenv("COVIDLIB_MIRROR", str(home / "mirror"))
    monkeypatch.setattr(socket, "gethostname", lambda: HOST)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", HOST, "6.1", "#1", "x86_64")))
    assert getpass.getuser() == USER and Path.home() == home
    return home


@pytest.mark.parametrize("wrong", ["", "no folder", "broken cohort", "broken environment", "no home set"])
@pytest.mark.parametrize("options", [[], ["--json"], ["--devices"]])
def test_no_name_of_a_person_a_machine_or_a_folder_is_printed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    versions: dict[str, str | None],
    capfd: pytest.CaptureFixture[str],
    wrong: str,
    options: list[str],
) -> None:
    home = plant_a_name(monkeypatch, tmp_path)
    if wrong == "no folder":
        (home / "covid").write_text("a file")
    elif wrong == "broken cohort":
        workspace.cohort_folder().mkdir(parents=True)
        (home / "mirror").mkdir()
    elif wrong == "broken environment":
        versions["numpy"] = None
    elif wrong == "no home set":
        monkeypatch.delenv("COVIDLIB_HOME")
        monkeypatch.chdir(home)
    code = main.main(["doctor", *options])
    printed = "".join(capfd.readouterr())
    assert code == (0 if wrong == "broken cohort" else 1)
    assert "covidlib" in printed
    if wrong == "no home set":
        assert "~/.cache/covidlib" in printed
    if wrong == "broken cohort":
        assert "the cohort cannot be read" in printed
    for secret in (USER, HOST, str(home), str(tmp_path), str(Path(sys.prefix)), str(ROOT)):
        assert secret not in printed, secret


# The environment ----------------------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_that_of_the_clone_and_of_no_other_repository(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "pyproject.toml").write_text("one")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    first = machine.commit(tmp_path)
    assert first is not None and len(first) >= 7 and "changed" not in first
    (tmp_path / "pyproject.toml").write_text("two")
    assert machine.commit(tmp_path) == f"{first}, changed since"
    whole = machine.commit(tmp_path, whole=True)
    assert whole is not None and whole.startswith(first) and len(whole) == 40 + len("-dirty")
    # An installed package may lie below somebody's own repository: that commit says nothing about it.
    installed = tmp_path / "env" / "site-packages"
    installed.mkdir(parents=True)
    assert machine.commit(installed) is None


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    assert machine.commit(tmp_path) is None  # a damaged repository
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.commit(tmp_path) is None


def test_an_installed_copy_asks_for_what_the_clone_asks_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [
        f"Provides-Extra: {extra}\n{''.join(f'Requires-Dist: {_marked(one, extra)}{chr(10)}' for one in asked)}"
        for extra, asked in project["optional-dependencies"].items()
    ]
    about = tmp_path / "covidlib-1.dist-info"
    about.mkdir()
    needed = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    address = f"Project-URL: Repository, {project['urls']['Repository']}\n"
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: covidlib\nVersion: 1\n{address}{needed}{''.join(lines)}"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def names(asked: dict[str, list[str]]) -> dict[str, set[str]]:
        return {extra: {one.name for one in machine.packages(lines)} for extra, lines in asked.items()}

    assert names(machine.requirements(tmp_path / "nowhere")) == names(machine.requirements(ROOT))
    monkeypatch.setattr(machine, "in_clone", lambda: False)
    assert doctor._install("dicom") == f"pip install 'covidlib[dicom] @ git+{project['urls']['Repository']}'"


def _marked(line: str, extra: str) -> str:
    return f'{line}; extra == "{extra}"'
