"""Sections of chapters that a page of the book names: a link to the chapter, then the sections' titles in “ ”."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

CHAPTER = re.compile(r"\[chapter (\d\d)\]\((notebooks/[\w.]+)\)((?:(?:,\s+|\s+and\s+|,\s+and\s+)“[^”]+”)*)")


def named(page: str) -> list[tuple[str, str, list[str]]]:
    """Each link to a chapter: its number, its file as linked from book/, the titles named after it."""
    return [
        (number, path, [" ".join(title.split()) for title in re.findall("“([^”]+)”", titles)])
        for number, path, titles in CHAPTER.findall(page)
    ]


def titles_of(notebook: Path) -> set[str]:
    """The headings of a chapter, without number, and without the words that mark a section to try."""
    cells = nbformat.read(notebook, as_version=4).cells
    markdown = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = re.findall(r"^##+ (?:\d+\. )?(?:Try it: )?(.+)$", markdown, re.MULTILINE)
    return {heading.strip().lower() for heading in headings}


def missing(page: str, notebooks: Path) -> list[str]:
    """What a page names that is not there: a chapter's file under another number, a section."""
    problems = []
    for number, path, titles in named(page):
        notebook = notebooks / Path(path).name
        if not notebook.is_file() or not notebook.name.startswith(number):
            problems.append(f"chapter {number} is not {path}")
            continue
        there = titles_of(notebook)
        problems += [f"chapter {number} has no section “{title}”" for title in titles if title.lower() not in there]
    return problems
