"""Check the rows of another paper's tables: counts, rates, and averages over folds. Taught in chapter 08."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import cast

from covidlib.audit.check import Check
from covidlib.audit.exact_numbers import Verdict, show_number
from covidlib.audit.spec_file import Spec, SpecCell, SpecTable, cell_slug
from covidlib.audit.spec_matrix import COUNTS, QUANTITIES, RATES, Matrix, Printed, complete, fitting

FEW = 3
"""So many fitting matrices are shown in full."""


def row_checks(spec: Spec, explain: bool = True) -> Iterator[Check]:
    """Check each row that is no average: its counts among themselves, and its rates against its counts."""
    for table in spec.tables.values():
        for row in table.rows:
            if not table.folds_of(row):
                yield from _row(spec, table, row, explain)


def row_matrix(spec: Spec, table: SpecTable, row: str) -> tuple[Matrix | None, set[str]]:
    """The confusion matrix of a row, if its counts and class sizes determine it, and what it was computed from."""
    known = {name: Fraction(size) for name, size in sizes_of(spec, table, row).items()}
    printed: dict[str, Fraction] = {}
    for cell in table.rows[row].values():
        if cell.quantity in COUNTS:
            # Of a count that is printed twice the first is taken, and the second compared with it.
            printed.setdefault(cell.quantity, cell.number)
    # Counts of the row come before sizes from elsewhere, which are then compared.
    return complete({**printed, **{name: size for name, size in known.items() if name not in printed}})


def _row(spec: Spec, table: SpecTable, row: str, explain: bool) -> Iterator[Check]:
    cells = [cell for cell in table.rows[row].values() if cell.quantity in QUANTITIES]
    if not cells:
        return
    matrix, used = row_matrix(spec, table, row)
    if matrix is None:
        yield _search(spec, table, row, cells, explain)
        return
    sizes = sizes_of(spec, table, row)
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
        exact = QUANTITIES[cell.quantity](matrix)
        rule = f"{cell.quantity.replace('_', ' ')} of tp {_shown(matrix)}"
        if exact is None:
            yield cell_check(cell, "row", "0 ÷ 0", rule, "unchecked")
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
    sizes = sizes_of(spec, table, row)
    printed = tuple((cell.quantity, printed_of(spec, table, cell)) for cell in cells)
    shown = ", ".join(f"{cell.quantity} {cell.text}" for cell in cells)
    id = f"{cell_slug(cells[0]).rpartition('/')[0]}/together/search"
    where, size = f"{table.name}, {row}", ", ".join(f"{name} {count}" for name, count in sizes.items())
    try:
        found = fits(printed, tuple(sizes.items()))
    except ValueError as error:
        return Check(id, where, shown, "", f"no counts are printed, and {error}", "unchecked")
    rule = f"every pair of counts with {size} was tried against the printed rates"
    if found:
        few = "; ".join(f"tp {_shown(matrix)}" for matrix in found[:FEW])
        return Check(id, where, shown, f"{len(found)} counts fit: {few}", rule, "agrees", kind="equation")
    without = [
        name
        for at, (name, _) in enumerate(printed if explain else ())
        if fits(printed[:at] + printed[at + 1 :], tuple(sizes.items()))
    ]
    told = f"; they would fit without {' or without '.join(without)}" if without else ""
    return Check(id, where, shown, "no counts fit", rule + told, "disagrees", kind="equation")


@lru_cache(maxsize=4096)
def fits(printed: tuple[tuple[str, Printed], ...], sizes: tuple[tuple[str, int], ...]) -> tuple[Matrix, ...]:
    """Every matrix that fits printed rates; as tuples, so that a row is searched once."""
    return tuple(fitting(dict(printed), dict(sizes)))


def average_checks(spec: Spec) -> Iterator[Check]:
    """Check each average row: counts and rates are the mean of the folds; the rules say whether pooling fits too."""
    for table in spec.tables.values():
        for row, cells in table.rows.items():
            folds = table.folds_of(row)
            for cell in cells.values() if folds else ():
                if cell.quantity in QUANTITIES:
                    yield _average(spec, table, folds, cell)


def _average(spec: Spec, table: SpecTable, folds: Sequence[str], cell: SpecCell) -> Check:
    matrices = [row_matrix(spec, table, fold)[0] for fold in folds]
    exact = [QUANTITIES[cell.quantity](matrix) for matrix in matrices if matrix is not None]
    places = table.places(cell.column)
    whole = [matrix for matrix in matrices if matrix is not None]
    if len(whole) == len(folds) and None not in exact:
        mean = sum(cast(list[Fraction], exact), Fraction(0)) / len(folds)
        note = ""
        if cell.quantity in RATES:
            pooled = RATES[cell.quantity](Matrix(*(sum(counts, Fraction(0)) for counts in zip(*whole, strict=True))))
            fits = pooled is not None and printed_of(spec, table, cell).fits(pooled)
            note = f"; the rate of all counts together {'fits too' if fits else 'does not fit'}"
        return _compared(spec, table, cell, "mean", mean, f"mean of the {len(folds)} folds{note}")
    printed = [table.rows[fold][cell.column] for fold in folds if cell.column in table.rows[fold]]
    if len(printed) < len(folds):
        return cell_check(cell, "mean", "", "not all folds are printed", "unchecked")
    middle = sum((each.number for each in printed), Fraction(0)) / len(printed)
    # A printed fold is off by half a unit of its last place, or by up to one unit if digits were cut; so is the mean.
    unit = Fraction(1, 10**places)
    low, high = (middle, middle + unit) if table.cut else (middle - unit / 2, middle + unit / 2)
    above = unit if table.cut else unit / 2
    fits = cell.number - unit / 2 <= high and low <= cell.number + above
    rule = f"mean of the {len(folds)} printed folds, which are {'cut' if table.cut else 'rounded'} themselves"
    verdict: Verdict = "agrees" if middle == cell.number else "rounds" if fits else "disagrees"
    return cell_check(cell, "mean", show_number(middle, places + 2), rule, verdict)


def sizes_of(spec: Spec, table: SpecTable, row: str) -> dict[str, int]:
    """Class sizes of a row: whole numbers, or references to numbers elsewhere."""
    found: dict[str, int] = {}
    for given in spec.sizes:
        if given.get("table") == table.name and str(given.get("row", row)) in (row, *table.keys[row]):
            for name in set(given) & set(COUNTS):
                size = given[name]
                found[name] = int(spec.cell(size).number if isinstance(size, str) else size)
    return found


def printed_of(spec: Spec, table: SpecTable, cell: SpecCell) -> Printed:
    """The printed number as a share or a count, with the precision of its column."""
    places = table.places(cell.column)
    if cell.quantity in COUNTS or not spec.percent:
        return Printed(cell.number, places, table.cut)
    return Printed(cell.number / 100, places + 2, table.cut)


def _compared(spec: Spec, table: SpecTable, cell: SpecCell, tie: str, exact: Fraction, rule: str) -> Check:
    printed = printed_of(spec, table, cell)
    scale = 100 if spec.percent and cell.quantity in RATES else 1
    shown = show_number(exact * scale, table.places(cell.column) + 2)
    return cell_check(cell, tie, shown, rule, printed.verdict(exact))


def cell_check(cell: SpecCell, tie: str, recomputed: str, rule: str, verdict: Verdict) -> Check:
    """The record of a check of one number."""
    where = f"{cell.table}, {cell.row}: {cell.column}"
    return Check(f"{cell_slug(cell)}/{tie}", where, cell.text, recomputed, rule, verdict, kind="equation")
