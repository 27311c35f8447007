"""The paper's claims as data: where each stands, what it says, what follows from the printed numbers, what we found.

One file, `covidlib/data/claims.json`, holds them all. Pages, tables, badges and tests read it; what it stores of
computed numbers is computed again by the tests. `python -m covidlib.claims.claims` computes it anew (the bands of our
own numbers from `covidlib.claims.seed_bands`). Taught in chapter 08.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd

from covidlib.audit.exact_numbers import decimals, parse_number
from covidlib.claims.reported_numbers import Quantity, printed_value
from covidlib.datasets.published_lists import stored_aggregates
from covidlib.errors import InputError
from covidlib.paper.tables import table
from covidlib.results.printed_counts import printed_fold_counts
from covidlib.results.scores import ppv_at
from covidlib.results.tables import pooled

STORED = "claims.json"
EXACT, BAND, NOT_HERE = "recomputed exactly", "re-run within band", "not reproducible here"
VERDICTS = (EXACT, BAND, NOT_HERE)
"""What this kit could do about a claim's numbers; it says nothing about whether the claim is true."""
SUPPORTED, NOT_SUPPORTED, CONTRADICTED, NOT_TESTABLE = "supported", "not supported", "contradicted", "not testable"
SUPPORT = (SUPPORTED, NOT_SUPPORTED, CONTRADICTED, NOT_TESTABLE)
"""What the paper's own numbers, its code and the public lists say about a claim."""
DIGITS = 6
"""Decimals with which recomputed numbers are stored."""

Reference = Mapping[str, Any]
"""A number by where it comes from; see `number`."""
Relation = Literal["<", ">", "="]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, or one number of ours that a chapter reports.

    Attributes
    ----------
    chapter : str
        The notebook that shows the number.
    printed : str
        As printed, "98.49%"; empty where the paper prints no number.
    source : Reference, optional
        What the printed number is recomputed from.
    recomputed : float, optional
    ours : dict, optional
        `quantity`, and the band of its values over seeds: `by_seed`, `low`, `high`.
    holds : dict, optional
        `left`, `relation`, `right`: a comparison of two numbers on which the verdict on a claim in words rests.
    """

    id: str
    chapter: str
    place: str
    claim: str
    verdict: str
    support: str
    printed: str = ""
    source: Reference | None = None
    recomputed: float | None = None
    ours: Mapping[str, Any] | None = None
    holds: Mapping[str, Any] | None = None
    why: str = ""
    evidence: str = ""
    numbers: Sequence[Reference] = ()

    @property
    def our_quantity(self) -> Quantity | None:
        """What the band is a band of."""
        return Quantity(**self.ours["quantity"]) if self.ours else None


def load_claims(path: str | Path | None = None) -> tuple[dict[str, Any], list[Claim]]:
    """How our bands were made, and all claims.

    Raises
    ------
    InputError
        If the file is not the kit's, or two claims have one id.
    """
    source = Path(path) if path else files("covidlib") / "data" / STORED
    try:
        stored = json.loads(source.read_text(encoding="utf-8"))
        ours, claims = stored["ours"], [Claim(**entry) for entry in stored["claims"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(str(source), f"is no file of claims ({error})", "Take the one of the package") from error
    ids = [claim.id for claim in claims]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise InputError(str(source), f"has two claims {', '.join(sorted(twice))}", "Give each its own id")
    return ours, claims


# Numbers --------------------------------------------------------------------------------------------------------------


def number(reference: Reference) -> float:
    """A number by where it comes from.

    Parameters
    ----------
    reference : dict with one of these keys
        `quantity` (as `covidlib.claims.reported_numbers.Quantity`, from the printed counts), `cell` ([table, row,
        column] of the paper, the first number in it), `list` (keys into the stored counts of the public lists),
        `ppv_at` ([network, prevalence]), `ratio` or `sum` (of further references).

    Raises
    ------
    InputError
        If no key is known.
    """
    match reference:
        case {"quantity": fields}:
            return printed_value(Quantity(**fields))
        case {"cell": [int(which), int(row), str(column)]}:
            return _first_number(table(which)[column].iloc[row])
        case {"list": keys}:
            found: Any = stored_aggregates()
            for key in keys:
                found = found[key]
            return float(found)
        case {"ppv_at": [network, prevalence]}:
            return float(ppv_at(pooled(printed_fold_counts()[network]), prevalence))
        case {"ratio": [part, whole]}:
            return number(part) / number(whole)
        case {"sum": parts}:
            return sum(number(part) for part in parts)
    raise InputError(str(reference), "names no source of a number", "Give quantity, cell, list, ppv_at, ratio or sum")


def _first_number(printed: str) -> float:
    found = re.search(r"[-+]?\d[\d,]*\.?\d*", printed)
    if found is None:
        raise InputError(printed, "holds no number", "Name a cell that does")
    return float(found.group().replace(",", ""))


def printed_number(printed: str) -> tuple[Fraction, Fraction]:
    """A printed number, and one unit of its last place: "98.49%" is 0.9849 and 0.0001.

    Raises
    ------
    InputError
        If it is no number.
    """
    digits = printed.removesuffix("%")
    try:
        value = parse_number(digits)
    except ValueError as error:
        raise InputError(printed, "is no printed number", 'Write it as "98.49%", "15,589" or "0.9849"') from error
    scale = 100 if printed.endswith("%") else 1
    return value / scale, Fraction(1, scale * 10 ** decimals(digits))


def agrees(claim: Claim) -> bool:
    """Whether the recomputed number, rounded as the paper rounds, is the printed one."""
    if claim.recomputed is None or not claim.printed:
        return False
    value, unit = printed_number(claim.printed)
    # Half a unit of the stored decimals as well: a mean such as 0.98495 is stored rounded.
    return abs(Fraction(str(claim.recomputed)) - value) <= unit / 2 + Fraction(1, 2 * 10**DIGITS)


def recompute(claim: Claim) -> float | None:
    """The number behind a claim from its source, as it is stored."""
    return None if claim.source is None else round(number(claim.source), DIGITS)


def holds(claim: Claim) -> bool | None:
    """Whether the comparison on which the verdict rests is true; None where there is none."""
    if claim.holds is None:
        return None
    left, right = number(claim.holds["left"]), number(claim.holds["right"])
    relation = cast(Relation, claim.holds["relation"])
    return {"<": left < right, ">": left > right, "=": abs(left - right) < 10**-DIGITS}[relation]


def evidence(claim: Claim) -> str:
    """The sentence of evidence, with its numbers computed now."""
    filled = [format(number(one), one["format"]) for one in claim.numbers]
    return claim.evidence.format(*filled)


# Tables ---------------------------------------------------------------------------------------------------------------


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Every claim with a number: printed, recomputed, ours with its band.

    Returns
    -------
    DataFrame
        Index id; columns place, printed, recomputed, ours_low, ours_high, verdict, chapter.
    """
    rows = [
        {
            "id": claim.id,
            "place": claim.place,
            "printed": claim.printed,
            "recomputed": claim.recomputed,
            "ours_low": claim.ours["low"] if claim.ours else None,
            "ours_high": claim.ours["high"] if claim.ours else None,
            "verdict": claim.verdict,
            "chapter": claim.chapter,
        }
        for claim in claims
        if claim.printed or claim.ours
    ]
    return pd.DataFrame(rows).set_index("id")


def scorecard(claims: Sequence[Claim]) -> pd.DataFrame:
    """The claims in words, with what speaks for or against each.

    Returns
    -------
    DataFrame
        Index id; columns claim, place, support, evidence.
    """
    rows = [
        {
            "id": claim.id,
            "claim": claim.claim,
            "place": claim.place,
            "support": claim.support,
            "evidence": evidence(claim),
        }
        for claim in claims
        if claim.evidence
    ]
    return pd.DataFrame(rows).set_index("id")
