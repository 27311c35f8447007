"""The paper's networks against each other from its printed counts alone: bounds of McNemar's p (Tables 5, 6 and 9).

Taught in chapters 05 and 06.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import pandas as pd

from covidlib.pairs import LABELS_AND_ALL, mcnemar_bounds, tolerated_design_effect
from covidlib.paper import NETWORK_NAMES, table_numbers

Errors = Mapping[str, pd.DataFrame]
"""For each network, by its printed name: columns fold, label, wrong, total."""


def table9_errors() -> dict[str, pd.DataFrame]:
    """Wrong test images of each network, fold and class (Table 9). Taught in chapter 05."""
    return _by_network(
        table_numbers(9),
        {
            "covid": ("COVID not classified", "COVID correct classified"),
            "normal": ("Normal not classified", "Normal correct classified"),
        },
    )


def table6_errors() -> dict[str, pd.DataFrame]:
    """Wrong patients of each network, fold and class at threshold 2 (Table 6). Taught in chapter 06."""
    return _by_network(
        table_numbers(6),
        {
            "covid": ("Wrong identified as normal", "COVID correct identified"),
            "normal": ("Wrong identified as COVID", "Normal correct identified"),
        },
    )


def _by_network(printed: pd.DataFrame, columns: dict[str, tuple[str, str]]) -> dict[str, pd.DataFrame]:
    folds = printed[printed["Fold"] != "Avg"]
    return {network: _errors(folds[folds["Network"] == network], columns) for network in NETWORK_NAMES}


def _errors(rows: pd.DataFrame, columns: dict[str, tuple[str, str]]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"fold": rows["Fold"], "label": label, "wrong": rows[wrong], "total": rows[wrong] + rows[right]})
        for label, (wrong, right) in columns.items()
    ]
    return pd.concat(tables, ignore_index=True).astype({"wrong": int, "total": int})


def table5_errors(threshold: int) -> dict[str, pd.DataFrame]:
    """Wrong patients of each network in fold 1 at threshold 1 or 2 (Table 5). Taught in chapter 06.

    Raises
    ------
    ValueError
        If the paper has no such threshold.
    """
    printed = table_numbers(5)
    row = printed[printed["Threshold"] == f"Threshold{threshold}"].assign(Fold="1")
    if row.empty:
        raise ValueError(f"Table 5 has thresholds 1 and 2, not {threshold}")
    return {
        network: _errors(
            row,
            {
                "covid": (f"{network}: Wrong detected as Normal", f"{network}: COVID correct detected"),
                "normal": (f"{network}: Wrong detected as COVID", f"{network}: Normal correct detected"),
            },
        )
        for network in NETWORK_NAMES
    }


def pair_bounds(errors: Errors) -> pd.DataFrame:
    """Bounds of McNemar's exact p for each pair of networks and each class. Taught in chapters 05 and 06.

    Two warnings go with them. Most normal patients are tested in four of the five folds, by differently trained
    networks, and are counted each time; and slices of one patient are not independent. Both make p too small, so a
    largest p below 0.05 is not yet a proof, but a smallest p above it shows that nothing was found.

    Parameters
    ----------
    errors : dict of DataFrame
        As `table9_errors`, `table6_errors` and `table5_errors` return them.

    Returns
    -------
    DataFrame
        Columns first, second, label ("covid", "normal" or "all"), n, first_wrong, second_wrong, both_wrong_least,
        both_wrong_most, p_smallest, p_largest, tolerated_design_effect (at the largest p).
    """
    rows = []
    for first, second in combinations(errors, 2):
        for label in LABELS_AND_ALL:
            one, other = (errors[name][(errors[name]["label"] == label) | (label == "all")] for name in (first, second))
            bounds = mcnemar_bounds(one["wrong"].tolist(), other["wrong"].tolist(), one["total"].tolist())
            wrong = int(one["wrong"].sum()), int(other["wrong"].sum())
            alone = [count - bounds.both_wrong_least for count in wrong]
            rows.append(
                {"first": first, "second": second, "label": label, "n": int(one["total"].sum())}
                | {"first_wrong": wrong[0], "second_wrong": wrong[1], **bounds._asdict()}
                | {"tolerated_design_effect": tolerated_design_effect(*alone)}
            )
    return pd.DataFrame(rows)
