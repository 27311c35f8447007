"""Exact sums of printed values that remember which values went in, to count independent constraints.

If a table prints a total T and its parts a and b, then a = T − b and b = T − a are one constraint, not two. The sums
here keep the coefficient of each printed value, so that such repetitions are found by elimination. Taught in
chapter 08.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

Terms = Mapping[str, Fraction]
"""Coefficient of each printed value, by its id."""


@dataclass(frozen=True)
class Sum:
    """An exact value, and the printed values of which it is a linear combination."""

    value: Fraction
    terms: Terms = field(default_factory=dict)

    def __add__(self, other: Sum | Fraction | int) -> Sum:
        """Add another sum or a number."""
        if not isinstance(other, Sum):
            return Sum(self.value + other, self.terms)
        return Sum(self.value + other.value, added(self.terms, other.terms, Fraction(1)))

    def __sub__(self, other: Sum) -> Sum:
        """Subtract another sum."""
        return Sum(self.value - other.value, added(self.terms, other.terms, Fraction(-1)))

    def __truediv__(self, number: int) -> Sum:
        """Divide by a whole number."""
        return Sum(self.value / number, {id: factor / number for id, factor in self.terms.items()})


def total(values: Iterable[Sum]) -> Sum:
    """An exact sum of sums."""
    summed = Sum(Fraction(0))
    for value in values:
        summed = summed + value
    return summed


def added(first: Terms, second: Terms, factor: Fraction) -> dict[str, Fraction]:
    """Add a multiple of the second combination to the first; values whose coefficients cancel are left out."""
    summed = dict(first)
    for id, coefficient in second.items():
        summed[id] = summed.get(id, Fraction(0)) + factor * coefficient
    return {id: coefficient for id, coefficient in summed.items() if coefficient}


def repeated(equations: Iterable[Terms]) -> list[bool]:
    """Say of each equation whether it follows from those before it, by Gaussian elimination in exact fractions.

    Parameters
    ----------
    equations : iterable of Terms
        The coefficients of each equation; its constant does not count, because a printed error must not turn a
        repetition into a new constraint.

    Returns
    -------
    list of bool
        True where the equation is a linear combination of earlier ones.
    """
    basis: dict[str, dict[str, Fraction]] = {}
    found = []
    for equation in equations:
        rest = {id: coefficient for id, coefficient in equation.items() if coefficient}
        while rest:
            pivot = next((id for id in rest if id in basis), None)
            if pivot is None:
                break
            rest = added(rest, basis[pivot], -rest[pivot])
        found.append(not rest)
        if rest:
            pivot = min(rest)
            scaled = {id: coefficient / rest[pivot] for id, coefficient in rest.items()}
            for id, row in basis.items():
                if pivot in row:
                    basis[id] = added(row, scaled, -row[pivot])
            basis[pivot] = scaled
    return found
