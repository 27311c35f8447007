"""How each input scaling changes the same tissue in different slices (paper, sections 2.1 and 2.4).

Taught in chapter 04.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.networks.inputs import scale
from covidlib.protocols import Scaling

TISSUES = {"lung": (60, 400), "soft tissue": (1000, 1150)}
"""Smallest and largest stored value (HU + 1024) of each tissue, both included."""


def as_8_bit_grey(images: np.ndarray) -> np.ndarray:
    """Read a float picture in [0, 1] as a loader of 8-bit grey pictures does: only 0s and 1s remain.

    Parameters
    ----------
    images : float array

    Returns
    -------
    uint8 array of the same shape
        Truncated, not rounded: 1 remains only where the picture has its maximum.
    """
    return np.clip(images, 0, 255).astype(np.uint8)


def tissue_values(slices: Sequence[np.ndarray]) -> pd.DataFrame:
    """Measure the mean network input of lung and soft tissue in each slice, for each scaling.

    Parameters
    ----------
    slices : uint16 arrays, shape (rows, columns)
        HU + 1024.

    Returns
    -------
    DataFrame
        Columns slice, maximum (stored), scaling, tissue, mean. The scaling "slice-max, 8-bit" is the float picture
        opened as 8-bit grey. The mean is NaN if a slice lacks the tissue.

    Raises
    ------
    ValueError
        If there is no slice.
    """
    if not slices:
        raise ValueError("no slices given, at least one is needed")
    rows = []
    for number, pixels in enumerate(slices):
        images = pixels.astype(np.float32)[np.newaxis, ..., np.newaxis]
        # "imagenet" is "lung-window" moved about zero: a spread relative to a mean near zero is not informative.
        names = [name for name in typing.get_args(Scaling) if name != "imagenet"]
        versions = {name: scale(images, name).numpy()[0, ..., 0] for name in names}
        versions["slice-max, 8-bit"] = as_8_bit_grey(versions["slice-max"])
        for tissue, (lowest, highest) in TISSUES.items():
            inside = (pixels >= lowest) & (pixels <= highest)
            for scaling, values in versions.items():
                mean = float(values[inside].mean()) if inside.any() else float("nan")
                rows.append((number, int(pixels.max()), scaling, tissue, mean))
    return pd.DataFrame(rows, columns=["slice", "maximum", "scaling", "tissue", "mean"])


def tissue_spread(values: pd.DataFrame) -> pd.DataFrame:
    """Measure how much a tissue's mean input varies between slices, for each scaling.

    Parameters
    ----------
    values : DataFrame
        From `tissue_values`.

    Returns
    -------
    DataFrame
        One row per scaling and tissue: mean and spread, the standard deviation over slices divided by the mean.
    """
    groups = values.groupby(["scaling", "tissue"], sort=False)["mean"]
    table = groups.agg(["mean", "std"]).reset_index()
    table["spread"] = (table.pop("std") / table["mean"]).where(table["mean"] > 0)
    return table
