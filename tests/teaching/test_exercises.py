"""Each solution passes its own check, each stub fails it, typical wrong answers get their hint."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from booktools import chapters
from support.made import CHAPTERS

from covidlib.errors import InputError
from covidlib.teaching import exercises

NOTEBOOKS = {path.name[:2]: path for path in CHAPTERS}
EXERCISES = [
    (chapter, one) for chapter, path in NOTEBOOKS.items() for one in chapters.exercises_of(nbformat.read(path, 4))
]
WRONG = [
    (name, answer, words)
    for chapter in NOTEBOOKS
    for name, wrong in importlib.import_module(f"wrong_answers.chapter{chapter}").WRONG.items()
    for answer, words in wrong
]


def verdict_of(chapter: str, code: str) -> exercises.Verdict:
    """What a cell's check says, run with nothing but the chapter's imports."""
    cells = nbformat.read(NOTEBOOKS[chapter], 4).cells
    imports = next(cell.source for cell in cells if "workspace.begin(PROTOCOL)" in cell.source)
    names: dict[str, Any] = {"PROTOCOL": "quick", "DATA": ""}
    exec(imports.replace("workspace.begin(PROTOCOL)", ""), names)
    begun, check = code[: code.rindex("teaching.check(")], code[code.rindex("teaching.check(") :]
    exec(begun, names)
    verdict = eval(check.strip(), names)
    assert isinstance(verdict, exercises.Verdict)
    return verdict


@pytest.mark.parametrize(("chapter", "one"), EXERCISES, ids=[one.name for _, one in EXERCISES])
def test_a_solution_passes_its_own_check_and_a_stub_fails_it(chapter: str, one: chapters.Exercise) -> None:
    assert verdict_of(chapter, one.solved).hint is None
    stub = verdict_of(chapter, one.stub)
    assert stub.name == one.name and stub.hint == exercises.MISSING


@pytest.mark.parametrize(("name", "answer", "words"), WRONG, ids=[f"{name}-{words}" for name, _, words in WRONG])
def test_a_wrong_answer_gets_its_hint(name: str, answer: object, words: str) -> None:
    verdict = exercises.check(name, answer)
    assert not verdict.right and words in str(verdict.hint)


def test_patients_may_come_as_an_array() -> None:
    verdict = exercises.check("9.1", lambda train, test: np.intersect1d(train["patient"], test["patient"]))
    assert verdict.hint is None


def test_every_exercise_has_a_checker_and_two_wrong_answers() -> None:
    names = [one.name for _, one in EXERCISES]
    assert list(exercises.checkers()) == names
    tried = [name for name, _, _ in WRONG]
    assert [name for name in names if tried.count(name) < 2] == []


def test_a_module_of_a_further_chapter_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chapter98.py").write_text(
        "from covidlib.teaching.exercises import checker\nchecker('98.1')(lambda answer: None)\n"
    )
    (tmp_path / "chapter98_notes.py").write_text("no module of a chapter\n")
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path)])
    monkeypatch.setattr(exercises, "_CHECKERS", exercises.checkers())
    try:
        assert exercises.chapters()[-1] == 98
        assert exercises.check("98.1", 1).right
        assert list(exercises.checkers())[-1] == "98.1"
    finally:
        sys.modules.pop("covidlib.teaching.exercises.chapter98", None)


def test_what_is_not_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"exercise 99\.1.*does not exist"):
        exercises.check("99.1", 1)
    name = next(iter(exercises.checkers()))
    nothing = exercises.check(name, ...)
    assert nothing.hint == exercises.MISSING and repr(nothing).startswith("○")
    assert "answer-missing" in nothing._repr_html_()
    with pytest.raises(ValueError, match="two checkers"):
        exercises.checker(name)(lambda answer: None)
    monkeypatch.setitem(exercises._CHECKERS, name, lambda answer: answer())
    broken = exercises.check(name, lambda: 1 / 0)
    assert "ZeroDivisionError: division by zero" in str(broken.hint)
    monkeypatch.setitem(exercises._CHECKERS, name, lambda answer: f"try {exercises.called(answer)} again")
    assert exercises.check(name, lambda: ...).hint == exercises.MISSING
    assert "&lt;b&gt;" in exercises.check(name, lambda: "<b>")._repr_html_()
    assert "answer-disagrees" in exercises.check(name, lambda: 1)._repr_html_()


def small(stub: str = 'answer = ...\n\nteaching.check("2.1", answer)', heading: str = "### 2.1 ●○○ Count") -> Any:
    """A notebook of one exercise."""
    solution = "<details><summary>Solution</summary>\n\n```python\nanswer = 4\n```\n\nBecause.\n\n</details>"
    cells = [
        nbformat.v4.new_markdown_cell(f"## Exercises\n\n{heading}\n\nHow many?"),
        nbformat.v4.new_code_cell(stub, metadata={"tags": ["exercise"]}),
        nbformat.v4.new_markdown_cell(f"{solution}\n\n## Summary"),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def test_editions(tmp_path: Path) -> None:
    source, other = tmp_path / "02_small.ipynb", tmp_path / "other"
    nbformat.write(small(), source)
    before = source.read_bytes()
    assert chapters.main(["instructor", str(source), "-o", str(other)]) == 0
    solved = nbformat.read(other / source.name, 4)
    assert solved.cells[1].source == 'answer = 4\n\nteaching.check("2.1", answer)'
    assert solved.cells[2].source == "Because.\n\n\n\n## Summary"
    assert chapters.main(["closed", str(source), "-o", str(other)]) == 0
    closed = nbformat.read(other / source.name, 4)
    assert closed.cells[1].source.startswith("answer = ...") and closed.cells[2].source == "## Summary"
    assert chapters.main(["closed", str(source), "-o", str(tmp_path)]) == 2
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"heading": "**1.** How many?"}, "lacks its heading"),
        ({"stub": 'teaching.check("2.2", ...)'}, "not checked by its name"),
    ],
)
def test_an_exercise_that_lacks_a_part_is_found_out(changed: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        chapters.exercises_of(small(**changed))
    without_solution = small()
    without_solution.cells[2].source = "## Summary"
    with pytest.raises(ValueError, match="its solution"):
        chapters.exercises_of(without_solution)


def test_a_check_loads_its_own_chapter_only() -> None:
    code = (
        "import sys; from covidlib import teaching; assert not teaching.check('8.1', 0).right; "
        "print([name for name in sys.modules if name == 'tensorflow' or 'exercises.chapter' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['covidlib.teaching.exercises.chapter08']"
