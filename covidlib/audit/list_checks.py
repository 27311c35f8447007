"""Check Tables 1, 2 and 4 against the authors' public lists (sections 2.1 and 2.4). Taught in chapter 08."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from covidlib.audit.check import Check, equals
from covidlib.audit.printed_tables import PrintedTables


def all_lists(tables: PrintedTables, lists: Mapping[str, dict]) -> Iterator[Check]:
    """Check every printed count that is also in the public lists.

    Parameters
    ----------
    lists : dict
        As `covidlib.datasets.published_lists.stored_aggregates` returns it.
    """
    for line in lists["table1"]["details"]:
        cell = tables.cell(1, "Number", line["quantity"])
        yield equals(cell, "patient-list", Fraction(line["found"]), "counted in the public list of patients")
    for number, lines in ((2, lists["table2"]), (4, lists["table4"]["patients"])):
        for line in lines:
            cell = tables.cell(number, f"Fold{line['fold']}", line["quantity"])
            yield equals(cell, "fold-list", Fraction(line["found"]), "counted in the public fold lists")
