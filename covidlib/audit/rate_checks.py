"""Check rates against counts, and averages of rates (Table 9; section 3.1, equations 1 to 5). Taught in chapter 08."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from covidlib.audit.check import Check, equals
from covidlib.audit.exact_numbers import compare_numbers, show_number
from covidlib.audit.printed_tables import FOLDS, NETWORKS, PrintedTables
from covidlib.paper.tables import AVERAGE, count_heads

TC, FN, TN, FC = count_heads(9)
RATES = {
    "Overall accuracy": ((TC, TN), (TC, FN, TN, FC)),
    "COVID accuracy": ((TC, TN), (TC, FN, TN, FC)),
    "Normal accuracy": ((TC, TN), (TC, FN, TN, FC)),
    "COVID sensitivity": ((TC,), (TC, FN)),
    "Normal sensitivity": ((TN,), (TN, FC)),
    "COVID specificity": ((TN,), (TN, FC)),
    "Normal specificity": ((TC,), (TC, FN)),
    "COVID precision": ((TC,), (TC, FC)),
    "Normal precision": ((TN,), (TN, FN)),
}
"""Counts above and below the fraction line for each rate of Table 9. With two classes, half of them repeat others."""


def rate(tables: PrintedTables, rows: list[str], column: str) -> Fraction:
    """Compute a rate of Table 9 from the counts of one row, or of several rows added up; 0/0 is 0."""
    above, below = (
        sum((tables.value(9, row, count) for row in rows for count in counts), Fraction(0)) for counts in RATES[column]
    )
    return above / below if below else Fraction(0)


def all_rates(tables: PrintedTables) -> Iterator[Check]:
    """Check every rate of Table 9 against its row's counts, and every average."""
    for column, (above, below) in RATES.items():
        places = tables.places(9, column)
        for network in NETWORKS:
            rows = [f"{fold} {network}" for fold in FOLDS]
            for row in rows:
                rule = f"({' + '.join(above)}) ÷ ({' + '.join(below)})"
                yield equals(tables.cell(9, row, column), "rate", rate(tables, [row], column), rule, places)
            cell = tables.cell(9, f"{AVERAGE} {network}", column)
            mean = sum((rate(tables, [row], column) for row in rows), Fraction(0)) / len(rows)
            pooled = rate(tables, rows, column)
            fits = "fits too" if compare_numbers(cell.value, pooled, places) != "disagrees" else "does not fit"
            note = f"the rate of all folds' counts together, {show_number(pooled)}, {fits}"
            yield equals(cell, "mean", mean, "mean of the five folds' exact rates", places, note)
