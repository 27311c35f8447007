"""Run all checks, mark the known disagreements of the paper, and count the verdicts.

Taught in chapter 08.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from covidlib.audit.check import GRADES, KINDS, Check, Grade, Kind
from covidlib.audit.count_checks import all_counts
from covidlib.audit.exact_numbers import VERDICTS, Verdict
from covidlib.audit.linear import repeated
from covidlib.audit.list_checks import all_lists
from covidlib.audit.parameter_checks import same_parameters, times
from covidlib.audit.printed_tables import PrintedTables, paper_tables, read_tables
from covidlib.audit.rate_checks import all_rates
from covidlib.audit.text_checks import all_text
from covidlib.datasets.published_lists import stored_aggregates


class Known(NamedTuple):
    """A known disagreement in the paper as published.

    `explanation` says in two sentences what does not fit, `evidence` how we know, `correction` what a corrected paper
    would print.
    """

    grade: Grade
    printed: str
    recomputed: str
    explanation: str
    evidence: str
    correction: str


@cache
def known_disagreements() -> dict[str, Known]:
    """Read the known disagreements of the paper as published, by the id of their check."""
    text = (files("covidlib") / "data" / "audit" / "known.json").read_text(encoding="utf-8")
    entries = json.loads(text)
    known = {}
    for id, entry in entries.items():
        described = entries[entry["like"]] if "like" in entry else entry
        values = {"printed": entry["printed"], "recomputed": entry["recomputed"]}
        words = {name: described[name].format(**values) for name in ("explanation", "evidence", "correction")}
        known[id] = Known(described["grade"], **values, **words)
    return known


def audit_paper(
    tables: PrintedTables | str | Path | None = None, lists: Mapping[str, dict] | None = None
) -> list[Check]:
    """Run every check, in the order of the tables, then of the text.

    Parameters
    ----------
    tables : PrintedTables or folder, optional
        Default: the paper's tables.
    lists : dict, optional
        Counts of the public lists; default: those stored in the package.

    Raises
    ------
    InputError
        If the folder does not contain nine tables in the form of those in the package.
    """
    if tables is None:
        tables = paper_tables()
    elif not isinstance(tables, PrintedTables):
        tables = read_tables(tables)
    counted: Mapping[str, dict] = stored_aggregates() if lists is None else lists  # type: ignore[assignment]
    return _with_repetitions(sorted(each_check(tables, counted), key=_place))


def each_check(tables: PrintedTables, lists: Mapping[str, dict]) -> Iterator[Check]:
    """Run the checks one at a time, for a caller that may stop early."""
    known = known_disagreements()
    for check in _all(tables, lists):
        yield _marked(check, known)


def _all(tables: PrintedTables, lists: Mapping[str, dict]) -> Iterator[Check]:
    yield from all_counts(tables, lists)
    yield from all_rates(tables)
    yield from all_lists(tables, lists)
    yield from same_parameters(tables)
    yield from times(tables)
    yield from all_text(tables, lists)


def _with_repetitions(checks: list[Check]) -> list[Check]:
    """Mark the equations that follow from those before them."""
    equations = [check for check in checks if check.kind == "equation"]
    marks = dict(zip((check.id for check in equations), repeated(check.terms for check in equations), strict=True))
    return [replace(check, follows=True) if marks.get(check.id) else check for check in checks]


def constraints(checks: Iterable[Check]) -> list[Check]:
    """Select the checks that no other checks imply: what can be wrong by itself."""
    return [check for check in checks if not check.follows]


def _place(check: Check) -> tuple[int, str]:
    return (0, place_of(check)) if check.where.startswith("Table") else (1, "")


def _marked(check: Check, known: Mapping[str, Known]) -> Check:
    entry = known.get(check.id)
    same = entry is not None and (entry.printed, entry.recomputed) == (check.printed, check.recomputed)
    if check.verdict != "disagrees" or entry is None or not same:
        return check
    return check.explained(entry.grade, entry.explanation, entry.evidence)


def place_of(check: Check) -> str:
    """The table or section that contains a check's printed value."""
    return check.where.partition(":")[0].partition(",")[0]


def counts_by_verdict(checks: Iterable[Check]) -> dict[Verdict, int]:
    """Count the constraints with each verdict; checks that follow from others are not counted."""
    counts = Counter(check.verdict for check in constraints(checks))
    return {verdict: counts[verdict] for verdict in VERDICTS}


def counts_by_kind(checks: Iterable[Check]) -> dict[Kind, int]:
    """Count the checked constraints of each kind."""
    counts = Counter(check.kind for check in constraints(checks) if check.verdict != "unchecked")
    return {kind: counts[kind] for kind in KINDS}


def counts_by_grade(checks: Iterable[Check]) -> dict[Grade, int]:
    """Count the known disagreements of each grade, one per explanation."""
    counts = Counter({check.explanation: check.grade for check in disagreements(checks, known=True)}.values())
    return {grade: counts[grade] for grade in GRADES}


def counts_by_place(checks: Iterable[Check]) -> pd.DataFrame:
    """Count the constraints with each verdict per table and section.

    Returns
    -------
    DataFrame
        Index place, in the order of the checks; a column for each verdict.
    """
    places = pd.DataFrame(
        [(place_of(check), check.verdict) for check in constraints(checks)], columns=["place", "verdict"]
    )
    counted = places.groupby("place", sort=False)["verdict"].value_counts().unstack(fill_value=0)
    return counted.reindex(columns=list(VERDICTS), fill_value=0).rename_axis(columns=None)


def disagreements(checks: Iterable[Check], known: bool) -> list[Check]:
    """Select the known disagreements of the paper, or the new ones."""
    return [check for check in checks if check.verdict == "disagrees" and check.known == known]


def gone(checks: Sequence[Check]) -> list[str]:
    """Ids of known disagreements that are absent from these checks: something was corrected or changed."""
    still = {check.id for check in checks if check.verdict == "disagrees"}
    return [id for id in known_disagreements() if id not in still]
