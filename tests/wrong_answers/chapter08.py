"""Typical wrong answers to the exercises of chapter 08."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from covidlib.audit import exact_numbers, printed_tables
from covidlib.paper import tables as paper


def row() -> dict[str, Fraction]:
    """The counts of Xception on fold 4."""
    found = paper.table(9).query("Fold == '4' and Network == 'Xception'").iloc[0]
    return {name: Fraction(found[name]) for name in found.index[2:]}


def with_cell(row: str, column: str, text: str) -> printed_tables.PrintedTables:
    """Table 2 with another cell."""
    tables = printed_tables.paper_tables()
    return tables.replaced(replace(tables.cell(2, row, column), text=text))


def equal(value: Fraction, printed: str) -> bool:
    """Equal at the printed precision, rounded to even alone."""
    return round(value, exact_numbers.decimals(printed)) == Fraction(printed)


FOUND, MISSED, ALARMS = "COVID correct classified", "COVID not classified", "Wrong classified as COVID"

WRONG: dict[str, list[tuple[object, str]]] = {
    "8.1": [
        # The sensitivity.
        (row()[FOUND] / (row()[FOUND] + row()[MISSED]), "which is the sensitivity"),
        (float(row()[FOUND] / (row()[FOUND] + row()[ALARMS])), "no exact fraction"),
        (row()[ALARMS] / (row()[FOUND] + row()[ALARMS]), "the precision is the rest"),
        ((row()[FOUND] + row()[ALARMS]) / row()[FOUND], "at most 1"),
        (row()["Correct classified images"] / 8315, "rightly or wrongly"),
    ],
    "8.2": [
        # Exact equality.
        (lambda printed, people: (Fraction(printed) * people).denominator == 1, "at the printed precision"),
        # Two digits always.
        (
            lambda printed, people: any(round(k / people, 2) == float(printed) for k in range(people + 1)),
            "that of the printed text",
        ),
        # Python's rounding alone.
        (
            lambda printed, people: any(equal(Fraction(k, people), printed) for k in range(people + 1)),
            "both ways count",
        ),
        # All of them forgotten.
        (
            lambda printed, people: any(
                exact_numbers.compare_numbers(
                    exact_numbers.parse_number(printed), Fraction(k, people), exact_numbers.decimals(printed)
                )
                != "disagrees"
                for k in range(people)
            ),
            "all of them",
        ),
        (lambda printed, people: True, "not even rounded"),
    ],
    "8.3": [
        (((90, 10), (10, 90)), "weigh alike"),
        (((1, 0), (50, 50)), "not far enough apart"),
        (((5, 0), (0, 0)), "no precision at all"),
        (((1, 0),), "two folds"),
    ],
    "8.4": [
        (printed_tables.paper_tables(), "the same disagreements"),
        # Training and test mixed up.
        (with_cell("Fold5", "test Normal images", "7855"), "disagrees now"),
        (with_cell("Fold5", "train Normal images", "1920"), "disagrees now"),
        (
            replace(printed_tables.paper_tables().cell(2, "Fold5", "train Normal images"), text="1991"),
            "not the cell alone",
        ),
    ],
    "8.5": [
        # The first pair only.
        (
            lambda sensitivity, precision, infected, normal: [
                (found, alarms)
                for found in range(1, infected + 1)
                if equal(Fraction(found, infected), sensitivity)
                for alarms in range(normal + 1)
                if equal(Fraction(found, found + alarms), precision)
            ][:1],
            "more pairs than your 1",
        ),
        # Exact equality.
        (
            lambda sensitivity, precision, infected, normal: [
                (found, alarms)
                for found in range(1, infected + 1)
                for alarms in range(normal + 1)
                if Fraction(found, infected) == Fraction(sensitivity)
                and Fraction(found, found + alarms) == Fraction(precision)
            ],
            "at the printed precision",
        ),
        # All infected patients taken for called.
        (
            lambda sensitivity, precision, infected, normal: [
                (found, alarms)
                for found in range(1, infected + 1)
                if equal(Fraction(found, infected), sensitivity)
                for alarms in range(normal + 1)
                if equal(Fraction(found, infected + alarms), precision)
            ],
            "work out both rates",
        ),
    ],
}
