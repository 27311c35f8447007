"""Read the CSV files that users give: lists, labels and tables, often saved by a spreadsheet program.

Only what has one meaning is read: UTF-8, with or without a byte order mark, any line ends, columns separated by commas.
Other separators and encodings are refused by name: a semicolon may come with decimal commas, and no file says which
encoding it has.
"""

from __future__ import annotations

import codecs
import csv
import difflib
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd

from covidlib.errors import InputError
from covidlib.utils.file_kinds import file_kind
from covidlib.utils.files import check_file

SEPARATORS = {";": "semicolons", "\t": "tabs"}
SAVE_AS_CSV = "Save it as CSV in UTF-8"


class OtherTable(InputError):
    """A CSV file without the wanted columns."""


def read_table(path: Path, remedy: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file with a row of headings; every value is a string, without blanks at its ends.

    Parameters
    ----------
    remedy : str
        What to do if the file is missing or is something else.
    columns : sequence of str
        Headings that must be there; others may be.

    Raises
    ------
    OtherTable
        If some of the columns are missing.
    InputError
        If the file is missing or empty, is not CSV in UTF-8 with commas, a row is too short or too long, or two columns
        have the same name.
    """
    text = _text(path, remedy)
    try:
        lines = [[cell.strip() for cell in line] for line in csv.reader(StringIO(text, newline=""), strict=True)]
    except csv.Error as error:
        raise InputError(path, f"cannot be read as CSV ({error})", remedy) from error
    lines = [line for line in lines if any(line)]
    if not lines:
        raise InputError(path, "is empty", remedy)
    head, *rows = lines
    _check_separator(path, head)
    for place, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise InputError(path, f"row {place} has {len(row)} cells, expected {len(head)}", remedy)
    if len(set(head)) < len(head):
        raise InputError(path, "two columns have the same name", remedy)
    missing = [column for column in columns if column not in head]
    if missing:
        what = f"column {missing[0]} is" if len(missing) == 1 else f"columns {' and '.join(missing)} are"
        raise OtherTable(path, f"the {what} missing", remedy)
    return pd.DataFrame(rows, columns=head, dtype=str)


def check_words(path: Path, table: pd.DataFrame, column: str, known: Sequence[str]) -> None:
    """Refuse a column of a table with other words than the known ones.

    Raises
    ------
    InputError
        Naming the first other word, its row, and the known word that it resembles.
    """
    other = ~table[column].isin(known)
    if other.any():
        row = int(other.to_numpy().argmax())
        word = table[column].iloc[row]
        alike = difflib.get_close_matches(word.lower(), known, n=1)
        remedy = f"Write {alike[0]}" if alike else f"Write one of {', '.join(known)}"
        raise InputError(path, f"row {row + 1} has the {column} {word!r}", remedy)


def _text(path: Path, remedy: str) -> str:
    check_file(path, remedy)
    kind = file_kind(path)
    if kind == "a zip file":
        raise InputError(path, "is a zip file, as Excel workbooks are, not CSV", SAVE_AS_CSV)
    if kind:
        raise InputError(path, f"is {kind}", SAVE_AS_CSV if "Excel" in kind else remedy)
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise InputError(path, "is UTF-16 or no text, expected UTF-8", SAVE_AS_CSV)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(content[: error.start + 1].splitlines())
        problem = f"byte {content[error.start]:#04x} in line {line} is not UTF-8"
        raise InputError(path, f"{problem}: the file has another encoding, perhaps Latin-1", SAVE_AS_CSV) from error


def _check_separator(path: Path, head: list[str]) -> None:
    found = [name for separator, name in SEPARATORS.items() if any(separator in cell for cell in head)]
    if len(head) == 1 and found:
        raise InputError(path, f"its columns are separated by {found[0]}", "Save it with commas")
