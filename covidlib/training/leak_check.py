"""Check a split for leaks: no patient, and no copy of a slice, may be on two sides (paper, section 2.4).

Slices of one patient resemble each other: with one slice in the training set and its neighbour in the test set, the
test would measure memory, not diagnosis. Taught in chapters 04 and 09.
"""

from __future__ import annotations

import pandas as pd

from covidlib.errors import InputError


def leaks(split: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Find the leaks of a split: patients, and slices with the same content, on more than one side.

    Parameters
    ----------
    split : dict
        Tables with columns path and patient, and content where it is known, under the names of the sides.

    Returns
    -------
    DataFrame
        Columns kind ("patient" or "content"), what, sides; empty for a split without leaks.
    """
    rows = pd.concat([table.assign(side=side) for side, table in split.items()], ignore_index=True)
    leaking = []
    for kind in ("patient", "content"):
        if kind in rows:
            sides = rows.groupby(kind, sort=False)["side"].unique()
            leaking += [(kind, what, " and ".join(on)) for what, on in sides.items() if len(on) > 1]
    return pd.DataFrame(leaking, columns=["kind", "what", "sides"])


def check_no_leak(split: dict[str, pd.DataFrame], allow: bool = False) -> int:
    """Refuse a split that leaks, unless leaks are allowed; returns the number of leaks.

    Raises
    ------
    InputError
        Naming the first patient or content, its sides, and the number of leaks.
    """
    leaking = leaks(split)
    if len(leaking) and not allow:
        first = leaking.iloc[0]
        raise InputError(
            first["what"],
            f"is in {first['sides']} ({len(leaking)} leaks in all)",
            "Split by patient, never by slice; to repeat the paper's own validation, add --allow-leak",
        )
    return len(leaking)
