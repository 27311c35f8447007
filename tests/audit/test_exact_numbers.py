"""covidlib.audit.exact_numbers: printed numbers are exact, and rounding is the only tolerance."""

from __future__ import annotations

from fractions import Fraction

import pytest

from covidlib.audit.exact_numbers import (
    brief,
    compare_numbers,
    decimals,
    half_even,
    half_up,
    parse_number,
    rounding_note,
    said,
    show_number,
)


def test_printed_numbers_are_parsed_exactly() -> None:
    assert parse_number("40,094") == 40094 and parse_number("7996") == 7996
    assert parse_number("0.9437") == Fraction(9437, 10_000)
    assert parse_number("3.56452") == Fraction(356_452, 100_000)
    assert [said(word) for word in ("zero", "two", "three", "four", "five", "ten")] == [0, 2, 3, 4, 5, 10]
    assert said("2.00") == 2
    assert [decimals(text) for text in ("95", "0.987", "3.3080")] == [0, 3, 4]


@pytest.mark.parametrize(
    "text", ["", "4,0094", "40,09", "1e5", "-3", "½", "１２", "nan", "9.", ".5", "5%", "1" * 5000, " 5"]
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a printed number"):
        parse_number(text)


def test_equal_rounded_and_neither() -> None:
    exact = Fraction(8214, 8322)
    assert compare_numbers(Fraction(5, 4), Fraction(5, 4), 2) == "agrees"
    assert compare_numbers(parse_number("0.987"), exact, 4) == "rounds"
    assert compare_numbers(parse_number("0.9871"), exact, 4) == "disagrees"
    assert compare_numbers(parse_number("0.986"), exact, 4) == "disagrees"
    # Fewer digits than the column has are not a licence to be less exact.
    assert compare_numbers(parse_number("0.94"), Fraction(9437, 10_000), 4) == "disagrees"


def test_both_ways_of_rounding_a_tie_are_accepted_and_named() -> None:
    tie = Fraction(125, 1000)
    assert (half_even(tie, 2), half_up(tie, 2)) == (Fraction(12, 100), Fraction(13, 100))
    assert compare_numbers(parse_number("0.12"), tie, 2) == compare_numbers(parse_number("0.13"), tie, 2) == "rounds"
    assert rounding_note(parse_number("0.12"), tie, 2) == "half to even"
    assert rounding_note(parse_number("0.13"), tie, 2) == "half up"
    assert rounding_note(parse_number("0.94"), Fraction(941, 1000), 2) == ""
    assert rounding_note(parse_number("0.14"), tie, 2) == ""


def test_values_for_readers() -> None:
    assert show_number(Fraction(15_590)) == "15,590" and show_number(Fraction(1991)) == "1991"
    assert show_number(Fraction(9999)) == "9999" and show_number(Fraction(10_000)) == "10,000"
    assert show_number(Fraction(418_916, 10)) == "41,891.6"
    assert show_number(Fraction(2, 3)) == "0.666667…" and show_number(Fraction(1, 8)) == "0.125"
    assert show_number(Fraction(-3, 2)) == "−1.5"
    assert brief(Fraction(14, 95) * 100) == "14.7"
