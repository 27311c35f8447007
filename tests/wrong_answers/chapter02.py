"""Typical wrong answers to the exercises of chapter 02."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def centred_on_everything_dense(pixels: np.ndarray) -> tuple[int, int]:
    """The table counted as patient."""
    rows, columns = np.nonzero(pixels > 524)
    return int(rows.min() + rows.max() + 1) // 2 - 50, int(columns.min() + columns.max() + 1) // 2 - 125


def middle_of_the_body(pixels: np.ndarray) -> tuple[int, int]:
    """The middle where the corner is asked for."""
    parts, _ = ndimage.label(pixels > 524)
    rows, columns = ndimage.find_objects(parts)[np.bincount(parts.ravel())[1:].argmax()]
    return (rows.start + rows.stop) // 2, (columns.start + columns.stop) // 2


def columns_first(pixels: np.ndarray) -> tuple[int, int]:
    """The corner as x and y."""
    row, column = middle_of_the_body(pixels)
    return column - 125, row - 50


WRONG: dict[str, list[tuple[object, str]]] = {
    "2.1": [
        # "At least" instead of "more than".
        (lambda counts, divisor: int((counts >= (counts.max() - counts.min()) / divisor).sum()), "strictly above"),
        # The minimum added back.
        (
            lambda counts, divisor: int((counts > counts.min() + (counts.max() - counts.min()) / divisor).sum()),
            "not added back",
        ),
    ],
    "2.2": [
        # As the paper writes it.
        (lambda volume: volume[:, 120:370, 240:340], "stands upright"),
        # Of the first slice only.
        (lambda volume: volume[0, 240:340, 120:370], "the shape (100, 250)"),
        # Counted from 1.
        (lambda volume: volume[:, 241:341, 121:371], "counts from 0"),
        # The last row and column taken as included.
        (lambda volume: volume[:, 240:339, 120:369], "leave out"),
        (lambda volume: volume[:, 240:341, 120:371], "leave out"),
    ],
    "2.3": [
        (lambda counts: counts > (counts.max() - counts.min()) / 1.5, "where does the minimum come back"),
        # The minimum inside the brackets, where it cancels.
        (lambda counts: counts > counts.max() / 1.5, "two thirds of the way from smallest to largest"),
        (lambda counts: counts >= counts.min() + (counts.max() - counts.min()) / 1.5, "strictly above"),
        (lambda counts: counts.min() + (counts.max() - counts.min()) / 1.5, "one True or False a slice"),
    ],
    "2.4": [
        (lambda divisor: 1 / divisor, "not of the maximum"),
        (lambda divisor: 0.4, "not for a divisor of 3"),
        (lambda divisor: 1 - 1 / divisor, "are all slices kept?"),
    ],
    "2.5": [
        # Of the dropped, as a positive predictive value is of the alarms.
        (lambda keep, lesion: (lesion & ~keep).sum() / (~keep).sum(), "asked of the lesion slices"),
        (lambda keep, lesion: (lesion & ~keep).mean(), "divide by all slices"),
        (lambda keep, lesion: keep[lesion].mean() if lesion.any() else float("nan"), "which is lost"),
        (lambda keep, lesion: (lesion & ~keep).sum() / max(lesion.sum(), 1), "return nan"),
    ],
    "2.6": [
        (lambda pixels: (240, 120), "the paper's corner"),
        (centred_on_everything_dense, "Is the table still part"),
        (middle_of_the_body, "the patient's middle"),
        (columns_first, "row first"),
    ],
}
