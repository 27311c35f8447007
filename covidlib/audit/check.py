"""The record of one check: the printed value, the recomputed value, the rule and the verdict. Taught in chapter 08."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from covidlib.audit.exact_numbers import Verdict, compare_numbers, rounding_note, show_number
from covidlib.audit.linear import Sum, Terms
from covidlib.audit.printed_tables import Cell

Kind = Literal["equation", "bound", "statement", "source"]
KINDS: Mapping[Kind, str] = {
    "equation": "a printed number equals another one, or one computed from others",
    "bound": "a printed number is at least or at most another one: few errors can break it",
    "statement": "words of the text hold for the tables or the public lists",
    "source": "the paper says what a public source says: the authors' code, their lists, a cited paper",
}
Grade = Literal["contradicts", "imprecise", "typo"]
GRADES: Mapping[Grade, str] = {
    "contradicts": "another part of the paper, its tables, its code or a source it cites says otherwise",
    "imprecise": "true in part, or of another unit, range or reading than the words suggest",
    "typo": "a slip of one digit, word or place: what is meant is printed elsewhere",
}
"""How a disagreement is to be read; none of them says anything of intent."""


@dataclass(frozen=True)
class Check:
    """A printed value and the value recomputed by a rule.

    `kind` says what is compared, and `terms` which printed values an equation ties together. `follows` marks a check
    that others imply, so that it is no constraint of its own. `known` says that the paper as published has this
    disagreement, `grade` how to read it, `explanation` what does not fit, and `evidence` how we know.
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
    kind: Kind = "statement"
    grade: Grade | Literal[""] = ""
    follows: bool = False
    terms: Terms = field(default_factory=dict, compare=False)

    def explained(self, grade: Grade, explanation: str, evidence: str) -> Check:
        """Mark the check as a known disagreement."""
        return replace(self, known=True, grade=grade, explanation=explanation, evidence=evidence)


def equals(cell: Cell, tie: str, exact: Fraction | Sum, rule: str, places: int = 0, note: str = "") -> Check:
    """Compare a cell with its exact value, at the printed precision of its column.

    Parameters
    ----------
    tie : str
        What the cell is tied to, as the last part of the check's id: a cell can be tied to several things.
    exact : Fraction or Sum
        A sum remembers its terms. Any other value counts as a source of its own.
    places : int
        Digits after the point in the cell's column.
    note : str
        Added to the rule.
    """
    value, others = (exact.value, exact.terms) if isinstance(exact, Sum) else (exact, {})
    way = rounding_note(cell.value, value, places)
    notes = [rule, f"rounded {way}" if way else "", note]
    return Check(
        f"{cell.id}/{tie}",
        cell.where,
        cell.text,
        show_number(value) + cell.unit,
        "; ".join(part for part in notes if part),
        compare_numbers(cell.value, value, places),
        kind="equation",
        terms=difference(cell.id, others),
    )


def difference(id: str, others: Terms) -> dict[str, Fraction]:
    """The coefficients of the equation “the value with this id equals this combination of others”."""
    terms = {other: -coefficient for other, coefficient in others.items()}
    terms[id] = terms.get(id, Fraction(0)) + 1
    return terms


def holds(
    id: str, where: str, printed: str, recomputed: str, rule: str, condition: bool, kind: Kind = "statement"
) -> Check:
    """Compare a printed value with a bound or a statement, which holds or does not hold."""
    return Check(id, where, printed, recomputed, rule, "agrees" if condition else "disagrees", kind=kind)


def unchecked(id: str, where: str, printed: str, reason: str) -> Check:
    """Record a printed value that no public data can check, with the reason."""
    return Check(id, where, printed, "", reason, "unchecked")
