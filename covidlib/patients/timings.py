"""The paper's timings: slices per second, time per slice, and how far a fixed start-up explains them (Tables 7 and 8).

Our own times have the same form. Taught in chapter 06.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from covidlib.paper.tables import network_name, table, table_numbers
from covidlib.patients.pipeline import diagnose_with
from covidlib.results.intervals import Interval
from covidlib.training.runs import Run

if TYPE_CHECKING:
    from covidlib.inference.engine import Engine


class LineFit(NamedTuple):
    """Seconds = start_up + seconds_per_slice · slices, by least squares, with 95% intervals.

    `r_squared` is the share of the times' variance that the line explains.
    """

    start_up: Interval
    seconds_per_slice: Interval
    r_squared: float


def series_speeds(timings: pd.DataFrame | None = None) -> pd.DataFrame:
    """Derive speeds from Table 7: slices per second, time per slice, and the distance from a straight line.

    Parameters
    ----------
    timings : DataFrame, optional
        Columns slices, seconds, one row per series; default: the printed ones.

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
    """Table 7 with short column names: slices, seconds."""
    return table_numbers(7).set_axis(["slices", "seconds"], axis=1)


def fit_line(timings: pd.DataFrame) -> LineFit:
    """Fit a straight line to the times of series: the intercept is the time before the first slice.

    Parameters
    ----------
    timings : DataFrame
        Columns slices, seconds.

    Raises
    ------
    ValueError
        If there are fewer than three series: two give a line but no interval.
    """
    from scipy.stats import linregress, t

    if len(timings) < 3:
        raise ValueError(f"{len(timings)} series: a line with an interval needs three or more")
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
    """Table 8 as numbers, with the ratio of each network to the fastest.

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
    """Compare Table 7 with Table 8: how many slices could have been classified in each printed time.

    The proposed network needs its time of Table 8 for every selected slice, one at a time; the rest of the time is for
    start-up, reading and selection. If classifying all slices would take less than the printed time, the bound is not
    informative.

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


def time_patients(folders: Sequence[Path], engine: Engine) -> pd.DataFrame:
    """Measure our times in the form of Table 7: seconds from a patient's folder to the answer.

    The first patient is diagnosed once before the timing starts, so the times do not include compilation.

    Parameters
    ----------
    engine : Engine
        From `covidlib.inference.choose_engine.open_engine`.

    Returns
    -------
    DataFrame
        Columns slices, selected, seconds, slices_per_second; one row per patient.
    """
    diagnose_with(folders[0], engine)
    rows = []
    for folder in folders:
        started = time.perf_counter()
        answer = diagnose_with(folder, engine)
        seconds = time.perf_counter() - started
        slices = sum(len(series_answer.series) for series_answer in answer.answers)
        rows.append((slices, len(answer.probabilities), seconds, slices / seconds))
    return pd.DataFrame(rows, columns=["slices", "selected", "seconds", "slices_per_second"])


def network_speeds_beside(runs: Iterable[Run]) -> pd.DataFrame:
    """Compare Table 8 with the same two times of our trained runs, as means over the folds.

    The time per image is that of predicting the test slices, including reading and scaling.

    Returns
    -------
    DataFrame
        Index network; columns printed and ours for seconds_per_epoch and ms_per_image.
    """
    printed = network_speeds()
    printed = printed.set_index(printed["network"].map(network_name))[["seconds_per_epoch", "ms_per_image"]]
    rows = []
    for run in runs:
        record: dict[str, Any] = run.record()
        seconds = record["seconds"]
        rows.append(
            {
                "network": record["network"],
                "seconds_per_epoch": seconds["training"] / len(run.history()),
                "ms_per_image": 1000 * seconds["predicting"] / record["data"]["slices"]["test"],
            }
        )
    ours = pd.DataFrame(rows).groupby("network").mean()
    return pd.concat({"printed": printed, "ours": ours}, axis=1).swaplevel(axis=1).sort_index(axis=1, ascending=False)
