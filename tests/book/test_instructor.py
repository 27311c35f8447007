"""The instructor guide: what it names in the chapters is there, its minutes add up, its commands work."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from booktools.chapters import exercises_of, main
from support.made import CHAPTERS, ROOT
from support.named_sections import missing

PAGE = (ROOT / "book" / "instructor.md").read_text(encoding="utf-8")
NOTEBOOKS = ROOT / "notebooks"
EXERCISE = re.compile(r"\b(\d+\.\d+) “([^”]+)”")
LESSON = 90


def named_exercises(page: str) -> list[tuple[str, str]]:
    """Number and title of each exercise that a page names."""
    return EXERCISE.findall(page)


def exercises_in_chapters() -> dict[str, str]:
    """Number and title of each exercise of the chapters."""
    read = (nbformat.read(path, as_version=4) for path in CHAPTERS)
    return {one.name: one.title for notebook in read for one in exercises_of(notebook)}


def minutes(page: str) -> list[int]:
    """The sum of each table of minutes."""
    tables = re.findall(r"^\| Minutes \|.*\n\|[-:| ]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    return [sum(map(int, re.findall(r"^\| (\d+) \|", table, re.MULTILINE))) for table in tables]


def wrong_exercises(page: str) -> list[str]:
    """Exercises that a page names and that no chapter has under this number and title."""
    there = exercises_in_chapters()
    return [f"{number} “{title}”" for number, title in named_exercises(page) if there.get(number) != title]


def test_exercises_are_named_as_in_the_chapters() -> None:
    assert len(named_exercises(PAGE)) > 60
    assert wrong_exercises(PAGE) == []


def test_a_number_is_never_named_without_its_title() -> None:
    assert re.findall(r"exercises? \d", PAGE) == []
    assert len(re.findall(r"\b[1-9]\d?\.\d\b", PAGE)) == len(named_exercises(PAGE))


def test_each_exercise_has_its_place_in_the_course() -> None:
    course = PAGE[PAGE.index("\n## Nine sessions") : PAGE.index("\n## Common misconceptions")]
    assert sorted(number for number, _ in named_exercises(course)) == sorted(exercises_in_chapters())


def test_chapters_and_sections_are_there() -> None:
    assert missing(PAGE, NOTEBOOKS) == []


def test_each_lesson_has_its_minutes() -> None:
    assert minutes(PAGE) == [LESSON] * 5
    assert PAGE.count(f"{LESSON} minutes") == 3


def test_questions_that_plans_name_are_there() -> None:
    asked = {int(number) for number in re.findall(r"[Qq]uestion (\d)", PAGE)}
    discuss = PAGE[PAGE.index("\n## Questions to discuss") : PAGE.index("\n## Editions")]
    assert asked == set(map(int, re.findall(r"^\*\*(\d)\.\*\*", discuss, re.MULTILINE)))
    assert discuss.count("<details><summary>Answer</summary>") == len(asked)


@pytest.mark.parametrize("edition", ["instructor", "closed"])
def test_the_commands_for_editions_work(edition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (words,) = (
        line.split()[3:] for line in PAGE.splitlines() if line.startswith(f"python book/_ext chapters {edition}")
    )
    monkeypatch.chdir(ROOT)
    assert main([str(tmp_path / "EDITION") if word == "EDITION" else word for word in words]) == 0
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "EDITION").iterdir()}
    assert set(made) == {Path(word).name for word in words if word.endswith(".ipynb")}
    text = made["02_slice_selection.ipynb"]
    assert "<summary>Solution</summary>\\n\\n```python" not in text
    assert ("return ..." in text) is (edition == "closed")


def test_what_does_not_fit_is_found(tmp_path: Path) -> None:
    assert wrong_exercises("2.1 “How many stay?”, 9.9 “No such”") == [
        "2.1 “How many stay?”",
        "9.9 “No such”",
    ]
    assert minutes("| Minutes | What |\n|---:|---|\n| 10 | a |\n| 25 | b |\n\nText\n") == [35]
