"""What the paper printed: its nine tables, as strings and as numbers (Tables 1 to 9).

Printed values are data here. Nothing in the package computes them and nothing changes them; what can be derived from
them again is derived elsewhere and shown beside them. Taught in chapters 01, 04, 05 and 06.
"""

from __future__ import annotations

import csv
from importlib.resources import as_file, files
from pathlib import Path

import pandas as pd

from covidlib.errors import InputError
from covidlib.names import NETWORKS

TABLES = range(1, 10)
NETWORK_NAMES = dict(zip(("Xception", "ResNet50V2", "Our model"), NETWORKS, strict=True))
"""The paper's name of each network, and the one used here: "our model" is the paper's own, the pyramid."""

AVERAGE = "Avg"
"""What Tables 6 and 9 print for the fold in the rows of means."""
COUNT_HEADS = {
    5: {
        "covid": ("COVID correct detected", "Wrong detected as Normal"),
        "normal": ("Normal correct detected", "Wrong detected as COVID"),
    },
    6: {
        "covid": ("COVID correct identified", "Wrong identified as normal"),
        "normal": ("Normal correct identified", "Wrong identified as COVID"),
    },
    9: {
        "covid": ("COVID correct classified", "COVID not classified"),
        "normal": ("Normal correct classified", "Normal not classified"),
    },
}
"""For each table of counts and each class, the heads of its right and wrong answers; Table 5 has the network before."""


def count_heads(number: int) -> list[str]:
    """The heads of Table 5, 6 or 9 over the four counts, in the order of `covidlib.results.metrics.Counts`."""
    return [head for heads in COUNT_HEADS[number].values() for head in heads]


def network_name(printed: str) -> str:
    """The name used here for a network as the paper prints it; Table 8 writes "Our Model".

    Raises
    ------
    InputError
        If the paper compares no such network.
    """
    for theirs, ours in NETWORK_NAMES.items():
        if theirs.lower() == printed.lower():
            return ours
    raise InputError(printed, "is no network of the paper", f"Choose one of {', '.join(NETWORK_NAMES)}")


def table(number: int) -> pd.DataFrame:
    """A table of the paper as printed, every value a string.

    Raises
    ------
    InputError
        If the paper has no such table.
    """
    if number not in TABLES:
        raise InputError(f"Table {number}", "is not in the paper", "Choose 1 to 9")
    with as_file(files("covidlib") / "data" / "paper" / f"table{number}.csv") as path:
        return read_table(path)


def read_table(path: Path) -> pd.DataFrame:
    """A table from a CSV file in the form of the package's own, every value a string.

    Raises
    ------
    InputError
        If the file cannot be read as CSV, a row is too short or too long, or two columns have one name.
    """
    remedy = "Give a folder with table1.csv to table9.csv, as covidlib/data/paper holds them"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [[text.strip() for text in line] for line in csv.reader(stream, strict=True) if line]
    except FileNotFoundError as error:
        raise InputError(path, "does not exist", remedy) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"cannot be read as CSV ({error})", remedy) from error
    if not lines:
        raise InputError(path, "is empty", remedy)
    head, *rows = lines
    for place, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise InputError(path, f"row {place} has {len(row)} cells, expected {len(head)}", remedy)
    if len(set(head)) < len(head):
        raise InputError(path, "names a column twice", remedy)
    return pd.DataFrame(rows, columns=head, dtype=str)


def table_numbers(number: int) -> pd.DataFrame:
    """A table of the paper with its numbers as numbers ("40,094" is 40094).

    Columns that hold anything but numbers keep their strings.

    Raises
    ------
    InputError
        If the paper has no such table.
    """
    printed = table(number)

    def as_numbers(column: pd.Series) -> pd.Series:
        numbers = pd.to_numeric(column.str.replace(",", ""), errors="coerce")
        return column if numbers.isna().any() else numbers

    return printed.apply(as_numbers)
