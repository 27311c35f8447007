"""The how-to pages: Python runs as it stands, but for the names of files, and every command is one that exists."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
from support.commands import commands_in, problem_of
from support.made import OPEN, ROOT, write_series

from covidlib import protocols, selection
from covidlib.cli import main
from covidlib.utils import folders

PAGES = [*sorted((ROOT / "book" / "howto").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def code_with(page: str, words: str) -> str:
    """The one block of Python on a page that holds some words."""
    text = (ROOT / "book" / "howto" / f"{page}.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if words in block]
    return block


def test_from_folders_to_a_data_frame(tmp_path: Path, untrained_weights: Path) -> None:
    for patient, dark_counts in (("first", [10, OPEN, OPEN, 40]), ("second", [20, OPEN, OPEN, OPEN])):
        write_series(tmp_path / "patients" / patient, dark_counts)
    code = code_with("own_data", "open_engine")
    assert len([line for line in code.splitlines() if line and not re.match("from|import", line)]) < 10
    names = {"best.weights.h5": untrained_weights, "PATIENTS": tmp_path / "patients"}
    for name, path in names.items():
        assert f'"{name}"' in code
        code = code.replace(f'"{name}"', repr(str(path)))
    found: dict[str, pd.DataFrame] = {}
    exec(code, found)
    table = found["table"]
    assert table["patient"].tolist() == ["first", "second"] and table["selected_slices"].tolist() == [2, 3]
    assert set(table["decision"]) <= {"infected", "normal", "undetermined"}


def test_selection_from_your_own_code(tmp_path: Path) -> None:
    write_series(tmp_path / "SR_2", [30, 2500, 3000, 40])
    code = code_with("own_data", "find_series").replace('"FOLDER"', repr(str(tmp_path)))
    found: dict[str, object] = {}
    exec(code, found)
    chosen = selection.select_series(found["series"])  # type: ignore[arg-type]
    assert chosen.selected == ["IM00002.tif", "IM00003.tif"]
    assert found["pixels"].shape == (4, 512, 512)  # type: ignore[attr-defined]


# Commands -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_command_on_a_page_exists(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(commands_in(path.read_text(encoding="utf-8")))
    assert found
    problems = {shlex.join(command): problem_of(command, ROOT, monkeypatch) for command in found}
    assert {command: problem for command, problem in problems.items() if problem} == {}


def test_every_command_in_a_sentence_exists() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
    found = [(name, *one) for name, text in pages.items() for one in in_sentences(text)]
    assert len(found) > 5
    assert [one for one in found if not exists(*one[1:])] == []
    wrong = in_sentences("Ask `covidlib teach`, or `python -m covidlib.books`.\n\n```sh\n`covidlib select`\n```\n")
    assert [exists(*one) for one in wrong] == [False, False]


def in_sentences(page: str) -> list[tuple[str, str]]:
    """The commands and modules that a page names outside its blocks."""
    text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    return re.findall(r"`(covidlib|python -m) ([a-z][-.\w]*)", text)


def exists(kind: str, name: str) -> bool:
    if kind == "covidlib":
        return name in names_of_commands()
    return not name.startswith("covidlib") or (ROOT / f"{name.replace('.', '/')}.py").is_file()


def test_the_page_of_all_commands_has_them_all() -> None:
    text = (ROOT / "book" / "howto" / "commands.md").read_text(encoding="utf-8")
    shown = {command[1] for command in commands_in(text) if command[0] == "covidlib"}
    (helped,) = re.findall(r'names = "([\w -]+)"', text)
    assert shown == set(helped.split()) == names_of_commands()


def names_of_commands() -> set[str]:
    (groups,) = [action for action in main._parser()._actions if action.choices and action.dest == "==SUPPRESS=="]
    return set(groups.choices or ())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("covidlib teach --all", "invalid choice"),
        ("covidlib train --every", "unrecognized arguments: --every"),
        ("covidlib diagnose FOLDER", "required: --weights"),
        ("!covidlib runs --protocoll quick", "unrecognized"),
        ("A=1 covidlib doctor --gpu  # which", "unrecognized arguments: --gpu"),
        ("cd here && covidlib fetch everything", "invalid choice"),
        ("sbatch --wrap 'covidlib train --fold one'", "invalid int"),
        ("covidlib runs \\\n  --fold 1", "unrecognized arguments: --fold 1"),
        ("python book/_ext notebooks publish x.ipynb", "invalid choice"),
        ("python -m covidlib.books run x.ipynb", "No module"),
        ("python benchmarks/step.py", "there is no benchmarks/step.py"),
        ("make dinner", "make knows no"),
        ("pytest tests/test_none.py", "there is no"),
        ("pip install '.[gpu]'", "there is no extra"),
        ("covidlib train --all --set epochs=3", None),
        ("make book", None),
        ("git clone URL", None),
    ],
)
def test_a_wrong_command_is_found_out(line: str, problem: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [problem_of(command, ROOT, monkeypatch) for command in commands_in(f"text\n\n```sh\n{line}\n```\n")]
    said = [one for one in found if one]
    assert (problem is None and said == []) or (problem is not None and problem in said[0])


# Python of the other pages ------------------------------------------------------------------------------------------


def test_runs_are_kept_on_drive_and_data_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("COVIDLIB_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    mounted: list[str] = []
    colab = ModuleType("google.colab")
    colab.drive = SimpleNamespace(mount=mounted.append)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    drive = tmp_path / "drive" / "MyDrive"
    drive.mkdir(parents=True)
    code = code_with("colab", "drive.mount").replace("/content/drive/MyDrive", str(drive))
    for _session in range(2):
        exec(code, {})
    run = folders.home() / "runs" / "quick"
    run.mkdir()
    assert mounted == ["/content/drive"] * 2
    assert (drive / "covidlib-runs" / "quick").is_dir()
    assert folders.home() == tmp_path / ".cache" / "covidlib" and not (drive / "data").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("untraced")
def test_results_of_finished_runs(
    tmp_path: Path, small_dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["epochs=1", "folds_from=patients", "network_size=quick", "image_side=128", "weights=none", "folds=2"]
    monkeypatch.setattr(protocols, "PAPER", protocols.with_settings(protocols.PAPER, settings))
    code = code_with("replication", "train_all")
    for name, path in {"FOLDER": small_dataset, "RUNS": tmp_path}.items():
        assert f'"{name}"' in code
        code = code.replace(f'"{name}"', repr(str(path)))
    exec(code, {})
    printed = capsys.readouterr().out
    assert "resnet50v2-fpn" in printed and "recomputed" in printed and "ours" in printed
