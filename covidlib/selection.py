"""The paper's slice selection: drop slices in which the lung is closed (section 2.2, Figures 4 to 8).

An open lung is dark in the middle of the image. The rule counts dark pixels in a fixed region, compares each slice
with the other slices of its series, and keeps the darkest. It has four constants and no learned part.
Taught in chapter 02.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from covidlib.errors import InputError
from covidlib.scans.series import Series
from covidlib.scans.slices import RowReader, check_same_shape

REGION_ROWS = slice(240, 340)
"""Rows of the region: 240 to 339, across the chest at mid height of a 512×512 slice."""
REGION_COLUMNS = slice(120, 370)
"""Columns of the region: 120 to 369."""
DARK_BELOW = 300
"""A pixel is dark if its stored value is below this: below −724 HU."""
DIVISOR = 1.5
"""The threshold is the spread of the counts divided by this."""


@dataclass(frozen=True)
class Selection:
    """The result of applying the selection rule to one series.

    Attributes
    ----------
    counts : int array, shape (slices,)
        Dark pixels in the region of each slice.
    threshold : float
        A slice is kept if its count is strictly above this.
    keep : bool array, shape (slices,)
        Whether each slice is passed on to the network.
    """

    series: Series
    counts: np.ndarray
    threshold: float
    keep: np.ndarray

    @property
    def selected(self) -> list[str]:
        """File names of the kept slices, in slice order."""
        return [path.name for path, kept in zip(self.series.files, self.keep, strict=True) if kept]

    def to_dict(self) -> dict[str, object]:
        """The selection as plain Python types, for JSON."""
        return {
            "series": self.series.name,
            "slices": len(self.series),
            "counts": [int(count) for count in self.counts],
            "threshold": self.threshold,
            "files": [path.name for path in self.series.files],
            "selected": self.selected,
        }


def count_dark_pixels(slices: np.ndarray) -> np.ndarray:
    """Count the pixels below 300 in the region of each slice (paper, section 2.2).

    Parameters
    ----------
    slices : uint16 array, shape (..., rows, columns)
        HU + 1024, at least 340 rows and 370 columns.

    Returns
    -------
    int array, shape (...)
        One count per slice, 0 to 25,000.
    """
    region = slices[..., REGION_ROWS, REGION_COLUMNS]
    return np.count_nonzero(region < DARK_BELOW, axis=(-2, -1))


def selection_threshold(dark_counts: np.ndarray) -> float:
    """Dark-pixel count above which a slice shows an open lung (paper, section 2.2).

    Two thirds of the spread between the most open and the most closed slice of ONE series. The minimum is not added
    back: if the most closed slice of a series has more than 0.4 of the maximum, all slices are kept; if all counts are
    equal, the threshold is 0, and either all slices are kept (if they have any dark pixel) or none.

    Parameters
    ----------
    dark_counts : int array, shape (slices,)
        Pixels below 300 in the region of each slice.

    Raises
    ------
    ValueError
        If the series is empty.
    """
    if dark_counts.size == 0:
        raise ValueError("a series needs at least one slice")
    return float(dark_counts.max() - dark_counts.min()) / DIVISOR


def select_slices(dark_counts: np.ndarray) -> np.ndarray:
    """Select the slices of ONE series whose counts are strictly above its threshold (paper, section 2.2).

    Parameters
    ----------
    dark_counts : int array, shape (slices,)
        Pixels below 300 in the region of each slice.

    Returns
    -------
    bool array, shape (slices,)
    """
    return dark_counts > selection_threshold(dark_counts)


def select_series(series: Series) -> Selection:
    """Apply the selection rule to a series on disk; of each slice, only the region's rows are read.

    Raises
    ------
    InputError
        If a slice cannot be read, is too small for the region, or differs in size from the first.
    """
    counts = []
    reader = RowReader(series.scale)
    expected: tuple[int, int] | None = None
    for path in series.files:
        rows, shape = reader.read(path, REGION_ROWS)
        expected = expected or shape
        check_same_shape(path, shape, series.files[0], expected)
        if shape[0] < REGION_ROWS.stop or shape[1] < REGION_COLUMNS.stop:
            raise InputError(
                path,
                f"has {shape[0]}×{shape[1]} pixels, too small for the rule's region "
                f"(rows 240 to 339, columns 120 to 369 of 512×512)",
                "Export the series at its original 512×512 pixels",
            )
        counts.append(np.count_nonzero(rows[:, REGION_COLUMNS] < DARK_BELOW))
    dark_counts = np.array(counts)
    return Selection(series, dark_counts, selection_threshold(dark_counts), select_slices(dark_counts))


def rule_with(
    slices: np.ndarray,
    row: int = REGION_ROWS.start,
    column: int = REGION_COLUMNS.start,
    dark_below: int = DARK_BELOW,
    divisor: float = DIVISOR,
) -> tuple[np.ndarray, float]:
    """Dark-pixel counts and threshold of the rule with other constants; the size of the region stays the same.

    Parameters
    ----------
    slices : uint16 array, shape (slices, rows, columns)
    row, column : int
        First row and column of the region (paper: 240 and 120).

    Returns
    -------
    counts : int array, shape (slices,)
    threshold : float
    """
    height, width = REGION_ROWS.stop - REGION_ROWS.start, REGION_COLUMNS.stop - REGION_COLUMNS.start
    region = slices[:, row : row + height, column : column + width]
    counts = np.count_nonzero(region < dark_below, axis=(1, 2))
    return counts, float(counts.max() - counts.min()) / divisor
