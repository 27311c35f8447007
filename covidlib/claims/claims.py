"""The paper's claims: place, statement, printed number, recomputed number, our number, and verdict.

All claims are in one file, `covidlib/data/claims.json`. Pages, tables, badges and tests read it; tests recompute the
numbers that it stores. `python -m covidlib.claims.update` writes it again (the intervals of our numbers come from
`covidlib.claims.seed_bands`). Taught in chapter 08.
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
"""Whether this kit could reproduce a claim's numbers; this does not say whether the claim is true."""
SUPPORTED, NOT_SUPPORTED, CONTRADICTED, NOT_TESTABLE = "supported", "not supported", "contradicted", "not testable"
SUPPORT = (SUPPORTED, NOT_SUPPORTED, CONTRADICTED, NOT_TESTABLE)
"""What the paper's own numbers, its code and the public lists say about a claim."""
DIGITS = 6
"""Decimals with which recomputed numbers are stored."""

Reference = Mapping[str, Any]
"""The source of a number; see `number`."""
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
        Source from which the printed number is recomputed.
    recomputed : float, optional
    ours : dict, optional
        `quantity`, and its values over seeds with their interval: `by_seed`, `low`, `high`.
    holds : dict, optional
        `left`, `relation`, `right`: a comparison of two numbers on which the verdict on a claim in words rests.
    checks : list of str
        Ids of the audit's checks of the same claim: both must judge it alike.
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
    checks: Sequence[str] = ()

    @property
    def our_quantity(self) -> Quantity | None:
        """The quantity that `ours` measures."""
        return Quantity(**self.ours["quantity"]) if self.ours else None


def load_claims(path: str | Path | None = None) -> tuple[dict[str, Any], list[Claim]]:
    """Read all claims, and how the intervals of our numbers were made.

    Raises
    ------
    InputError
        If the file does not contain claims, or two claims have the same id.
    """
    source = Path(path) if path else files("covidlib") / "data" / STORED
    try:
        stored = json.loads(source.read_text(encoding="utf-8"))
        ours, claims = stored["ours"], [Claim(**entry) for entry in stored["claims"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(str(source), f"not a file of claims ({error})", "Use the file in the package") from error
    ids = [claim.id for claim in claims]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise InputError(str(source), f"two claims with the id {', '.join(sorted(twice))}", "Give each a different id")
    return ours, claims


# Numbers --------------------------------------------------------------------------------------------------------------


def number(reference: Reference) -> float:
    """Look up or compute a number from its source.

    Parameters
    ----------
    reference : dict with one of these keys
        `quantity` (as `covidlib.claims.reported_numbers.Quantity`, from the printed counts), `cell` ([table, row,
        column] of the paper, the first number in it), `list` (keys into the stored counts of the public lists),
        `ppv_at` ([network, prevalence]), `ratio` or `sum` (of further references).

    Raises
    ------
    InputError
        If the source has no known key.
    """
    match reference:
        case {"quantity": fields}:
            return printed_value(Quantity(**fields))
        case {"cell": [int(which), int(row), str(column)]}:
            return _first_number(table(which)[column].iloc[row])
        case {"list": keys}:
            value: Any = stored_aggregates()
            for key in keys:
                value = value[key]
            return float(value)
        case {"ppv_at": [network, prevalence]}:
            return float(ppv_at(pooled(printed_fold_counts()[network]), prevalence))
        case {"ratio": [part, whole]}:
            return number(part) / number(whole)
        case {"sum": parts}:
            return sum(number(part) for part in parts)
    raise InputError(str(reference), "unknown source of a number", "Use quantity, cell, list, ppv_at, ratio or sum")


def _first_number(printed: str) -> float:
    match = re.search(r"[-+]?\d[\d,]*\.?\d*", printed)
    if match is None:
        raise InputError(printed, "no number in this cell", "Name a cell with a number")
    return float(match.group().replace(",", ""))


def printed_number(printed: str) -> tuple[Fraction, Fraction]:
    """Parse a printed number and the unit of its last digit: "98.49%" is 0.9849 and 0.0001.

    Raises
    ------
    InputError
        If it is not a printed number.
    """
    digits = printed.removesuffix("%")
    try:
        value = parse_number(digits)
    except ValueError as error:
        raise InputError(printed, "not a printed number", 'Write it as "98.49%", "15,589" or "0.9849"') from error
    scale = 100 if printed.endswith("%") else 1
    return value / scale, Fraction(1, scale * 10 ** decimals(digits))


def agrees(claim: Claim) -> bool:
    """Whether the recomputed number, rounded to the printed precision, equals the printed one."""
    if claim.recomputed is None or not claim.printed:
        return False
    value, unit = printed_number(claim.printed)
    # Half a unit of the stored decimals as well: a mean such as 0.98495 is stored rounded.
    return abs(Fraction(str(claim.recomputed)) - value) <= unit / 2 + Fraction(1, 2 * 10**DIGITS)


def recompute(claim: Claim) -> float | None:
    """Recompute a claim's number from its source, rounded as it is stored."""
    return None if claim.source is None else round(number(claim.source), DIGITS)


def holds(claim: Claim) -> bool | None:
    """Whether the comparison behind a verdict is true; None if the claim has no comparison."""
    if claim.holds is None:
        return None
    left, right = number(claim.holds["left"]), number(claim.holds["right"])
    relation = cast(Relation, claim.holds["relation"])
    return {"<": left < right, ">": left > right, "=": abs(left - right) < 10**-DIGITS}[relation]


def evidence(claim: Claim) -> str:
    """The sentence of evidence, with its numbers recomputed."""
    filled = [format(number(source), source["format"]) for source in claim.numbers]
    return claim.evidence.format(*filled)


# Tables ---------------------------------------------------------------------------------------------------------------


def scorecard(claims: Sequence[Claim]) -> pd.DataFrame:
    """Table of the claims in words, with the verdict and the evidence.

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
