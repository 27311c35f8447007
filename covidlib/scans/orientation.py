"""Orientation of a slice: how its pixels must be turned so that the patient lies as in COVID-CTset (section 2.1).

The selection rule looks at a fixed region, and a network learned patients on their backs: the patient's left side on
the right of the image, the front at the top. DICOM states the directions of rows and columns in each header
(ImageOrientationPatient, in the patient's axes: x to the left, y to the back, z to the head). Taught in chapter 01.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST_TILT = 30.0
"""Degrees; a scanner's gantry tilts so far, and a slice that is tilted more is a reformat."""


@dataclass(frozen=True)
class Turn:
    """A turn of a slice's pixels by quarters, with or without a mirror.

    Attributes
    ----------
    transpose : bool
        Whether rows become columns, before the flips.
    flip_rows, flip_columns : bool
        Whether the order of rows (upside down) or of columns (left to right) is reversed.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def __bool__(self) -> bool:
        return self.transpose or self.flip_rows or self.flip_columns

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Turn an image of shape (rows, columns)."""
        pixels = pixels.T if self.transpose else pixels
        return pixels[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def words(self) -> str:
        """The turn in words."""
        if self.transpose:
            if self.flip_rows == self.flip_columns:
                return "mirrored and turned by a quarter"
            return "turned by a quarter"
        if self.flip_rows and self.flip_columns:
            return "turned upside down"
        return "mirrored top to bottom" if self.flip_rows else "mirrored left to right"


def tilt_degrees(directions: np.ndarray) -> float:
    """Angle between a slice's normal and the patient's long axis; 90 for a coronal or sagittal slice.

    Parameters
    ----------
    directions : float array, shape (6,)
        ImageOrientationPatient: direction of a row, then of a column.
    """
    normal = np.cross(directions[:3], directions[3:])
    length = float(np.linalg.norm(normal))
    return float(np.degrees(np.arccos(min(1.0, abs(normal[2]) / length)))) if length > 0 else 90.0


def turn_of(directions: np.ndarray) -> Turn | None:
    """The turn after which rows run to the patient's left and columns to the back (DICOM PS3.3, C.7.6.2.1.1).

    Parameters
    ----------
    directions : float array, shape (6,)
        ImageOrientationPatient.

    Returns
    -------
    Turn or None
        None if the slice is not axial, or is turned within its plane by more than 30° from a quarter.
    """
    if tilt_degrees(directions) > LARGEST_TILT:
        return None
    row, column = directions[:2], directions[3:5]
    transpose = abs(row[1]) > abs(row[0])
    along, across = (column, row) if transpose else (row, column)
    off_axis = np.degrees(np.arctan2(abs(along[1]), abs(along[0])))
    if off_axis > LARGEST_TILT:
        return None
    return Turn(bool(transpose), bool(across[1] < 0), bool(along[0] < 0))
