"""What Binder is given: a script that it can run, with commands that exist, and a Python that the package takes."""

from __future__ import annotations

import os
import re
import tomllib

import pytest
from packaging.specifiers import SpecifierSet
from support.commands import commands_in, problem_of
from support.made import ROOT

BINDER = ROOT / ".binder"


def test_the_script_can_run_and_its_commands_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    script = BINDER / "postBuild"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK) and text.startswith("#!/bin/bash\n") and "set -euo pipefail" in text
    found = list(commands_in(f"```sh\n{text}```\n"))
    assert ["covidlib", "doctor"] in found
    assert [problem for command in found if (problem := problem_of(command, ROOT, monkeypatch))] == []
    for name in re.findall(r"-c (\S+\.txt)", text):
        assert (ROOT / name).is_file(), name


def test_python_is_the_one_of_the_pins() -> None:
    (version,) = re.findall(r"^python-(3\.\d+)$", (BINDER / "runtime.txt").read_text(encoding="utf-8"), re.MULTILINE)
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert SpecifierSet(asked).contains(version)
    assert f"Python {version}." in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()[0] + "."


def test_nothing_there_overrides_the_script() -> None:
    """A Dockerfile or an environment.yml in this folder would be taken in its place or before it."""
    assert sorted(path.name for path in BINDER.iterdir()) == ["postBuild", "runtime.txt"]
