"""Audit any two-class paper's tables: rows, sums over folds, ties and times. Taught in chapter 08."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

from covidlib.audit.check import Check, Grade, Kind
from covidlib.audit.exact_numbers import Verdict, show_number
from covidlib.audit.printed_tables import slug
from covidlib.audit.spec_file import REMEDY, Spec, SpecTable
from covidlib.audit.spec_matrix import COUNTS, QUANTITIES
from covidlib.audit.spec_rows import average_checks, cell_check, fits, printed_of, row_checks, sizes_of
from covidlib.errors import InputError


def audit_spec(spec: Spec, explain: bool = True) -> list[Check]:
    """Run every check of a description, with what is known of the paper marked.

    Parameters
    ----------
    explain : bool
        Say of a row that no counts fit without which rate they would; this takes most of the time.
    """
    checks = [
        *row_checks(spec, explain),
        *average_checks(spec),
        *fold_checks(spec),
        *tie_checks(spec),
        *order_checks(spec),
    ]
    checks += unchecked_cells(spec, checks)
    return [_explained(check, spec) for check in checks]


def new_disagreements(checks: Sequence[Check]) -> list[Check]:
    """The disagreements that the description does not list as known."""
    return [check for check in checks if check.verdict == "disagrees" and not check.known]


def fold_checks(spec: Spec) -> Iterator[Check]:
    """Check that class sizes which fit the folds' rates can add up to those of the dataset (`over_folds`)."""
    for given in spec.over_folds:
        table = _table_of(spec, given)
        groups: dict[tuple[str, ...], list[str]] = {}
        for row, key in table.keys.items():
            if not table.folds_of(row):
                groups.setdefault(tuple(part for part in key if part not in _fold_names(table)), []).append(row)
        for group, rows in groups.items():
            for name in ("positives", "negatives"):
                if name in given:
                    yield _adds_up(spec, table, group, rows, name, int(given[name]))


def _fold_names(table: SpecTable) -> set[str]:
    """Parts of the rows' names that stand where the average's name stands."""
    at = next((key.index(table.average) for key in table.keys.values() if table.average in key), None)
    return set() if at is None else {key[at] for key in table.keys.values()}


def _adds_up(spec: Spec, table: SpecTable, group: tuple[str, ...], rows: Sequence[str], name: str, whole: int) -> Check:
    reachable, unknown = {Fraction(0)}, []
    for row in rows:
        cells = [cell for cell in table.rows[row].values() if cell.quantity in QUANTITIES]
        printed = tuple((cell.quantity, printed_of(spec, table, cell)) for cell in cells)
        sizes = {COUNTS[name](matrix) for matrix in fits(printed, tuple(sizes_of(spec, table, row).items()))}
        unknown += [] if sizes else [row]
        reachable = {total + size for total in reachable for size in sizes}
    id = "/".join(("over-folds", *(part.lower().replace(" ", "-") for part in (table.name, *group)), name))
    where = f"{table.name}, {' '.join(group) or 'all folds'}: {name} of all folds"
    rule = f"sums of {name} that fit each fold's rates; each case is tested in one fold"
    if unknown:
        return Check(id, where, str(whole), "", f"no counts fit {', '.join(unknown)}", "unchecked")
    shown = f"{show_number(min(reachable))} to {show_number(max(reachable))}"
    return Check(id, where, str(whole), shown, rule, "agrees" if whole in reachable else "disagrees", kind="equation")


def tie_checks(spec: Spec) -> Iterator[Check]:
    """Check sums that tie numbers of one table to those of others (`ties`)."""
    for tie in spec.ties:
        left, right = (_total(spec, tie.get(side)) for side in ("left", "right"))
        right *= Fraction(str(tie.get("factor", 1)))
        relation = tie.get("relation", "=")
        if relation not in ("=", "<=", ">="):
            raise InputError("ties", f"unknown relation {relation!r}, expected =, <= or >=", REMEDY)
        true = {"=": left == right, "<=": left <= right, ">=": left >= right}[relation]
        mark = "" if relation == "=" else {"<=": "≤ ", ">=": "≥ "}[relation]
        rule = " + ".join(map(str, tie["right"])) + (f", times {tie['factor']}" if "factor" in tie else "")
        kind = "equation" if relation == "=" else "bound"
        what = str(tie.get("what", " + ".join(map(str, tie["left"]))))
        id = f"ties/{slug(what)}"
        verdict: Verdict = "agrees" if true else "disagrees"
        shown = mark + show_number(right)
        yield Check(id, f"ties: {what}", show_number(left), shown, rule, verdict, kind=cast(Kind, kind))


def _total(spec: Spec, references: Any) -> Fraction:
    if not isinstance(references, list) or not references:
        raise InputError("ties", "a tie has no list of numbers on one side", REMEDY)
    numbers = (
        spec.cell(reference).number if isinstance(reference, str) else Fraction(str(reference))
        for reference in references
    )
    return sum(numbers, Fraction(0))


def order_checks(spec: Spec) -> Iterator[Check]:
    """Check that columns grow from row to row (`increasing`): times with the number of images."""
    for given in spec.increasing:
        table = _table_of(spec, given)
        for column in given.get("columns", ()):
            cells = [cells[column] for cells in table.rows.values() if column in cells]
            for above, cell in pairwise(cells):
                verdict: Verdict = "agrees" if cell.number > above.number else "disagrees"
                yield replace(
                    cell_check(cell, "grows", f"> {above.text}", "grows from row to row", verdict), kind="bound"
                )


def unchecked_cells(spec: Spec, checks: Sequence[Check]) -> list[Check]:
    """One entry per column whose numbers no check concerns: they are tied to nothing."""
    tied = {reference for tie in spec.ties for side in ("left", "right") for reference in tie[side]}
    ordered = {(given["table"], column) for given in spec.increasing for column in given["columns"]}
    loose: dict[tuple[str, str], int] = {}
    for cell in spec.cells():
        if cell.quantity not in QUANTITIES and cell.id not in tied and (cell.table, cell.column) not in ordered:
            loose[cell.table, cell.column] = loose.get((cell.table, cell.column), 0) + 1
    return [
        Check(f"{table}/{column}/none", f"{table}: {column}", f"{count} numbers", "", "tied to nothing", "unchecked")
        for (table, column), count in loose.items()
    ]


def _table_of(spec: Spec, given: Mapping[str, Any]) -> SpecTable:
    name = str(given.get("table", ""))
    if name not in spec.tables:
        raise InputError(name, "is no table of the description", REMEDY)
    return spec.tables[name]


def _explained(check: Check, spec: Spec) -> Check:
    known = spec.known.get(check.id)
    if check.verdict != "disagrees" or known is None or known.get("printed", check.printed) != check.printed:
        return check
    grade = cast(Grade, known.get("grade", "contradicts"))
    return check.explained(grade, known.get("explanation", ""), known.get("evidence", ""))
