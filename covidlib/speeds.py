"""The arithmetic of the paper's timings: slices a second, time a slice, and what a fixed start-up would explain
(Tables 7 and 8).

Nothing is measured here. Taught in chapter 06.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from covidlib.intervals import Interval
from covidlib.paper import network_name, table, table_numbers


class LineFit(NamedTuple):
    """Seconds = start_up + seconds_per_slice · slices, by least squares, with 95% intervals.

    `r_squared` is the share of the times' variance that the line explains.
    """

    start_up: Interval
    seconds_per_slice: Interval
    r_squared: float


def series_speeds(timings: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 7 with what follows from it: slices a second, time a slice, and the distance from a line.

    Taught in chapter 06.

    Parameters
    ----------
    timings : DataFrame, optional
        Columns slices, seconds, one row a series; without it the printed ones.

    Returns
    -------
    DataFrame
        Columns slices, seconds, slices_per_second, ms_per_slice, fitted_seconds, residual_seconds.
    """
    rows = printed_timings() if timings is None else timings
    fit = fit_line(rows)
    fitted = fit.start_up.value + fit.seconds_per_slice.value * rows["slices"]
    return rows[["slices", "seconds"]].assign(
        slices_per_second=rows["slices"] / rows["seconds"],
        ms_per_slice=1000 * rows["seconds"] / rows["slices"],
        fitted_seconds=fitted,
        residual_seconds=rows["seconds"] - fitted,
    )


def printed_timings() -> pd.DataFrame:
    """Table 7 under short names: columns slices, seconds. Taught in chapter 06."""
    return table_numbers(7).set_axis(["slices", "seconds"], axis=1)


def fit_line(timings: pd.DataFrame) -> LineFit:
    """A straight line through times of series: the intercept is what a series costs before its first slice.

    Taught in chapter 06.

    Parameters
    ----------
    timings : DataFrame
        Columns slices, seconds.

    Raises
    ------
    ValueError
        If there are fewer than three series: two give a line and no interval.
    """
    from scipy.stats import linregress, t

    if len(timings) < 3:
        raise ValueError(f"{len(timings)} series: a line with an interval needs three")
    line = linregress(timings["slices"], timings["seconds"])
    reach = float(t.ppf(0.975, len(timings) - 2))

    def interval(value: float, error: float) -> Interval:
        return Interval(float(value), float(value - reach * error), float(value + reach * error))

    return LineFit(
        interval(line.intercept, line.intercept_stderr),
        interval(line.slope, line.stderr),
        float(line.rvalue**2),
    )


def network_speeds() -> pd.DataFrame:
    """Table 8 as numbers, and each network against the fastest. Taught in chapter 06.

    Returns
    -------
    DataFrame
        Columns network (as printed), seconds_per_epoch, ms_per_image, images_per_second, epoch_ratio, image_ratio.
    """
    printed = table(8)
    seconds = printed["Training time per epoch"].str.removesuffix(" s").astype(float)
    milliseconds = printed["Inference time per image"].str.removesuffix(" ms").astype(float)
    return pd.DataFrame(
        {
            "network": printed["Model name"],
            "seconds_per_epoch": seconds,
            "ms_per_image": milliseconds,
            "images_per_second": 1000 / milliseconds,
            "epoch_ratio": seconds / np.min(seconds),
            "image_ratio": milliseconds / np.min(milliseconds),
        }
    )


def classified_slices() -> pd.DataFrame:
    """Table 7 against Table 8: how many slices could have been classified in each printed time. Taught in chapter 06.

    The proposed network needs its time of Table 8 for every slice that the selection keeps, one at a time; what is
    left is for start-up, reading and selection. Where even all slices would not fill the time, the bound says nothing.

    Returns
    -------
    DataFrame
        Columns slices, seconds, at_most (slices that were classified, at most), at_most_share.
    """
    rows = printed_timings()
    speeds = network_speeds()
    ours = speeds["network"].map(network_name) == "resnet50v2-fpn"
    room = np.floor(1000 * rows["seconds"] / speeds.loc[ours, "ms_per_image"].item() + 1e-9)
    at_most = np.minimum(room, rows["slices"]).astype(int)
    return rows.assign(at_most=at_most, at_most_share=at_most / rows["slices"])
