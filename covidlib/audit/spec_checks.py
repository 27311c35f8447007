"""Audit any two-class paper's tables: counts, rates, averages over folds, ties and times. Taught in chapter 08."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

from covidlib.audit.check import Check, Grade, Kind
from covidlib.audit.exact_numbers import Verdict, show_number
from covidlib.audit.printed_tables import slug
from covidlib.audit.spec_file import REMEDY, Spec, SpecCell, SpecTable, cell_slug
from covidlib.audit.spec_matrix import COUNTS, RATES, Matrix, Printed, complete, fitting
from covidlib.errors import InputError

FEW = 3
"""So many fitting matrices are shown in full."""


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


def row_checks(spec: Spec, explain: bool = True) -> Iterator[Check]:
    """Check each row that is no average: its counts among themselves, and its rates against its counts."""
    for table in spec.tables.values():
        for row in table.rows:
            if not table.folds_of(row):
                yield from _row(spec, table, row, explain)


def row_matrix(spec: Spec, table: SpecTable, row: str) -> tuple[Matrix | None, set[str]]:
    """The confusion matrix of a row, if its counts and class sizes determine it, and what it was computed from."""
    known = {name: Fraction(size) for name, size in _sizes(spec, table, row).items()}
    printed: dict[str, Fraction] = {}
    for cell in table.rows[row].values():
        if cell.quantity in COUNTS:
            # Of a count that is printed twice the first is taken, and the second compared with it.
            printed.setdefault(cell.quantity, cell.number)
    # Counts of the row come before sizes from elsewhere, which are then compared.
    return complete({**printed, **{name: size for name, size in known.items() if name not in printed}})


def _row(spec: Spec, table: SpecTable, row: str, explain: bool) -> Iterator[Check]:
    cells = [cell for cell in table.rows[row].values() if cell.quantity in (COUNTS | RATES)]
    if not cells:
        return
    matrix, used = row_matrix(spec, table, row)
    if matrix is None:
        yield _search(spec, table, row, cells, explain)
        return
    sizes = _sizes(spec, table, row)
    seen: set[str] = set()
    for cell in cells:
        if cell.quantity in used and cell.quantity not in seen:
            # The matrix was computed from this number: only a size from elsewhere can disagree with it.
            seen.add(cell.quantity)
            if cell.quantity in sizes:
                yield _compared(
                    spec, table, cell, "size", Fraction(sizes[cell.quantity]), "the size given for this row"
                )
            continue
        exact = (COUNTS | RATES)[cell.quantity](matrix)
        rule = f"{cell.quantity.replace('_', ' ')} of tp {_shown(matrix)}"
        if exact is None:
            yield _check(cell, "row", "0 ÷ 0", rule, "unchecked")
        else:
            yield _compared(spec, table, cell, "row", exact, rule)
    for name in sizes:
        printed = {cell.quantity for cell in cells}
        if name not in used and name not in printed:
            exact = COUNTS[name](matrix)
            verdict: Verdict = "agrees" if exact == sizes[name] else "disagrees"
            first = cells[0]
            yield Check(
                f"{cell_slug(first).rpartition('/')[0]}/{name}/size",
                f"{table.name}, {row}: {name}",
                show_number(exact),
                show_number(Fraction(sizes[name])),
                f"sum of the row's counts, and the size given for this row; tp {_shown(matrix)}",
                verdict,
                kind="equation",
            )


def _shown(matrix: Matrix) -> str:
    return ", ".join(
        f"{name} {show_number(value)}" if name != "tp" else show_number(value)
        for name, value in zip(Matrix._fields, matrix, strict=True)
    )


def _search(spec: Spec, table: SpecTable, row: str, cells: Sequence[SpecCell], explain: bool) -> Check:
    """Check whether any counts fit a row of rates."""
    sizes = _sizes(spec, table, row)
    printed = tuple((cell.quantity, _printed(spec, table, cell)) for cell in cells)
    shown = ", ".join(f"{cell.quantity} {cell.text}" for cell in cells)
    id = f"{cell_slug(cells[0]).rpartition('/')[0]}/together/search"
    where, size = f"{table.name}, {row}", ", ".join(f"{name} {count}" for name, count in sizes.items())
    try:
        found = _fits(printed, tuple(sizes.items()))
    except ValueError as error:
        return Check(id, where, shown, "", f"no counts are printed, and {error}", "unchecked")
    rule = f"every pair of counts with {size} was tried against the printed rates"
    if found:
        few = "; ".join(f"tp {_shown(matrix)}" for matrix in found[:FEW])
        return Check(id, where, shown, f"{len(found)} counts fit: {few}", rule, "agrees", kind="equation")
    without = [
        name
        for at, (name, _) in enumerate(printed if explain else ())
        if _fits(printed[:at] + printed[at + 1 :], tuple(sizes.items()))
    ]
    told = f"; they would fit without {' or without '.join(without)}" if without else ""
    return Check(id, where, shown, "no counts fit", rule + told, "disagrees", kind="equation")


@lru_cache(maxsize=4096)
def _fits(printed: tuple[tuple[str, Printed], ...], sizes: tuple[tuple[str, int], ...]) -> tuple[Matrix, ...]:
    return tuple(fitting(dict(printed), dict(sizes)))


def average_checks(spec: Spec) -> Iterator[Check]:
    """Check each average row: counts and rates are the mean of the folds; the rules say whether pooling fits too."""
    for table in spec.tables.values():
        for row, cells in table.rows.items():
            folds = table.folds_of(row)
            for cell in cells.values() if folds else ():
                if cell.quantity in (COUNTS | RATES):
                    yield _average(spec, table, folds, cell)


def _average(spec: Spec, table: SpecTable, folds: Sequence[str], cell: SpecCell) -> Check:
    matrices = [row_matrix(spec, table, fold)[0] for fold in folds]
    exact = [(COUNTS | RATES)[cell.quantity](matrix) for matrix in matrices if matrix is not None]
    places = table.places(cell.column)
    whole = [matrix for matrix in matrices if matrix is not None]
    if len(whole) == len(folds) and None not in exact:
        mean = sum(cast(list[Fraction], exact), Fraction(0)) / len(folds)
        note = ""
        if cell.quantity in RATES:
            pooled = RATES[cell.quantity](Matrix(*(sum(counts, Fraction(0)) for counts in zip(*whole, strict=True))))
            fits = pooled is not None and _printed(spec, table, cell).fits(pooled)
            note = f"; the rate of all counts together {'fits too' if fits else 'does not fit'}"
        return _compared(spec, table, cell, "mean", mean, f"mean of the {len(folds)} folds{note}")
    printed = [table.rows[fold][cell.column] for fold in folds if cell.column in table.rows[fold]]
    if len(printed) < len(folds):
        return _check(cell, "mean", "", "not all folds are printed", "unchecked")
    middle = sum((each.number for each in printed), Fraction(0)) / len(printed)
    # A printed fold lies within half a unit of its last place, or up to a unit below if digits were cut; so does a mean.
    unit = Fraction(1, 10**places)
    low, high = (middle, middle + unit) if table.cut else (middle - unit / 2, middle + unit / 2)
    above = unit if table.cut else unit / 2
    fits = cell.number - unit / 2 <= high and low <= cell.number + above
    rule = f"mean of the {len(folds)} printed folds, which are {'cut' if table.cut else 'rounded'} themselves"
    verdict: Verdict = "agrees" if middle == cell.number else "rounds" if fits else "disagrees"
    return _check(cell, "mean", show_number(middle, places + 2), rule, verdict)


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
        cells = [cell for cell in table.rows[row].values() if cell.quantity in (COUNTS | RATES)]
        printed = tuple((cell.quantity, _printed(spec, table, cell)) for cell in cells)
        sizes = {COUNTS[name](matrix) for matrix in _fits(printed, tuple(_sizes(spec, table, row).items()))}
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
                yield replace(_check(cell, "grows", f"> {above.text}", "grows from row to row", verdict), kind="bound")


def unchecked_cells(spec: Spec, checks: Sequence[Check]) -> list[Check]:
    """One entry per column whose numbers no check concerns: they are tied to nothing."""
    tied = {reference for tie in spec.ties for side in ("left", "right") for reference in tie[side]}
    ordered = {(given["table"], column) for given in spec.increasing for column in given["columns"]}
    loose: dict[tuple[str, str], int] = {}
    for cell in spec.cells():
        if cell.quantity not in (COUNTS | RATES) and cell.id not in tied and (cell.table, cell.column) not in ordered:
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


def _sizes(spec: Spec, table: SpecTable, row: str) -> dict[str, int]:
    """Class sizes of a row: whole numbers, or references to numbers elsewhere."""
    found: dict[str, int] = {}
    for given in spec.sizes:
        if given.get("table") == table.name and str(given.get("row", row)) in (row, *table.keys[row]):
            for name in set(given) & set(COUNTS):
                size = given[name]
                found[name] = int(spec.cell(size).number if isinstance(size, str) else size)
    return found


def _printed(spec: Spec, table: SpecTable, cell: SpecCell) -> Printed:
    places = table.places(cell.column)
    if cell.quantity in COUNTS or not spec.percent:
        return Printed(cell.number, places, table.cut)
    return Printed(cell.number / 100, places + 2, table.cut)


def _compared(spec: Spec, table: SpecTable, cell: SpecCell, tie: str, exact: Fraction, rule: str) -> Check:
    printed = _printed(spec, table, cell)
    scale = 100 if spec.percent and cell.quantity in RATES else 1
    shown = show_number(exact * scale, table.places(cell.column) + 2)
    return _check(cell, tie, shown, rule, printed.verdict(exact))


def _check(cell: SpecCell, tie: str, recomputed: str, rule: str, verdict: Verdict) -> Check:
    where = f"{cell.table}, {cell.row}: {cell.column}"
    return Check(f"{cell_slug(cell)}/{tie}", where, cell.text, recomputed, rule, verdict, kind="equation")


def _explained(check: Check, spec: Spec) -> Check:
    known = spec.known.get(check.id)
    if check.verdict != "disagrees" or known is None or known.get("printed", check.printed) != check.printed:
        return check
    grade = cast(Grade, known.get("grade", "contradicts"))
    return check.explained(grade, known.get("explanation", ""), known.get("evidence", ""))
