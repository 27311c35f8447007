"""Read the counts that the paper prints: right and wrong images and patients, and sizes of folds (Tables 2 to 9).

Taught in chapters 05 and 06.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from covidlib.paper.tables import AVERAGE, NETWORK_NAMES, count_heads, network_name, table_numbers
from covidlib.results.metrics import Counts


def counts_of_row(row: pd.Series, number: int = 9) -> Counts:
    """The four counts in a printed row of Table 9, or of Table 6."""
    return Counts(*(int(row[head]) for head in count_heads(number)))


def printed_fold_counts() -> dict[str, list[Counts]]:
    """The printed counts of each network, fold after fold (Table 9)."""
    return _by_network(9)


def printed_patient_counts() -> dict[str, list[Counts]]:
    """The printed counts of patients of each network, fold after fold (Table 6)."""
    return _by_network(6)


def _by_network(number: int) -> dict[str, list[Counts]]:
    printed = table_numbers(number)
    return {
        network_name(str(name)): [counts_of_row(row, number) for _, row in own.iterrows()]
        for name, own in printed[printed["Fold"] != AVERAGE].groupby("Network", sort=False)
    }


def printed_at_thresholds() -> dict[tuple[int, str], Counts]:
    """The printed counts of patients of fold 1, for thresholds 1 and 2 and each network (Table 5)."""
    rows = table_numbers(5).set_index("Threshold")
    return {
        (threshold, network): Counts(
            *(int(rows[f"{printed}: {head}"][f"Threshold{threshold}"]) for head in count_heads(5))
        )
        for threshold in (1, 2)
        for printed, network in NETWORK_NAMES.items()
    }


def under_printed_names(of_networks: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the names of networks, as keys, with the names that the paper prints."""
    return {printed: of_networks[network] for printed, network in NETWORK_NAMES.items()}
