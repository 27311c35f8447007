"""booktools.pages.claim_checklist: the checklist is complete, and every answer can be checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from booktools import typed_numbers
from booktools.pages import claim_checklist
from support.made import CHAPTERS, ROOT

from covidlib.errors import InputError

TABLE = claim_checklist.answers()
PARTS = {
    "Title": 1,
    "Abstract": 1,
    "Introduction": 2,
    "Methods": 30,
    "Results": 5,
    "Discussion": 2,
    "Other information": 3,
}


def test_all_items_are_there_in_the_checklists_order_and_parts() -> None:
    assert TABLE.index.tolist() == list(range(1, claim_checklist.ITEMS + 1))
    assert TABLE["part"].value_counts(sort=False).to_dict() == PARTS and TABLE["subject"].is_unique


@pytest.mark.parametrize("item", TABLE.index)
def test_every_answer_is_allowed_has_a_reason_and_a_place_that_exists(item: int) -> None:
    row = TABLE.loc[item]
    for study in claim_checklist.STUDIES:
        assert row[f"{study}_answer"] in claim_checklist.ANSWERS and len(row[f"{study}_remark"]) > 4
        assert claim_checklist.places(row[f"{study}_where"])
    for place in claim_checklist.places(row["paper_where"]):
        assert claim_checklist.PAPER_PLACES.fullmatch(place), place
    for place in claim_checklist.places(row["kit_where"]):
        assert claim_checklist.file_of(place, ROOT).is_file()
    for mentioned in re.findall(r"chapters? (\d\d)", row["paper_remark"]):
        assert claim_checklist.file_of(f"chapter {mentioned}", ROOT)


def test_every_chapter_on_the_paper_answers_for_something() -> None:
    texts = " ".join(TABLE[["paper_remark", "kit_where"]].to_numpy().ravel())
    named = {
        number
        for group in re.findall(r"chapters? (\d\d(?: and \d\d)?)", texts, re.I)
        for number in group.split(" and ")
    }
    # The first nine are on the paper; one that is added need not be.
    assert named >= {path.name[:2] for path in CHAPTERS[:9]}


def test_no_number_is_typed_into_an_answer() -> None:
    texts = TABLE[["subject", "paper_remark", "kit_remark"]].to_numpy().ravel()
    assert [problem for text in texts for problem in typed_numbers.typed_numbers(text)] == []


@pytest.mark.parametrize(
    "place",
    [
        "chapter 99",
        "chapter 05, section 99",
        "covidlib.nothing",
        "covidlib.results.intervals.nothing",
        "NOTHING.md",
        "",
    ],
)
def test_a_place_that_does_not_exist_is_refused(place: str) -> None:
    with pytest.raises(InputError, match="not a chapter, module or file"):
        claim_checklist.file_of(place, ROOT)


def test_places_become_links_of_the_page() -> None:
    assert (
        claim_checklist.link("chapter 05, section 6", ROOT)
        == "[chapter 05, section 6](../notebooks/05_image_results.ipynb)"
    )
    check = "covidlib.training.leak_check.check_no_leak"
    assert claim_checklist.link(check, ROOT) == "{py:mod}`covidlib.training.leak_check`"
    assert claim_checklist.link("book/howto/own_data.md", ROOT) == "[howto/own_data.md](../howto/own_data.md)"
    assert claim_checklist.link("README.md", ROOT).endswith("/covidlib/blob/main/README.md)")


def test_the_summary_counts_every_item_once_and_the_text_shows_each() -> None:
    assert claim_checklist.summary().sum().tolist() == [claim_checklist.ITEMS, claim_checklist.ITEMS]
    text = "\n".join(claim_checklist.as_text(part, ROOT) for part in PARTS)
    assert [int(item) for item in re.findall(r"^\*\*(\d+)\. ", text, re.MULTILINE)] == TABLE.index.tolist()
    assert text.count("*Paper:*") == text.count("*Kit:*") == claim_checklist.ITEMS


def test_items_are_grouped_on_the_page_as_the_checklist_groups_them() -> None:
    page = (ROOT / "book" / "documents" / "claim_2024.md").read_text(encoding="utf-8")
    assert re.findall(r'show\("(.+?)"\)', page) == list(PARTS)
    assert Path(ROOT / "book" / "documents" / "claim_2024.md").is_file()
