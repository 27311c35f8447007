"""Real CT slices that come with the package: a thinned series, and slices of patients with COVID-19.

They are free to share (CC BY 4.0), so that every build of the book shows real lungs beside the synthetic ones. Credits,
licence and a description of each slice are in `covidlib/data/real_slices`. The label of the second collection belongs
to the patient: a slice of it may show little or nothing. Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.datasets.public_files import REAL_SERIES_CREDIT
from covidlib.errors import InputError
from covidlib.scans.slices import read_slice

SERIES, INFECTED = "Lung-PET-CT-Dx", "COVID-19-NY-SBU"
"""The collections, both of The Cancer Imaging Archive: a series of a lung-cancer patient; patients with COVID-19."""
CREDITS = {
    SERIES: REAL_SERIES_CREDIT,
    INFECTED: (
        "Saltz J. et al. (2021) Stony Brook University COVID-19 Positive Cases (COVID-19-NY-SBU), "
        "The Cancer Imaging Archive, doi:10.7937/TCIA.BBAG-2923, CC BY 4.0"
    ),
}
"""How each collection wants to be cited; a page that shows its slices repeats it."""
SERIES_FOLDER = "lung-pet-ct-dx"


def real_slices_folder() -> Path:
    """The folder of the package with the slices, their table `slices.csv`, credits and licence."""
    return Path(str(files("covidlib"))) / "data" / "real_slices"


def real_series_folder() -> Path:
    """The folder with every third slice of the real series, from the shoulders to the liver.

    The names keep the numbers of the whole series. The distance between its slices is 15 mm.
    `covidlib fetch lung-pet-ct-dx` brings all 64.
    """
    return real_slices_folder() / SERIES_FOLDER


def list_real_slices() -> pd.DataFrame:
    """List the real slices that come with the package.

    Returns
    -------
    DataFrame
        One row per slice, with its name as index. Columns: file (below `real_slices_folder`), collection, patient and
        instance (of the slice in its series) as the collection names them, maker, kernel, thickness_mm, pixel_mm, kvp,
        shows (what a reader without medical training sees), sha256 (of the stored values), source (the DICOM file, as
        `covidlib.datasets.public_files` names it), credit.
    """
    listed = pd.read_csv(real_slices_folder() / "slices.csv", index_col="name")
    return listed.assign(credit=listed["collection"].map(CREDITS))


def read_real_slice(name: str) -> np.ndarray:
    """Read one of the real slices and verify its values.

    Parameters
    ----------
    name : str
        As in the index of `list_real_slices`, for example "A0001-37".

    Returns
    -------
    uint16 array, shape (512, 512)
        HU + 1024.

    Raises
    ------
    InputError
        If there is no such slice, or the file is damaged.
    """
    listed = list_real_slices()
    if name not in listed.index:
        raise InputError(name, "unknown real slice", "Choose a name from covidlib.datasets.list_real_slices()")
    path = real_slices_folder() / str(listed.loc[name, "file"])
    pixels = read_slice(path)
    if values_hash(pixels) != listed.loc[name, "sha256"]:
        raise InputError(path, "has other values than those listed in slices.csv", "Install covidlib again")
    return pixels


def values_hash(pixels: np.ndarray) -> str:
    """SHA-256 of stored values, row by row, as unsigned 16-bit little-endian numbers; no compression changes it."""
    return hashlib.sha256(np.ascontiguousarray(pixels, "<u2").tobytes()).hexdigest()
