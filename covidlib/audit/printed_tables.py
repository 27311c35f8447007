"""Read the nine printed tables cell by cell, from the package or from a folder of CSV files (Tables 1–9).

Taught in chapter 08.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import cast

from covidlib.audit.exact_numbers import decimals, parse_number
from covidlib.audit.linear import Sum
from covidlib.errors import InputError
from covidlib.paper.tables import AVERAGE, TABLES, read_table
from covidlib.utils.files import check_folder

NETWORKS = ("Our model", "Xception", "ResNet50V2")
"""The three networks as Tables 5, 6 and 9 print them."""
FOLDS = ("1", "2", "3", "4", "5")
NAMES_OF_ROWS = {
    1: ["Quantity"],
    2: ["Fold"],
    3: ["Training parameters"],
    4: ["Fold"],
    5: ["Threshold"],
    6: ["Fold", "Network"],
    8: ["Model name"],
    9: ["Fold", "Network"],
}
"""First columns of each table, which name its rows; Table 7 has none, so its rows are named by their position."""
UNITS = re.compile(r"[\d.,]+( s| ms|%)", re.ASCII)
READABLE_ROW = re.compile(r"^(?:(?P<word>Fold|Threshold)(?P<number>\d)$|(?P<fold>\d|Avg) )")
NOT_ZERO = (1, 2, 8)
"""Tables with numbers that are used as divisors: a zero in them is an error."""


@dataclass(frozen=True)
class Cell:
    """One printed cell: its table, row, column and text."""

    table: int
    row: str
    column: str
    text: str
    unit: str = ""

    @property
    def number(self) -> str:
        """The text without its unit."""
        return self.text.removesuffix(self.unit)

    @property
    def value(self) -> Fraction:
        """The number, exactly.

        Raises
        ------
        ValueError
            If the cell contains words.
        """
        return parse_number(self.number)

    @property
    def term(self) -> Sum:
        """The number as a sum that remembers the cell."""
        return Sum(self.value, {self.id: Fraction(1)})

    @cached_property
    def where(self) -> str:
        """The cell's place for readers: "Table 9, fold 1, Xception: COVID sensitivity"."""
        row = READABLE_ROW.sub(_readable, self.row)
        return f"Table {self.table}: {self.column}" if self.table == 1 else f"Table {self.table}, {row}: {self.column}"

    @cached_property
    def id(self) -> str:
        """The cell's id for programs: "t9/1-xception/covid-sensitivity"."""
        return f"t{self.table}/{slug(self.row)}/{slug(self.column)}"


def _readable(found: re.Match[str]) -> str:
    if found["word"]:
        return f"{found['word'].lower()} {found['number']}"
    return "average, " if found["fold"] == AVERAGE else f"fold {found['fold']}, "


@cache
def slug(text: str) -> str:
    """Lower-case letters and digits joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class PrintedTables:
    """All cells of Tables 1 to 9.

    Parameters
    ----------
    cells : dict
        (table, row, column) → cell.
    """

    def __init__(self, cells: dict[tuple[int, str, str], Cell]) -> None:
        self._cells = cells
        self._rows = {table: list(dict.fromkeys(row for of, row, _ in cells if of == table)) for table in TABLES}
        self._columns = {table: list(dict.fromkeys(name for of, _, name in cells if of == table)) for table in TABLES}

    def cell(self, table: int, row: str, column: str) -> Cell:
        """Look up a cell by its table, row ("Fold1", "1 Our model") and column heading."""
        return self._cells[table, row, column]

    def value(self, table: int, row: str, column: str) -> Fraction:
        """The exact number in a cell."""
        return self.cell(table, row, column).value

    def term(self, table: int, row: str, column: str) -> Sum:
        """The exact number in a cell, as a sum that remembers the cell."""
        return self.cell(table, row, column).term

    def places(self, table: int, column: str) -> int:
        """Printed precision of a column: most digits after the decimal point."""
        return max(decimals(self.cell(table, row, column).number) for row in self.rows(table))

    def rows(self, table: int) -> list[str]:
        """Names of a table's rows, in order."""
        return self._rows[table]

    def columns(self, table: int) -> list[str]:
        """Headings of a table's columns, without those that name the rows."""
        return self._columns[table]

    def all(self) -> list[Cell]:
        """Every cell, table after table, row after row."""
        return list(self._cells.values())

    def replaced(self, changed: Cell) -> PrintedTables:
        """Copy the tables with one cell changed."""
        return PrintedTables({**self._cells, (changed.table, changed.row, changed.column): changed})


@cache
def paper_tables() -> PrintedTables:
    """Read the tables as printed in the paper."""
    with as_file(files("covidlib") / "data" / "paper") as folder:
        tables = {number: _read(folder / f"table{number}.csv") for number in TABLES}
    cells = {}
    for number, (_, rows) in tables.items():
        for row, columns in rows.items():
            for column, text in columns.items():
                unit = UNITS.fullmatch(text)
                cells[number, row, column] = Cell(number, row, column, text, unit[1] if unit else "")
    return PrintedTables(cells)


def read_tables(folder: str | Path) -> PrintedTables:
    """Read nine CSV files, `table1.csv` to `table9.csv`, in the form of those in the package.

    Rows and columns may be in another order; their names, and the cells with numbers and their units, must match.

    Raises
    ------
    InputError
        If a file, row, column or cell is missing or unknown, or a cell does not contain the expected number.
    """
    check_folder(folder, "Name a folder with table1.csv to table9.csv")
    original, cells = paper_tables(), {}
    remedy = "Write the tables in the form of those in covidlib/data/paper"
    for number in TABLES:
        path = Path(folder) / f"table{number}.csv"
        head, rows = _read(path)
        if head != (named := NAMES_OF_ROWS.get(number, [])):
            raise InputError(path, f"the first columns are {', '.join(head)}, expected {', '.join(named)}", remedy)
        _same_names(path, "rows", original.rows(number), list(rows), remedy)
        for row in original.rows(number):
            _same_names(path, "columns", original.columns(number), list(rows[row]), remedy)
            for column in original.columns(number):
                known = original.cell(number, row, column)
                cell = Cell(number, row, column, rows[row][column], known.unit)
                if not cell.text:
                    raise InputError(path, f"row {row}, column {column} is empty", remedy)
                if _is_number(known) and not (cell.text.endswith(cell.unit) and _is_number(cell)):
                    expected = f"a number and the unit {cell.unit.strip()}" if cell.unit else "a number"
                    problem = f"row {row}, column {column} contains {cell.text[:40]!r}, expected {expected}"
                    raise InputError(path, problem, remedy)
                if number in NOT_ZERO and _is_number(known) and cell.value == 0:
                    raise InputError(path, f"row {row}, column {column} contains 0, expected a larger number", remedy)
                cells[number, row, column] = cell
    return PrintedTables(cells)


def _read(path: Path) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Read the headings of the columns that name the rows, and each row's other cells by column heading."""
    table = read_table(path)
    head = list(table.columns[: len(NAMES_OF_ROWS.get(int(path.stem.removeprefix("table")), []))])
    names = [" ".join(row) or f"row {place}" for place, row in enumerate(table[head].to_numpy().tolist(), start=1)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(path, f"two rows are named {twice[0]}", "Give each row a different name")
    cells = table.drop(columns=head).to_dict("records")
    return head, {name: cast(dict[str, str], row) for name, row in zip(names, cells, strict=True)}


def _same_names(path: Path, what: str, expected: list[str], found: list[str], remedy: str) -> None:
    for name in expected:
        if name not in found:
            raise InputError(path, f"missing {what.removesuffix('s')} {name}", remedy)
    for name in found:
        if name not in expected:
            raise InputError(path, f"unknown {what.removesuffix('s')} {name[:60]!r}", remedy)


def _is_number(cell: Cell) -> bool:
    try:
        return cell.value >= 0
    except ValueError:
        return False
