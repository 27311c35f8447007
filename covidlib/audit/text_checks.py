"""Check the numbers and statements of the paper's text against its tables, public sources and each other.

Taught in chapter 08.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import NotRequired, TypedDict

from covidlib.audit.check import Check, difference, holds, unchecked
from covidlib.audit.exact_numbers import ABOUT, Verdict, compare_numbers, decimals, said, show_number
from covidlib.audit.expected_quantities import QUANTITIES, Sources, people
from covidlib.audit.linear import Sum
from covidlib.audit.printed_tables import PrintedTables, slug
from covidlib.audit.public_sources import from_source
from covidlib.audit.text_statements import STATEMENTS


class Entry(TypedDict):
    """One number, or one statement, of the text: what it is about in our words, and its few words as printed."""

    id: str
    place: str
    what: str
    printed: str
    ties: NotRequired[list[str]]
    reason: NotRequired[str]


@cache
def text_entries() -> list[Entry]:
    """Read every number and statement of the text, in its order, with its relations or the reason why it has none."""
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
    """Check one number or statement against one relation.

    A relation is "NAME", "about: NAME", "more than: NAME", "people: WHO", "source: KEY", "text: ID", "words: ID" or
    "same claim: ID".
    """
    id, printed = f"{entry['id']}/{slug(tie)}", entry["printed"]
    if tie in STATEMENTS:
        recomputed, rule, condition = STATEMENTS[tie](sources)
        return holds(id, where, printed, recomputed, rule, condition)
    reading, _, name = tie.rpartition(": ")
    if reading == "source":
        return from_source(name, id, where, printed)
    if reading == "same claim":
        return replace(unchecked(id, where, printed, f"says again what {name} says; see there"), follows=True)
    if reading == "words":
        other = sources.said[name]
        return holds(id, where, printed, other, "the words for the same elsewhere in the text", printed == other)
    exact, rule = _expected(reading, name, sources)
    value = said(printed)
    if reading == "more than":
        shown = show_number(exact.value)
        return holds(id, where, printed, shown, f"a lower bound of the {rule}", value < exact.value, "bound")
    verdict: Verdict
    if reading == "about":
        verdict = "rounds" if abs(exact.value - value) <= ABOUT * value else "disagrees"
        rule += ", within a tenth of the printed one"
    else:
        verdict = compare_numbers(value, exact.value, decimals(printed))
    terms = difference(entry["id"], exact.terms)
    return Check(id, where, printed, show_number(exact.value), rule, verdict, kind="equation", terms=terms)


def _expected(reading: str, name: str, sources: Sources) -> tuple[Sum, str]:
    if reading == "text":
        return Sum(said(sources.said[name]), {name: Fraction(1)}), "the same number elsewhere in the text"
    exact, rule = people(sources, name) if reading == "people" else QUANTITIES[name](sources)
    return exact if isinstance(exact, Sum) else Sum(exact), rule
