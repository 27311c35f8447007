"""Structures and findings on the real slices that come with the package, with their places.

The labels are data: two small tables in `covidlib/data/anatomy`, made by readers without medical training, who left out
what they could not identify. The places are pixels of the full slice. Taught in the page behind chapter 01 on anatomy.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from covidlib.phantom.cohort import read_lesion_mask
from covidlib.scans.dicom import HOUNSFIELD_OFFSET
from covidlib.scans.slices import read_slice

RADIUS = 5
"""Radius in pixels of the disc in which a place is measured: 3 to 5 mm."""


def list_structures() -> pd.DataFrame:
    """List the labelled structures of a healthy chest, from the shoulders to the liver, and one tumour.

    Returns
    -------
    DataFrame
        One row per label. Columns: slice (as in `covidlib.datasets.real_slices`), number (from 1 on each slice),
        window (a name in `covidlib.scans.windows.WINDOWS`), x (column), y (row), name, look (how to find it).
    """
    return _read("structures.csv")


def list_findings() -> pd.DataFrame:
    """List findings on slices of patients with COVID-19, and what resembles them and is no lesion.

    Returns
    -------
    DataFrame
        As `list_structures`, and a column kind: what a quiz accepts as the answer. "cannot be told" is one of them.
    """
    return _read("findings.csv")


def _read(name: str) -> pd.DataFrame:
    labels = pd.read_csv(str(files("covidlib") / "data" / "anatomy" / name))
    labels.insert(1, "number", labels.groupby("slice").cumcount() + 1)
    return labels


def crop_around(pixels: np.ndarray, x: int, y: int, side: int = 110) -> np.ndarray:
    """Cut a square around a place; at the edge of the slice it moves inwards, so that its size stays the same.

    Parameters
    ----------
    pixels : array, shape (rows, columns)
    x, y : int
        Column and row of the place.
    side : int
        In pixels.
    """
    top, left = (
        int(np.clip(middle - side // 2, 0, size - side)) for middle, size in zip((y, x), pixels.shape, strict=True)
    )
    return pixels[top : top + side, left : left + side]


def disc_values(pixels: np.ndarray, x: int, y: int) -> tuple[float, float]:
    """Mean and standard deviation in HU within `RADIUS` pixels of a place.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    x, y : int
        Column and row of the place, at least `RADIUS` from the edge.
    """
    steps = np.arange(-RADIUS, RADIUS + 1)
    disc = np.hypot(*np.meshgrid(steps, steps)) <= RADIUS
    values = pixels[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1][disc].astype(float) - HOUNSFIELD_OFFSET
    return float(values.mean()), float(values.std())


def lesion_places(cohort: str | Path, paths: Sequence[str]) -> pd.DataFrame:
    """Find the middle of each drawn lesion that is large enough to hold the disc of `disc_values`.

    Parameters
    ----------
    cohort : str or Path
        A synthetic cohort, which has masks of its lesions.
    paths : sequence of str
        Slices, as in the cohort's `slices.csv`.

    Returns
    -------
    DataFrame
        Columns: path, x, y, mean_hu, sd_hu.

    Raises
    ------
    InputError
        If a slice is not in the cohort.
    """
    rows = []
    for path in paths:
        depth = ndimage.distance_transform_edt(read_lesion_mask(cohort, path))
        labelled, count = ndimage.label(depth > 0)
        pixels = read_slice(Path(cohort) / path)
        for y, x in ndimage.maximum_position(depth, labelled, np.arange(1, count + 1)):
            if depth[y, x] > RADIUS:
                rows.append((path, int(x), int(y), *disc_values(pixels, int(x), int(y))))
    return pd.DataFrame(rows, columns=["path", "x", "y", "mean_hu", "sd_hu"])


def nearest_places(wanted: Sequence[tuple[float, float]], places: pd.DataFrame) -> pd.DataFrame:
    """Choose for each pair of mean and standard deviation the place whose pair is nearest; no place twice.

    Parameters
    ----------
    wanted : sequence of (mean, standard deviation)
        In HU, from `disc_values`.
    places : DataFrame
        From `lesion_places`; at least as many as wanted.

    Returns
    -------
    DataFrame
        One row of `places` for each wanted pair, in its order.

    Raises
    ------
    ValueError
        If there are fewer places than wanted.
    """
    if len(places) < len(wanted):
        raise ValueError(f"{len(places)} places are too few for {len(wanted)}")
    left, chosen = places, []
    for mean, sd in wanted:
        far = np.hypot(left["mean_hu"].to_numpy() - mean, left["sd_hu"].to_numpy() - sd)
        index = left.index[int(far.argmin())]
        chosen.append(index)
        left = left.drop(index)
    return places.loc[chosen]
