"""Check the numbers of the paper's text against its tables, the public lists and each other (all sections).

Taught in chapter 08.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NotRequired, TypedDict

from covidlib.audit.check import Check, holds, unchecked
from covidlib.audit.exact_numbers import ABOUT, Verdict, compare_numbers, decimals, said, show_number
from covidlib.audit.expected_quantities import QUANTITIES, Sources, people
from covidlib.audit.printed_tables import PrintedTables, slug
from covidlib.audit.text_statements import STATEMENTS


class Entry(TypedDict):
    """One number, or one word for a number, as printed in the text."""

    id: str
    place: str
    what: str
    printed: str
    ties: NotRequired[list[str]]
    reason: NotRequired[str]


@cache
def text_entries() -> list[Entry]:
    """Read every number of the text with its relations, or the reason why it has none."""
    text = (files("covidlib") / "data" / "audit" / "text.json").read_text(encoding="utf-8")
    listed: list[Entry] = json.loads(text)
    return listed


def all_text(tables: PrintedTables, lists: Mapping[str, dict]) -> Iterator[Check]:
    """Check every number of the text against the numbers that it depends on."""
    listed = text_entries()
    sources = Sources(tables, lists, {entry["id"]: entry["printed"] for entry in listed})
    for entry in listed:
        where = f"{entry['place']}: {entry['what']}"
        if "reason" in entry:
            yield unchecked(f"{entry['id']}/none", where, entry["printed"], entry["reason"])
        for tie in entry.get("ties", []):
            yield _tied(entry, where, tie, sources)


def _tied(entry: Entry, where: str, tie: str, sources: Sources) -> Check:
    """Check one number against one relation: "NAME", "about: NAME", "more than: NAME", "people: WHO", "text: ID" or
    "words: ID"."""
    id, printed = f"{entry['id']}/{slug(tie)}", entry["printed"]
    if tie in STATEMENTS:
        recomputed, rule, condition = STATEMENTS[tie](sources)
        return holds(id, where, printed, recomputed, rule, condition)
    reading, _, name = tie.rpartition(": ")
    if reading == "words":
        other = sources.said[name]
        return holds(id, where, printed, other, "the words for the same elsewhere in the text", printed == other)
    if reading == "text":
        exact, rule = said(sources.said[name]), "the same number elsewhere in the text"
    elif reading == "people":
        exact, rule = people(sources, name)
    else:
        exact, rule = QUANTITIES[name](sources)
    value = said(printed)
    if reading == "more than":
        return holds(id, where, printed, show_number(exact), f"a lower bound of the {rule}", value < exact)
    verdict: Verdict
    if reading == "about":
        verdict = "rounds" if abs(exact - value) <= ABOUT * value else "disagrees"
        rule += ", within a tenth of the printed one"
    else:
        verdict = compare_numbers(value, exact, decimals(printed))
    return Check(id, where, printed, show_number(exact), rule, verdict)
