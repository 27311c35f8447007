"""covidlib.audit.linear: sums that remember their terms, and equations that follow from others."""

from __future__ import annotations

from fractions import Fraction

from covidlib.audit.linear import Sum, repeated, total


def one(id: str, value: int) -> Sum:
    return Sum(Fraction(value), {id: Fraction(1)})


def test_sums_keep_value_and_coefficients() -> None:
    a, b = one("a", 3), one("b", 4)
    mean = total([a, b, a]) / 2
    assert mean.value == 5 and mean.terms == {"a": 1, "b": Fraction(1, 2)}
    assert (a - a).terms == {} and (a + Fraction(2)).value == 5 and (a + Fraction(2)).terms == a.terms


def test_a_mirror_image_follows_and_a_new_value_does_not() -> None:
    whole, first, second = one("T", 7), one("a", 3), one("b", 4)
    equations = [(first - (whole - second)).terms, (second - (whole - first)).terms, (whole - one("c", 7)).terms]
    assert repeated(equations) == [False, True, False]


def test_an_equation_follows_from_several_others_only_when_all_are_there() -> None:
    a, b, c, d = (one(id, 0) for id in "abcd")
    chain = [(a - b).terms, (b - c).terms, (c - d).terms]
    assert repeated([*chain, (a - d).terms]) == [False, False, False, True]
    assert repeated([*chain[:2], (a - d).terms, chain[2]]) == [False, False, False, True]
    assert repeated([*chain[:2], (a - d).terms]) == [False, False, False]


def test_an_equation_without_terms_cannot_fail() -> None:
    assert repeated([{}, {"a": Fraction(0)}]) == [True, True]
