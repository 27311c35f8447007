"""What each scaling does to the same tissue in different slices (paper, sections 2.1 and 2.4). Taught in chapter 04."""

from __future__ import annotations

import typing
from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.networks.inputs import scale
from covidlib.protocols import Scaling

TISSUES = {"lung": (60, 400), "soft tissue": (1000, 1150)}
"""Lowest and highest stored value (HU + 1024) of a tissue, both included."""


def as_8_bit_grey(images: np.ndarray) -> np.ndarray:
    """What a loader of 8-bit grey pictures makes of a float picture in [0, 1]: 0s and 1s.

    Parameters
    ----------
    images : float array

    Returns
    -------
    uint8 array of the same shape
        Cut off, not rounded: 1 is left only where the picture had its maximum.
    """
    return np.clip(images, 0, 255).astype(np.uint8)


def tissue_values(slices: Sequence[np.ndarray]) -> pd.DataFrame:
    """Mean network input of lung and of soft tissue in each slice, under each scaling.

    Parameters
    ----------
    slices : uint16 arrays, shape (rows, columns)
        HU + 1024.

    Returns
    -------
    DataFrame
        Columns slice, maximum (stored), scaling, tissue, mean. The scaling "slice-max, 8-bit" is the float picture
        opened as 8-bit grey. A tissue that a slice lacks has no mean.

    Raises
    ------
    ValueError
        If there is no slice.
    """
    if not slices:
        raise ValueError("no slice to scale: give at least one")
    rows = []
    for number, pixels in enumerate(slices):
        images = pixels.astype(np.float32)[np.newaxis, ..., np.newaxis]
        # "imagenet" is "lung-window" moved about zero: a spread as a part of a mean near zero would say nothing.
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
    """How far a tissue's mean input strays between slices, under each scaling.

    Parameters
    ----------
    values : DataFrame
        From `tissue_values`.

    Returns
    -------
    DataFrame
        One row a scaling and tissue: mean and spread, the standard deviation over slices as a part of the mean.
    """
    groups = values.groupby(["scaling", "tissue"], sort=False)["mean"]
    table = groups.agg(["mean", "std"]).reset_index()
    table["spread"] = (table.pop("std") / table["mean"]).where(table["mean"] > 0)
    return table
