"""Pages show the same real slices in every build, credited on each page, and promise nothing that may be missing."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from support.made import MORE_PAGES, NOTEBOOKS, ROOT

PERHAPS = re.compile(
    r"where (?:it|they) (?:can|cannot|could) be (?:had|fetched|reached)|(?:cannot|can not|not to) be had|"
    r"(?:not|un|if|where|when)\s?reachable|where (?:it|they) (?:is|are) (?:there|available|reachable)|"
    r"(?:if the|no|without a|where the) (?:mirror|internet)\b|not available|if (?:it|they) can be fetched",
    re.IGNORECASE,
)
PAGES = [*NOTEBOOKS, *MORE_PAGES]
MARKDOWN = [ROOT / "book" / name for name in ("intro.md", "diary.md", "glossary.md")]
MARKDOWN += sorted((ROOT / "book" / "documents").glob("*.md"))
SHOWN = re.compile(r"read_real_slice|real_series_folder")
CREDIT = {"Lung-PET-CT-Dx": r"A0001|real_series_folder", "COVID-19-NY-SBU": r"A0(?!001)\d{5}-"}
"""What each collection wants named, by what of it a page shows."""
CHAPTERS_WITH_REAL_SLICES = {"00", "01", "02", "06", "07", "09"}


def words_of(path: Path) -> str:
    """All that a page says: text, code, captions and alternative texts."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(f"{cell.source}\n{cell.metadata.get('mystnb', '')}" for cell in cells)


@pytest.mark.parametrize("path", [*PAGES, *MARKDOWN], ids=lambda path: path.stem)
def test_a_page_promises_nothing_that_may_be_missing(path: Path) -> None:
    assert PERHAPS.findall(words_of(path)) == []


@pytest.mark.parametrize(
    "said",
    [
        "a real series, where it can be had:", "Not reachable: the figures", "not to be had here (no mirror",
        "unreachable", "if the mirror has it", "the series is not available",
    ],
)  # fmt: skip
def test_such_promises_are_found_out(said: str) -> None:
    assert PERHAPS.search(said)


def test_the_chapters_show_real_slices_and_fetch_none() -> None:
    words = {path.name[:2]: words_of(path) for path in NOTEBOOKS}
    assert {chapter for chapter, text in words.items() if SHOWN.search(text)} >= CHAPTERS_WITH_REAL_SLICES
    assert [chapter for chapter, text in words.items() if "fetch_folder(" in text or "real_series()" in text] == []


@pytest.mark.parametrize("path", [path for path in PAGES if SHOWN.search(words_of(path))], ids=lambda path: path.stem)
def test_a_page_with_real_slices_names_collection_and_licence(path: Path) -> None:
    text = words_of(path)
    for collection, shown in CREDIT.items():
        if re.search(shown, text):
            assert collection in text and "CC BY 4.0" in text
    # A chapter that has a list of references cites the collection there, with its DOI.
    assert "{footcite}`li2020lung`" in text or "datasets.CREDITS" in text
