"""Data leakage: the same slices split by slice and by patient, with a nearest-neighbour classifier (section 2.4).

No network is needed: the most similar training slice gives the answer. Neighbouring slices of a patient are nearly the
same picture, so with a split by slice a classifier can answer from memory. Taught in chapter 09.
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
"""Side in pixels of the pictures that are compared, as small as on a contact sheet."""
TEST_SHARE = 0.2
REPEATS = 50


def pictures(root: str | Path, paths: Sequence[str], side: int = SIDE) -> np.ndarray:
    """Read slices as small pictures at lung window, one row per slice.

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
    """Measure the accuracy of a nearest-neighbour classifier over repeated random splits.

    Parameters
    ----------
    rows : float array, shape (slices, numbers)
        As `pictures`.
    slices : DataFrame
        Columns patient and label, one row per slice.
    split_by : "slice" or "patient"
        The unit that is split at random: a fifth for testing, the rest for training.

    Returns
    -------
    DataFrame
        One row per split: repeat, accuracy, same_patient (share of test slices whose most similar training slice is of
        the same patient).
    """
    distance = cdist(rows, rows)
    patient, label = slices["patient"].to_numpy(), slices["label"].to_numpy()
    splits = (
        ShuffleSplit(repeats, test_size=TEST_SHARE, random_state=seed).split(rows)
        if split_by == "slice"
        else GroupShuffleSplit(repeats, test_size=TEST_SHARE, random_state=seed).split(rows, groups=patient)
    )
    rows_of_splits = []
    for repeat, (train, test) in enumerate(splits):
        nearest = train[distance[np.ix_(test, train)].argmin(axis=1)]
        right, same = label[nearest] == label[test], patient[nearest] == patient[test]
        rows_of_splits.append({"repeat": repeat, "accuracy": right.mean(), "same_patient": same.mean()})
    return pd.DataFrame(rows_of_splits)


def mean_of_splits(values: Sequence[float], against: float = 0.0) -> FoldDifference:
    """Mean over repeated random splits with its interval, and the p value against a fixed number.

    The splits share most of their slices; the interval is corrected for this (Nadeau and Bengio 2003).

    Parameters
    ----------
    values : floats, one per split
    against : float
        The accuracy to expect without knowledge: 0.5 only for classes of one size.

    Returns
    -------
    FoldDifference
        Its difference, low and high are on the scale of the values, not of their difference from `against`.
    """
    test = corrected_t([value - against for value in values], TEST_SHARE / (1 - TEST_SHARE))
    return FoldDifference(test.difference + against, test.low + against, test.high + against, test.p_value)
