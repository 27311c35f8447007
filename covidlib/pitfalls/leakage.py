"""What it is worth to have seen the patient before: the same slices split by slice and by patient (section 2.4).

No network is needed: the nearest training slice answers. Neighbouring slices of one patient are nearly the same
picture, so a split by slice lets a classifier answer from memory. Taught in chapter 09.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

from covidlib.results.intervals import FoldDifference, corrected_t

SIDE = 32
"""Pixels of the pictures that are compared: what a glance at a contact sheet shows."""
TEST_SHARE = 0.2
REPEATS = 50


def pictures(root: str | Path, paths: Sequence[str], side: int = SIDE) -> np.ndarray:
    """Slices averaged down, at the lung window, one row each.

    Returns
    -------
    float32 array, shape (slices, side · side)
    """
    from covidlib.networks.inputs import load_images

    return load_images([Path(root) / path for path in paths], side, "lung-window").reshape(len(paths), -1)


def nearest_slice(
    rows: np.ndarray,
    slices: pd.DataFrame,
    split_by: Literal["slice", "patient"],
    repeats: int = REPEATS,
    seed: int = 2020,
) -> pd.DataFrame:
    """Accuracy of the answer "what the most similar training slice shows", over repeated random splits.

    Parameters
    ----------
    rows : float array, shape (slices, numbers)
        As `pictures`.
    slices : DataFrame
        Columns patient and label, one row a slice.
    split_by : "slice" or "patient"
        What is dealt at random: a fifth to the test, the rest to training.

    Returns
    -------
    DataFrame
        One row a split: repeat, accuracy, same_patient (share of test slices whose most similar training slice is of
        the same patient).
    """
    distance = cdist(rows, rows)
    patient, label = slices["patient"].to_numpy(), slices["label"].to_numpy()
    deals = (
        ShuffleSplit(repeats, test_size=TEST_SHARE, random_state=seed).split(rows)
        if split_by == "slice"
        else GroupShuffleSplit(repeats, test_size=TEST_SHARE, random_state=seed).split(rows, groups=patient)
    )
    found = []
    for repeat, (train, test) in enumerate(deals):
        nearest = train[distance[np.ix_(test, train)].argmin(axis=1)]
        right, same = label[nearest] == label[test], patient[nearest] == patient[test]
        found.append({"repeat": repeat, "accuracy": right.mean(), "same_patient": same.mean()})
    return pd.DataFrame(found)


def mean_of_splits(values: Sequence[float], against: float = 0.0) -> FoldDifference:
    """The mean over repeated random splits with its interval, and the p value against a fixed number.

    The splits share most of their slices, so they are corrected for it (Nadeau and Bengio 2003).

    Parameters
    ----------
    values : one a split
    against : float
        0.5 for the accuracy of a coin.

    Returns
    -------
    FoldDifference
        Its difference, low and high are moved back to the values.
    """
    found = corrected_t([value - against for value in values], TEST_SHARE / (1 - TEST_SHARE))
    return FoldDifference(found.difference + against, found.low + against, found.high + against, found.p_value)
