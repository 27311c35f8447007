"""The record of one check: the printed value, the recomputed value, the rule and the verdict. Taught in chapter 08."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from covidlib.audit.exact_numbers import Verdict, compare_numbers, rounding_note, show_number
from covidlib.audit.printed_tables import Cell


@dataclass(frozen=True)
class Check:
    """A printed value and the value recomputed by a rule.

    `known` says that the paper as published has this disagreement, `explanation` what does not fit, and `evidence` how
    we know.
    """

    id: str
    where: str
    printed: str
    recomputed: str
    rule: str
    verdict: Verdict
    known: bool = False
    explanation: str = ""
    evidence: str = ""

    def explained(self, explanation: str, evidence: str) -> Check:
        """Mark the check as a known disagreement."""
        return replace(self, known=True, explanation=explanation, evidence=evidence)


def equals(cell: Cell, tie: str, exact: Fraction, rule: str, places: int = 0, note: str = "") -> Check:
    """Compare a cell with its exact value, at the printed precision of its column.

    Parameters
    ----------
    tie : str
        What the cell is tied to, as the last part of the check's id: a cell can be tied to several things.
    places : int
        Digits after the point in the cell's column.
    note : str
        Added to the rule.
    """
    way = rounding_note(cell.value, exact, places)
    notes = [rule, f"rounded {way}" if way else "", note]
    return Check(
        f"{cell.id}/{tie}",
        cell.where,
        cell.text,
        show_number(exact) + cell.unit,
        "; ".join(part for part in notes if part),
        compare_numbers(cell.value, exact, places),
    )


def holds(id: str, where: str, printed: str, recomputed: str, rule: str, condition: bool) -> Check:
    """Compare a printed value with a bound or a statement, which holds or does not hold."""
    return Check(id, where, printed, recomputed, rule, "agrees" if condition else "disagrees")


def unchecked(id: str, where: str, printed: str, reason: str) -> Check:
    """Record a printed value that no public data can check, with the reason."""
    return Check(id, where, printed, "", reason, "unchecked")
