"""What public sources say: the authors' code and lists, cited works, and other places of the paper (all sections).

`covidlib/data/audit/sources.json` names each source with its place, and either a number or words to compare, or our
judgement on reading it. Taught in chapter 08.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NotRequired, TypedDict

from covidlib.audit.check import Check
from covidlib.audit.exact_numbers import Verdict, compare_numbers, decimals, said
from covidlib.audit.printed_tables import Cell, slug


class Source(TypedDict):
    """What a source says, and where: exactly one of `number`, `words` and `agrees` is given."""

    where: str
    says: str
    number: NotRequired[str]
    words: NotRequired[str]
    agrees: NotRequired[bool]


@cache
def public_sources() -> dict[str, Source]:
    """Read all sources by their key."""
    text = (files("covidlib") / "data" / "audit" / "sources.json").read_text(encoding="utf-8")
    listed: dict[str, Source] = json.loads(text)
    return listed


def from_source(key: str, id: str, where: str, printed: str) -> Check:
    """Compare a printed number or statement with what a source says."""
    source = public_sources()[key]
    verdict: Verdict
    if "number" in source:
        verdict = compare_numbers(said(printed), said(source["number"]), decimals(printed))
    elif "words" in source:
        # A hyphen or a space more does not make another word.
        same = slug(printed).replace("-", "") == slug(source["words"]).replace("-", "")
        verdict = "agrees" if same else "disagrees"
    else:
        verdict = "agrees" if source["agrees"] else "disagrees"
    shown = source.get("number") or source.get("words") or source["says"]
    rule = source["where"] if shown == source["says"] else f"{source['says']}: {source['where']}"
    return Check(id, where, printed, shown, rule, verdict, kind="source")


def cell_from_source(cell: Cell, key: str) -> Check:
    """Compare a cell of Table 3 with the authors' public code."""
    return from_source(key, f"{cell.id}/code", cell.where, cell.text)
