"""Two-class counts and rates: exact formulas, missing counts from others, and counts that fit printed rates.

A confusion matrix is (tp, fn, fp, tn): infected found, infected missed, normal called infected, normal called normal.
Taught in chapter 08.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from covidlib.audit.exact_numbers import Verdict, compare_numbers

MOST_MATRICES = 4_000_000
"""Pairs that a search may try; a row with more possibilities is not searched."""


class Matrix(NamedTuple):
    """A confusion matrix."""

    tp: Fraction
    fn: Fraction
    fp: Fraction
    tn: Fraction


def _ratio(above: Fraction, below: Fraction) -> Fraction | None:
    return above / below if below else None


def _mean(first: Fraction | None, second: Fraction | None) -> Fraction | None:
    return None if first is None or second is None else (first + second) / 2


def _f1(found: Fraction, errors: Fraction) -> Fraction | None:
    return _ratio(2 * found, 2 * found + errors)


COUNTS: Mapping[str, Callable[[Matrix], Fraction]] = {
    "tp": lambda m: m.tp,
    "fn": lambda m: m.fn,
    "fp": lambda m: m.fp,
    "tn": lambda m: m.tn,
    "positives": lambda m: m.tp + m.fn,
    "negatives": lambda m: m.fp + m.tn,
    "total": lambda m: m.tp + m.fn + m.fp + m.tn,
    "right": lambda m: m.tp + m.tn,
    "wrong": lambda m: m.fn + m.fp,
    "called_positive": lambda m: m.tp + m.fp,
    "called_negative": lambda m: m.fn + m.tn,
}
RATES: Mapping[str, Callable[[Matrix], Fraction | None]] = {
    "accuracy": lambda m: _ratio(m.tp + m.tn, m.tp + m.fn + m.fp + m.tn),
    "sensitivity": lambda m: _ratio(m.tp, m.tp + m.fn),
    "specificity": lambda m: _ratio(m.tn, m.fp + m.tn),
    "ppv": lambda m: _ratio(m.tp, m.tp + m.fp),
    "npv": lambda m: _ratio(m.tn, m.fn + m.tn),
    "f1": lambda m: _f1(m.tp, m.fn + m.fp),
    "balanced_accuracy": lambda m: _mean(_ratio(m.tp, m.tp + m.fn), _ratio(m.tn, m.fp + m.tn)),
    "prevalence": lambda m: _ratio(m.tp + m.fn, m.tp + m.fn + m.fp + m.tn),
    "macro_precision": lambda m: _mean(_ratio(m.tp, m.tp + m.fp), _ratio(m.tn, m.fn + m.tn)),
    "macro_f1": lambda m: _mean(_f1(m.tp, m.fn + m.fp), _f1(m.tn, m.fn + m.fp)),
}
"""Rates of a row; None where the fraction is 0 ÷ 0. "macro" is the mean over both classes."""
QUANTITIES: Mapping[str, Callable[[Matrix], Fraction | None]] = {**COUNTS, **RATES}
SUMS = (
    ("positives", "tp", "fn"),
    ("negatives", "fp", "tn"),
    ("right", "tp", "tn"),
    ("wrong", "fn", "fp"),
    ("called_positive", "tp", "fp"),
    ("called_negative", "fn", "tn"),
    ("total", "positives", "negatives"),
    ("total", "right", "wrong"),
)
"""Each first count is the sum of the other two."""


def complete(known: Mapping[str, Fraction]) -> tuple[Matrix | None, set[str]]:
    """Compute the matrix from those counts that are known.

    Returns
    -------
    Matrix or None, set of str
        The matrix, if the counts determine it, and the counts that it was computed from: comparing these with it again
        would show nothing.
    """
    values: dict[str, Fraction] = {}
    used: set[str] = set()
    for name in ("tp", "fn", "fp", "tn", *known):
        if name in known and name not in values:
            values[name] = known[name]
            used.add(name)
            _fill(values)
    if not {"tp", "fn", "fp", "tn"} <= set(values):
        return None, set()
    return Matrix(values["tp"], values["fn"], values["fp"], values["tn"]), used


def _fill(values: dict[str, Fraction]) -> None:
    before = -1
    while len(values) > before:
        before = len(values)
        for whole, first, second in SUMS:
            if first in values and second in values:
                values.setdefault(whole, values[first] + values[second])
            elif whole in values and first in values:
                values.setdefault(second, values[whole] - values[first])
            elif whole in values and second in values:
                values.setdefault(first, values[whole] - values[second])


class Printed(NamedTuple):
    """A printed rate or count as a fraction, with the places of its column, and whether digits may have been cut."""

    value: Fraction
    places: int
    cut: bool = False

    def verdict(self, exact: Fraction) -> Verdict:
        """Compare with an exact value: equal, rounded (or cut, if that is allowed), or neither."""
        if self.cut and self.value == Fraction(math.floor(exact * 10**self.places), 10**self.places) != exact:
            return "rounds"
        return compare_numbers(self.value, exact, self.places)

    def fits(self, exact: Fraction | None) -> bool:
        """Whether an exact value can be printed like this."""
        return exact is not None and self.verdict(exact) != "disagrees"


def fitting(printed: Mapping[str, Printed], sizes: Mapping[str, int]) -> Iterator[Matrix]:
    """Find every matrix of whole numbers that fits the printed rates and counts.

    Parameters
    ----------
    printed : dict
        Quantities of `RATES` and `COUNTS` as printed; rates as shares.
    sizes : dict
        "positives" and "negatives", or "total" alone.

    Raises
    ------
    ValueError
        If the sizes are unknown, or leave more than `MOST_MATRICES` possibilities.
    """
    others = {name: rate for name, rate in printed.items() if name not in ("sensitivity", "specificity")}
    tried = 0
    for positives, negatives in _class_sizes(sizes):
        found = _numerators(printed.get("sensitivity"), positives)
        cleared = _numerators(printed.get("specificity"), negatives)
        tried += len(found) * len(cleared) + 1
        if tried > MOST_MATRICES:
            raise ValueError(f"more than {MOST_MATRICES} possible counts")
        for tp in found:
            for tn in cleared:
                matrix = Matrix(Fraction(tp), Fraction(positives - tp), Fraction(negatives - tn), Fraction(tn))
                if all(rate.fits(QUANTITIES[name](matrix)) for name, rate in others.items()):
                    yield matrix


def _class_sizes(sizes: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    if "positives" in sizes and "negatives" in sizes:
        yield sizes["positives"], sizes["negatives"]
    elif "total" in sizes:
        whole = sizes["total"]
        given = [sizes["positives"]] if "positives" in sizes else range(1, whole)
        yield from ((positives, whole - positives) for positives in given)
    else:
        raise ValueError("the number of cases is not given")


def _numerators(rate: Printed | None, whole: int) -> list[int]:
    """Numerators over a whole number that can be printed as this rate; all, if it is not printed."""
    if rate is None:
        return list(range(whole + 1))
    if not whole:
        return []
    near = int(rate.value * whole)
    reach = int(Fraction(whole, 10**rate.places)) + 2
    return [n for n in range(max(0, near - reach), min(whole, near + reach) + 1) if rate.fits(Fraction(n, whole))]
