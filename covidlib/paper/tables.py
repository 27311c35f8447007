"""Read the paper's nine tables as printed, as strings or as numbers (Tables 1 to 9).

Printed values are data here: nothing in the package computes or changes them. Values derived from them are computed
elsewhere and shown beside them. Taught in chapters 01, 04, 05 and 06.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import pandas as pd

from covidlib.errors import InputError
from covidlib.names import NETWORKS
from covidlib.utils import csv_files

TABLES = range(1, 10)
NETWORK_NAMES = dict(zip(("Xception", "ResNet50V2", "Our model"), NETWORKS, strict=True))
"""The paper's name of each network, and the name used here; "our model" is the paper's network with the pyramid."""

AVERAGE = "Avg"
"""The entry in the fold column of Tables 6 and 9 in the rows of means."""
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
"""For each table of counts and each class, the headings of right and wrong answers; in Table 5 the network precedes."""


def count_heads(number: int) -> list[str]:
    """The headings of the four counts in Table 5, 6 or 9, in the order of `covidlib.results.metrics.Counts`."""
    return [head for heads in COUNT_HEADS[number].values() for head in heads]


def network_name(printed: str) -> str:
    """The name used in covidlib for a network as the paper prints it; Table 8 prints "Our Model".

    Raises
    ------
    InputError
        If the paper has no such network.
    """
    for theirs, ours in NETWORK_NAMES.items():
        if theirs.lower() == printed.lower():
            return ours
    raise InputError(printed, "not a network of the paper", f"Choose one of {', '.join(NETWORK_NAMES)}")


def table(number: int) -> pd.DataFrame:
    """Read a table of the paper as printed, every value as a string.

    Raises
    ------
    InputError
        If the paper has no such table.
    """
    if number not in TABLES:
        raise InputError(f"Table {number}", "the paper has no such table", "Choose 1 to 9")
    with as_file(files("covidlib") / "data" / "paper" / f"table{number}.csv") as path:
        return read_table(path)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table from a CSV file in the form of those of the package, every value as a string.

    Raises
    ------
    InputError
        As `covidlib.utils.csv_files.read_table`.
    """
    remedy = "Name a folder with table1.csv to table9.csv in the form of those in covidlib/data/paper"
    return csv_files.read_table(path, remedy)


def table_numbers(number: int) -> pd.DataFrame:
    """Read a table of the paper with its numbers as numbers ("40,094" is 40094).

    Columns that contain anything but numbers remain strings.

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
