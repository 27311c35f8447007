"""Check the structure of chapters and their exercises, and make the instructor's and closed editions.

A notebook in git is the student's edition: each exercise is a task, a stub that ends in its check, and a folded
solution. In the instructor's edition the solution replaces the stub; the closed edition has no solutions. On the
command line: `python book/_ext chapters instructor|closed NOTEBOOK… -o FOLDER`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from booktools.notebooks import read_notebook, write_clean
from covidlib.errors import InputError
from covidlib.teaching import questions
from covidlib.teaching.exercises import LEVELS

STATIONS = ("scan", "select", "classify", "folds", "patient", "explain")
SETUP_CELL = """# On Colab this installs covidlib; anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install -q "covidlib[dicom] @ git+{repository}\""""
FIGURE = re.compile(r"\bplotting\.[a-z]\w*\(|\bplt\.(?!rcParams\b)")
HEADING = re.compile(r"^### (\d+\.\d+) ([●○]{3}) (.+)$", re.MULTILINE)
SOLUTION = re.compile(r"<details><summary>Solution</summary>\n\n```python\n(.*?)```\n(.*?)</details>", re.DOTALL)
FEWEST_EXERCISES, FEWEST_QUESTIONS = 4, 2


# The page skeleton --------------------------------------------------------------------------------------------------


def page_problems(path: str | Path, repository: str) -> list[str]:
    """Problems with what every page must have, including the tour: title, Colab link, set-up cell, texts of figures."""
    path = Path(path)
    notebook = read_notebook(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    problems = []
    if notebook.cells[0].cell_type != "markdown" or not notebook.cells[0].source.startswith("# "):
        problems.append("the first cell is not a title")
    owner_and_name = repository.removeprefix("https://github.com/")
    badge = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{path.name}"
    if badge not in markdown_of(notebook):
        problems.append(f"no Colab link {badge}")
    if not code or "setup" not in code[0].metadata.get("tags", []):
        problems.append("the first code cell is not tagged setup")
    elif code[0].source != SETUP_CELL.format(repository=repository):
        problems.append("the set-up cell differs from that of all chapters (booktools.chapters.SETUP_CELL)")
    if "workspace.begin(PROTOCOL)" not in "\n".join(cell.source for cell in code):
        problems.append("no line that states versions, device and protocol")
    for cell in code:
        problems += _figure_problems(cell)
    return problems


def skeleton_problems(path: str | Path, repository: str) -> list[str]:
    """Problems with the structure that all chapters share (CONTRIBUTING.md describes it)."""
    path = Path(path)
    notebook = read_notebook(path)
    markdown = markdown_of(notebook)
    problems = page_problems(path, repository)
    pictures = re.findall(r"!\[[^\]]{20,} (\w+)\.\]\(images/station-([1-6])\.svg\)", markdown)
    if len(pictures) != 1 or pictures[0][0] != STATIONS[int(pictures[0][1]) - 1]:
        problems.append("no station picture, or its alt text does not end with the station's name")
    wanted = [
        "**Goals.**", "**You need.**", "**Time.**", "\n## 1. ", "\n## Printed, recomputed, ours", "\n## Exercises",
        "\n## Summary", "\n## What's next", "\n## Further reading", "\n## References",
    ]  # fmt: skip
    places = [markdown.find(mark) for mark in wanted]
    problems += [f"no {mark.strip()}" for mark, place in zip(wanted, places, strict=True) if place < 0]
    if places != sorted(places):
        problems.append("the parts are out of order")
    if not re.search(r"^## \d+\. Try it: ", markdown, re.MULTILINE):
        problems.append("no numbered section `Try it: …` with something to change")
    problems += _exercise_problems(notebook, path.name[:2])
    return problems


def markdown_of(notebook: Any) -> str:
    """The prose of a notebook."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def _figure_problems(cell: Any) -> Iterator[str]:
    if not FIGURE.search(cell.source):
        return
    first = cell.source.strip().splitlines()[0]
    mystnb = cell.metadata.get("mystnb", {})
    if len(mystnb.get("image", {}).get("alt", "")) < 20:
        yield f"a figure without alt text: {first}"
    if not mystnb.get("figure", {}).get("caption"):
        yield f"a figure without a caption: {first}"


def _exercise_problems(notebook: Any, chapter: str) -> Iterator[str]:
    try:
        exercises = exercises_of(notebook)
    except ValueError as error:
        yield str(error)
        return
    if len(exercises) < FEWEST_EXERCISES:
        yield f"{len(exercises)} exercises with a stub and a solution, at least {FEWEST_EXERCISES} are needed"
    if {exercise.level for exercise in exercises} != set(LEVELS):
        yield "exercises of all three levels are needed"
    numbers = range(1, len(exercises) + 1)
    if [exercise.name for exercise in exercises] != [f"{int(chapter)}.{number}" for number in numbers]:
        yield f"exercises are not numbered {int(chapter)}.1, {int(chapter)}.2, … in order"
    shown = f'teaching.show_questions("{chapter}")'
    if not any(shown in cell.source for cell in notebook.cells if cell.cell_type == "code"):
        yield f"no cell shows the questions: {shown}"
    elif len(questions.load_questions(chapter)) < FEWEST_QUESTIONS:
        yield f"fewer than {FEWEST_QUESTIONS} questions"


# Exercises ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exercise:
    """An exercise of a notebook.

    Attributes
    ----------
    name : str
        Chapter and number, "2.1".
    level : int
        1, 2 or 3: the number of filled dots in the heading.
    title : str
    stub : str
        The code cell, which ends in the check.
    solution : str
        Code that replaces everything before the check.
    cell : int
        Position of the code cell in the notebook.
    """

    name: str
    level: int
    title: str
    stub: str
    solution: str
    cell: int

    @property
    def solved(self) -> str:
        """The code cell with the stub replaced by the solution."""
        return f"{self.solution.rstrip()}\n\n{self.stub[self.stub.rindex('teaching.check(') :]}"


def exercises_of(notebook: Any) -> list[Exercise]:
    """Find the exercises of a notebook: cells tagged `exercise`, with a heading before and a folded solution after.

    Raises
    ------
    ValueError
        If a tagged cell has no heading, no check of its name, or no solution in code.
    """
    exercises = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or "exercise" not in cell.metadata.get("tags", []):
            continue
        # Empty before the first cell and after the last.
        before, after = notebook.cells[max(index - 1, 0) : index], notebook.cells[index + 1 : index + 2]
        headings = HEADING.findall("".join(cell.source for cell in before))
        solutions = SOLUTION.findall("".join(cell.source for cell in after))
        if not headings or not solutions:
            raise ValueError(f"a cell tagged exercise lacks its heading or its solution: {cell.source[:60]!r}")
        name, dots, title = headings[-1]
        if f'teaching.check("{name}", ' not in cell.source:
            raise ValueError(f'exercise {name} is not checked by its name, teaching.check("{name}", …)')
        exercises.append(Exercise(name, dots.count("●"), title, cell.source, solutions[0][0], index))
    return exercises


# Editions -----------------------------------------------------------------------------------------------------------


def instructor_edition(notebook: Any) -> Any:
    """Make a notebook with solved exercises; explanations stay below, unfolded."""
    for exercise in exercises_of(notebook):
        notebook.cells[exercise.cell].source = exercise.solved
    return _without(notebook, r"\2")


def closed_edition(notebook: Any) -> Any:
    """Make a notebook without solutions, for a course that distributes them later."""
    return _without(notebook, "")


def _without(notebook: Any, instead: str) -> Any:
    for exercise in exercises_of(notebook):
        after = notebook.cells[exercise.cell + 1]
        after.source = SOLUTION.sub(instead, after.source, count=1).strip()
    return notebook


EDITIONS = {"instructor": instructor_edition, "closed": closed_edition}


def main(argv: list[str] | None = None) -> int:
    """Run `python book/_ext chapters instructor|closed NOTEBOOK… -o FOLDER`; return the exit code."""
    parser = argparse.ArgumentParser(prog="python book/_ext chapters", description="Editions of the notebooks.")
    parser.add_argument("edition", choices=tuple(EDITIONS))
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the edition")
    arguments = parser.parse_args(argv)
    try:
        for path in arguments.notebooks:
            if arguments.output.resolve() == path.resolve().parent:
                raise InputError(
                    arguments.output, "this folder contains the original notebooks", "Choose another folder"
                )
            arguments.output.mkdir(parents=True, exist_ok=True)
            notebook = read_notebook(path)
            try:
                edition = EDITIONS[arguments.edition](notebook)
            except ValueError as error:
                raise InputError(path, str(error), "Correct the cell; CONTRIBUTING.md shows an exercise") from error
            write_clean(arguments.output / path.name, edition)
    except (InputError, OSError) as error:
        print(f"covidlib: {error}", file=sys.stderr)
        return 2
    return 0
