"""covidlib.audit.marked_paper: each statement and each number of the tables stands there once, with its verdict."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from covidlib.audit.all_checks import audit_paper
from covidlib.audit.check import Check
from covidlib.audit.marked_paper import SIGNS, marked_text, worst
from covidlib.audit.printed_tables import paper_tables, slug
from covidlib.audit.text_checks import text_entries


@pytest.fixture(scope="module")
def made() -> str:
    return marked_text(audit_paper())


def test_every_statement_stands_there_in_the_order_of_the_paper(made: str) -> None:
    ids = re.findall(r'<li id="said-([^"]+)">', made)
    assert ids == [slug(entry["id"]) for entry in text_entries()]
    assert made.count("<details>") == len({entry["place"] for entry in text_entries()}) + 9


def test_every_number_of_every_table_is_marked(made: str) -> None:
    cells = paper_tables().all()
    assert len(re.findall(r'<td class="said (?:agrees|rounds|disagrees|unchecked)"', made)) == len(cells)
    assert f"{SIGNS['disagrees']} 1921</td>" in made and f"{SIGNS['rounds']} 0.9437</td>" in made
    assert f"{SIGNS['disagrees']} 66.1 ms</td>" in made and f"{SIGNS['agrees']} 65.4 ms</td>" in made


def test_what_does_not_agree_says_why(made: str) -> None:
    (item,) = re.findall(r'<li id="said-s2-2-example-threshold">.*?</li>', made)
    assert "\u2260 2000" in item and "<b>typo:</b>" in item and "1980" in item
    (item,) = re.findall(r'<li id="said-s3-gpu">.*?</li>', made)
    assert "? 100" in item and "machine of the authors" in item


def test_the_worst_verdict_marks_a_number_and_unchecked_only_if_nothing_else_is_known() -> None:
    one = Check("a/b", "Table 1: x", "1", "1", "", "agrees")
    assert worst([one, replace(one, verdict="disagrees"), replace(one, verdict="rounds")]) == "disagrees"
    assert worst([replace(one, verdict="unchecked"), one]) == "agrees"
    assert worst([replace(one, verdict="unchecked")]) == "unchecked"


def test_a_changed_table_is_marked_as_it_was_checked() -> None:
    tables = paper_tables()
    cell = tables.cell(6, "1 Xception", "Correct identified patients")
    tables = tables.replaced(replace(cell, text="239"))
    assert f"{SIGNS['disagrees']} 239</td>" in marked_text(audit_paper(tables), tables)
