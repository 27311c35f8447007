"""What the paper printed: its nine tables, as strings and as numbers (Tables 1 to 9).

Printed values are data here. Nothing in the package computes them and nothing changes them; what can be derived from
them again is derived elsewhere and shown beside them. Taught in chapters 01, 04, 05 and 06.
"""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

from covidlib.errors import InputError
from covidlib.protocols import NETWORKS

NETWORK_NAMES = dict(zip(("Xception", "ResNet50V2", "Our model"), NETWORKS, strict=True))
"""The paper's name of each network, and the one used here: "our model" is the paper's own, the pyramid."""


def network_name(printed: str) -> str:
    """The name used here for a network as the paper prints it; Table 8 writes "Our Model". Taught in chapter 03.

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
    """A table of the paper as printed, every value a string. Taught in chapter 01.

    Raises
    ------
    InputError
        If the paper has no such table.
    """
    source = files("covidlib") / "data" / "paper" / f"table{number}.csv"
    if not source.is_file():
        raise InputError(f"Table {number}", "is not in the paper", "Choose 1 to 9")
    with source.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str)


def table_numbers(number: int) -> pd.DataFrame:
    """A table of the paper with its numbers as numbers ("40,094" is 40094). Taught in chapter 01.

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
