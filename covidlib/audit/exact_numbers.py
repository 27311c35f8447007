"""Parse, compare and format printed numbers as exact fractions (paper, all tables).

There are no floats: 0.9437 is 9437/10000, and the value it is compared with is a fraction too. Taught in chapter 08.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Verdict = Literal["agrees", "rounds", "disagrees", "unchecked"]
VERDICTS: tuple[Verdict, ...] = ("agrees", "rounds", "disagrees", "unchecked")
"""Exactly equal; equal at the printed precision; neither; not related to any public data."""

ABOUT = Fraction(1, 10)
"""Accepted relative difference from a number that the text calls "around" or "almost".

The paper does not say what these words mean. A tenth is generous, and the same for all of them."""

# At most nine digits per part: enough for any printed number, and no input can make the arithmetic slow.
_NUMBER = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3}){1,2}|\d{1,9})(?:\.(?P<part>\d{1,9}))?", re.ASCII)


@lru_cache(maxsize=4096)
def parse_number(text: str) -> Fraction:
    """Parse a printed number exactly: "40,094" is 40094, "0.987" is 987/1000.

    Raises
    ------
    ValueError
        If the text is not a printed number. Signs, exponents and units are not accepted.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a printed number such as 40,094 or 0.987")
    return Fraction(f"{match['whole'].replace(',', '')}.{match['part'] or 0}")


WORDS = {"zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "ten": "10", "one-tenth": "0.1"}


def said(text: str) -> Fraction:
    """Parse a number in a sentence, in digits or as a word.

    Raises
    ------
    ValueError
        If it is neither a printed number nor a known word.
    """
    return parse_number(WORDS.get(text, text))


def decimals(text: str) -> int:
    """Count the digits after the decimal point of a printed number."""
    return len(text.partition(".")[2])


def half_even(value: Fraction, places: int) -> Fraction:
    """Round to a number of places, ties to the even digit."""
    return Fraction(round(value, places))


def half_up(value: Fraction, places: int) -> Fraction:
    """Round to a number of places, ties upwards."""
    return Fraction(math.floor(value * 10**places + Fraction(1, 2)), 10**places)


def compare_numbers(printed: Fraction, exact: Fraction, places: int) -> Verdict:
    """Compare a printed value with the exact one, at the printed precision.

    Parameters
    ----------
    places : int
        Digits after the decimal point of the column, not of the single value: 0.987 in a column with four is 0.9870.
        Rounding half up and half to even are both accepted; `rounding_note` says when they differ.
    """
    if printed == exact:
        return "agrees"
    return "rounds" if printed in (half_even(exact, places), half_up(exact, places)) else "disagrees"


def rounding_note(printed: Fraction, exact: Fraction, places: int) -> str:
    """Name the way of rounding that gives a printed value, if the two ways differ; otherwise an empty text."""
    if printed == exact:
        return ""
    even, up = half_even(exact, places), half_up(exact, places)
    if even == up or printed not in (even, up):
        return ""
    return "half to even" if printed == even else "half up"


def brief(value: Fraction, places: int = 1) -> str:
    """Round an exact value for a sentence: 14.7 for 14.736842…"""
    return show_number(half_even(value, places), places)


def show_number(value: Fraction, places: int = 6) -> str:
    """Format an exact value: in full if it is whole or terminates, otherwise with a number of places and "…".

    As in the paper, numbers from 10,000 upwards have a comma.
    """
    rounded = value if value.denominator == 1 else half_even(value, places)
    whole, part = divmod(abs(rounded), 1)
    digits = f"{int(part * 10**places):0{places}d}".rstrip("0")
    text = f"{int(whole):,}" if whole >= 10_000 else str(int(whole))
    sign = "−" if rounded < 0 else ""
    return sign + text + (f".{digits}" if digits else "") + ("" if rounded == value else "…")
