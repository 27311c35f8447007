"""How large lesions are in the synthetic cohort, in millimetres and in pixels. Taught in chapter 03."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from covidlib.errors import InputError
from covidlib.phantom.cohort import read_lesion_mask


def measure_lesions(cohort: str | Path) -> pd.DataFrame:
    """Every connected lesion area of every slice: its diameter, were it a disc.

    Returns
    -------
    DataFrame
        Columns path, patient, pixels (area), diameter_pixels, diameter_mm.

    Raises
    ------
    InputError
        If the folder is no synthetic cohort: real data comes without lesion masks.
    """
    root = Path(cohort)
    if not (root / "lesions").is_dir():
        raise InputError(root, "has no lesion masks", "Leave DATA empty: the synthetic cohort has them")
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
    """Each connected area of a mask by its number, from 1, and the pixels of each.

    Returns
    -------
    numbered : int array, shape (rows, columns)
        0 off the mask.
    pixels : int array, shape (areas,)
    """
    numbered, count = ndimage.label(mask)
    return numbered, np.bincount(numbered.ravel(), minlength=count + 1)[1:]


def disc_diameters(areas: np.ndarray) -> np.ndarray:
    """The diameters of discs with these areas."""
    return 2 * np.sqrt(areas / np.pi)
