"""Numbers of sections that pages and the checklist name: one that is put in between must not leave them behind."""

from __future__ import annotations

import re

import nbformat
from support.made import CHAPTERS, ROOT

NAMED = {
    ("01", 7): "Names tell patient, series and class",
    ("03", 3): "The drawing and the code",
    ("03", 6): "What is each part worth? An ablation",
    ("04", 1): "Folds are made of patients",
    ("04", 3): "The protocol of this run",
    ("04", 5): "Learning curves",
    ("04", 6): "A validation set inside the test set",
    ("04", 8): "What it costs",
    ("05", 7): "Slices of one patient are not independent",
    ("06", 3): "Ours, at every threshold",
    ("06", 5): "Errors that come in clusters",
    ("06", 7): "A real series, and an answer that means nothing",
    ("07", 8): "Score every map",
    ("07", 10): "Sanity checks",
    ("08", 5): "Try it: all checks",
    ("08", 10): "A scorecard of the claims",
    ("09", 1): "Leakage: one patient on both sides",
    ("09", 2): "Choosing a network on test data",
    ("09", 5): "A network that learns the scanner",
    ("09", 6): "Try it: another prevalence",
    ("09", 7): "Slices of one patient",
    ("09", 9): "Claims from heat maps",
}
"""What each number that is named somewhere is meant to be."""
MENTION = re.compile(r"chapter (\d\d)\b[^.;\"\n]{0,60}?,? section (\d+)(?![\d.])", re.IGNORECASE)


def titles() -> dict[tuple[str, int], str]:
    """The numbered headings of all chapters."""
    found = {}
    for path in CHAPTERS:
        text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
        for number, title in re.findall(r"^## (\d+)\. (.+)$", text, re.MULTILINE):
            found[path.name[:2], int(number)] = title
    return found


def test_a_named_section_is_the_one_that_was_meant() -> None:
    written = titles()
    assert {place: written.get(place) for place in NAMED} == NAMED


def test_every_section_that_is_named_by_its_number_is_in_the_list() -> None:
    pages = [*(ROOT / "book").glob("*.md"), *(ROOT / "book" / "howto").glob("*.md")]
    pages += [*(ROOT / "book" / "documents").glob("*.md"), ROOT / "covidlib" / "data" / "claim2024.csv"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    text = re.sub(r"\{doc\}`([^`<]+?)\s+<[^`]*>`", r"\1", text)
    assert {(chapter, int(section)) for chapter, section in MENTION.findall(text)} == set(NAMED)
