"""Read the description of another two-class paper's tables from a YAML file (`covidlib audit --spec FILE.yaml`).

The format is described in the book's page on auditing another paper; examples are in covidlib/data/audit/specs. Taught
in chapter 08.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from covidlib.audit.exact_numbers import decimals, parse_number
from covidlib.audit.printed_tables import slug
from covidlib.audit.spec_matrix import COUNTS, RATES
from covidlib.errors import InputError
from covidlib.utils.files import check_file

ROW, TEXT, OTHER = "row", "text", "number"
"""What a column can be besides a count or a rate: a part of the row's name, words, or a number for ties only."""
KEYS = {"paper", "percent", "tables", "sizes", "over_folds", "ties", "increasing", "known"}
REMEDY = "Write the file in the form of those in covidlib/data/audit/specs"


@dataclass(frozen=True)
class SpecCell:
    """One printed number: its table, row, column, quantity and text."""

    table: str
    row: str
    column: str
    quantity: str
    text: str

    @property
    def id(self) -> str:
        """The cell's name in ties and checks."""
        return f"{self.table}/{self.row}/{self.column}"

    @cached_property
    def number(self) -> Fraction:
        """The number as printed, without a percent sign."""
        return parse_number(self.text.removesuffix("%").strip())

    @property
    def places(self) -> int:
        """Digits after the point."""
        return decimals(self.text.removesuffix("%").strip())


@dataclass(frozen=True)
class SpecTable:
    """A table: what its columns are, its cells row by row, and the name of its average rows.

    `cut` says that digits were cut where others round, `digits` how many are meant where zeros were added.
    """

    name: str
    columns: Mapping[str, str]
    rows: Mapping[str, Mapping[str, SpecCell]]
    keys: Mapping[str, tuple[str, ...]]
    average: str = ""
    cut: bool = False
    digits: int | None = None

    def places(self, column: str) -> int:
        """Printed precision of a column: `digits` if given, otherwise most digits after the point."""
        if self.digits is not None:
            return self.digits
        return max(cells[column].places for cells in self.rows.values() if column in cells)

    def folds_of(self, row: str) -> list[str]:
        """The rows that an average row is the average of; none, if it is not one."""
        key = self.keys[row]
        if not self.average or self.average not in key:
            return []
        at = key.index(self.average)
        rest = key[:at] + key[at + 1 :]
        return [name for name, other in self.keys.items() if name != row and other[:at] + other[at + 1 :] == rest]


@dataclass(frozen=True)
class Spec:
    """A paper's tables, and how they tie."""

    paper: Mapping[str, str]
    percent: bool
    tables: Mapping[str, SpecTable]
    sizes: Sequence[Mapping[str, Any]] = ()
    over_folds: Sequence[Mapping[str, Any]] = ()
    ties: Sequence[Mapping[str, Any]] = ()
    increasing: Sequence[Mapping[str, Any]] = ()
    known: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def cells(self) -> Iterator[SpecCell]:
        """Every printed number."""
        for table in self.tables.values():
            for cells in table.rows.values():
                yield from cells.values()

    def cell(self, id: str) -> SpecCell:
        """Look up a number by its id, "table/row/column".

        Raises
        ------
        InputError
            If there is none.
        """
        name, _, rest = id.partition("/")
        row, _, column = rest.partition("/")
        try:
            return self.tables[name].rows[row][column]
        except KeyError as error:
            raise InputError(id, "names no number of the tables", "Write table/row/column as in the tables") from error

    def replaced(self, changed: SpecCell) -> Spec:
        """Copy the tables with one number changed."""
        table = self.tables[changed.table]
        rows = {**table.rows, changed.row: {**table.rows[changed.row], changed.column: changed}}
        return replace(self, tables={**self.tables, table.name: replace(table, rows=rows)})


def examples() -> dict[str, Path]:
    """The descriptions in the package by name: of this paper, and of three others."""
    folder = Path(str(files("covidlib") / "data" / "audit" / "specs"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_spec(path: str | Path) -> Spec:
    """Read a description from a YAML file, or one of the package's by its name.

    Raises
    ------
    InputError
        If it is not such a file; the message names the key, the table or the row.
    """
    import yaml

    if str(path) in examples():
        path = examples()[str(path)]
    check_file(path, f"Name a YAML file, or one of {', '.join(examples())}")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not YAML ({str(error).splitlines()[0]})", REMEDY) from error
    if not isinstance(content, dict) or not isinstance(content.get("tables"), dict) or not content["tables"]:
        raise InputError(path, "has no tables", REMEDY)
    if unknown := set(map(str, content)) - KEYS:
        raise InputError(path, f"unknown key {min(unknown)!r}, expected {', '.join(sorted(KEYS))}", REMEDY)
    tables = {str(name): _table(path, str(name), given) for name, given in content["tables"].items()}
    rest = {key: content[key] for key in KEYS - {"paper", "percent", "tables"} if content.get(key)}
    return Spec(content.get("paper") or {}, bool(content.get("percent")), tables, **rest)


def _table(path: str | Path, name: str, given: Any) -> SpecTable:
    if not isinstance(given, dict) or not isinstance(given.get("columns"), dict) or "rows" not in given:
        raise InputError(path, f"table {name} has no columns or no rows", REMEDY)
    columns = {str(column): str(quantity) for column, quantity in given["columns"].items()}
    kinds = {ROW, TEXT, OTHER, *COUNTS, *RATES}
    for column, quantity in columns.items():
        if quantity not in kinds:
            problem = (
                f"table {name}, column {column}: unknown quantity {quantity!r}, expected {', '.join(sorted(kinds))}"
            )
            raise InputError(path, problem, REMEDY)
    rows: dict[str, dict[str, SpecCell]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for line in csv.reader(str(given["rows"]).strip().splitlines(), skipinitialspace=True):
        if len(line) != len(columns):
            raise InputError(path, f"table {name}, row {line[:2]}: {len(line)} cells, expected {len(columns)}", REMEDY)
        cells = dict(zip(columns, (text.strip() for text in line), strict=True))
        key = tuple(text for column, text in cells.items() if columns[column] == ROW)
        row = " ".join(key)
        if not row or row in rows:
            raise InputError(path, f"table {name}: two rows, or a row without a name: {row!r}", REMEDY)
        keys[row] = key
        rows[row] = {
            column: _cell(path, SpecCell(name, row, column, columns[column], text))
            for column, text in cells.items()
            if columns[column] not in (ROW, TEXT) and text not in ("", "-", "–")
        }
    return SpecTable(
        name, columns, rows, keys, str(given.get("average", "")), bool(given.get("cut")), given.get("digits")
    )


def _cell(path: str | Path, cell: SpecCell) -> SpecCell:
    try:
        parse_number(cell.text.removesuffix("%").strip())
    except ValueError as error:
        raise InputError(path, f"table {cell.table}, row {cell.row}, column {cell.column}: {error}", REMEDY) from error
    return cell


def cell_slug(cell: SpecCell) -> str:
    """The cell's id for programs."""
    return "/".join(slug(part) for part in (cell.table, cell.row, cell.column))
