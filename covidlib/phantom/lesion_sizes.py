"""Measure the sizes of lesions in the synthetic cohort, in millimetres and in pixels. Taught in chapter 03."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from covidlib.errors import InputError
from covidlib.phantom.cohort import read_lesion_mask


def measure_lesions(cohort: str | Path) -> pd.DataFrame:
    """Measure every connected lesion area of every slice, as the diameter of a disc with the same area.

    Returns
    -------
    DataFrame
        Columns path, patient, pixels (area), diameter_pixels, diameter_mm.

    Raises
    ------
    InputError
        If the folder is not a synthetic cohort: real data has no lesion masks.
    """
    root = Path(cohort)
    if not (root / "lesions").is_dir():
        raise InputError(root, "has no lesion masks", "Leave DATA empty to use the synthetic cohort, which has them")
    spacing = pd.read_csv(root / "patients.csv").set_index("patient")["pixel_mm"]
    slices = pd.read_csv(root / "slices.csv")
    rows = []
    for path, patient in slices.loc[slices["lesion_pixels"] > 0, ["path", "patient"]].itertuples(index=False):
        _, areas = numbered_areas(read_lesion_mask(root, path))
        rows += [(path, patient, int(area)) for area in areas]
    table = pd.DataFrame(rows, columns=["path", "patient", "pixels"])
    diameters = disc_diameters(table["pixels"].to_numpy(int))
    return table.assign(diameter_pixels=diameters, diameter_mm=diameters * table["patient"].map(spacing))


def numbered_areas(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected areas of a mask from 1, and count the pixels of each.

    Returns
    -------
    numbered : int array, shape (rows, columns)
        0 outside the mask.
    pixels : int array, shape (areas,)
    """
    numbered, count = ndimage.label(mask)
    return numbered, np.bincount(numbered.ravel(), minlength=count + 1)[1:]


def disc_diameters(areas: np.ndarray) -> np.ndarray:
    """The diameters of discs with these areas."""
    return 2 * np.sqrt(areas / np.pi)
