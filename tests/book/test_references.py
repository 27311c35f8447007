"""book/references.bib: every work that is cited is there and can be found, every entry is cited."""

from __future__ import annotations

import re

import pytest
from pybtex.database import Entry, parse_file
from support.made import ROOT

WORKS = parse_file(str(ROOT / "book" / "references.bib")).entries
ROLE = re.compile(r"\{(?:foot)?cite[\w:]*\}`([^`]+)`")
DOI = re.compile(r"10\.\d{4,9}/\S+")


def cited() -> set[str]:
    sources = [*(ROOT / "book").glob("*.md"), *(ROOT / "book").glob("*/*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    text = "\n".join(path.read_text("utf-8") for path in sources if "_build" not in path.parts)
    return {key.strip() for keys in ROLE.findall(text) for key in keys.split(",")}


def test_what_is_cited_is_in_the_list_and_what_is_in_the_list_is_cited() -> None:
    assert sorted(cited() - set(WORKS)) == []
    assert sorted(set(WORKS) - cited()) == []


@pytest.mark.parametrize("key", WORKS)
def test_a_work_can_be_found(key: str) -> None:
    work: Entry = WORKS[key]
    assert work.persons["author"] and work.fields["title"] and re.fullmatch(r"(19|20)\d\d", work.fields["year"])
    doi = work.fields.get("doi", "")
    assert DOI.fullmatch(doi) or work.fields.get("url", "").startswith("https://") or work.fields["howpublished"]
    assert not doi.startswith("http")


def test_no_work_is_listed_twice() -> None:
    for field in ("doi", "title"):
        values = [work.fields[field].lower() for work in WORKS.values() if field in work.fields]
        assert len(values) == len(set(values)), field
