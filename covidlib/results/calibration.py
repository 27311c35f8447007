"""Measure and correct calibration: whether a predicted probability of 0.9 means nine in ten.

The paper uses probabilities only through the threshold of one half (section 3.1). Taught in chapter 05.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from covidlib.errors import InputError
from covidlib.results.intervals import RESAMPLES, Metric, bootstrap, on_all, percentile_ends
from covidlib.results.metrics import labelled

BINS = 10
HIGHEST_TEMPERATURE = 20.0
"""Temperatures are searched up to this, and down to its inverse."""
SMALLEST = 5e-7
"""Probabilities are stored with six decimals: a stored 0 or 1 differs from the true value by at most this."""


def bin_numbers(p_covid: pd.Series | np.ndarray, bins: int = BINS) -> np.ndarray:
    """Assign slices to bins of about equal size by probability; equal probabilities share a bin.

    Returns
    -------
    int array, one per slice
        From 0; fewer bins than requested if probabilities repeat.
    """
    probability = np.asarray(p_covid, dtype=float)
    # If all probabilities are equal, as with dead heads, pandas makes no bin, but there should be one.
    if len(probability) and (probability == probability[0]).all():
        return np.zeros(len(probability), int)
    return pd.qcut(probability, bins, labels=False, duplicates="drop")


def reliability(predictions: pd.DataFrame, bins: int = BINS, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Compute the reliability diagram as a table: predicted probability and true share in each bin.

    Parameters
    ----------
    predictions : DataFrame
        Columns patient, patient_label, label, p_covid.

    Returns
    -------
    DataFrame
        One row per bin: slices, patients, p_covid (mean), share_covid, and low and high of the share over resampled
        patients.
    """
    slices = labelled(predictions).reset_index(drop=True)
    number = bin_numbers(slices["p_covid"], bins)
    low, high = percentile_ends(bootstrap(slices, _share_in_bins(number), resamples=resamples))
    table = (
        slices.assign(covid=slices["label"] == "covid")
        .groupby(number)
        .agg(
            slices=("covid", "size"),
            patients=("patient", "nunique"),
            p_covid=("p_covid", "mean"),
            share_covid=("covid", "mean"),
        )
    )
    return table.assign(low=low, high=high).rename_axis("bin").reset_index()


def _share_in_bins(number: np.ndarray) -> Metric:
    inside = (number[:, None] == np.unique(number)).astype(float)

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        covid = (predictions["label"] == "covid").to_numpy(float)
        with np.errstate(invalid="ignore"):
            return (weights * covid) @ inside / (weights @ inside)

    return metric


def brier(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Brier score: mean squared difference of probability and truth, as a metric for `bootstrap_interval`."""
    distance = predictions["p_covid"].to_numpy() - (predictions["label"] == "covid").to_numpy()
    return weights @ distance**2 / weights.sum(axis=1)


def expected_calibration_error(bins: int = BINS) -> Metric:
    """Mean absolute difference of probability and true share over bins of about equal size, as a metric.

    Chance alone makes it greater than 0, the more so with fewer slices or more bins; resampling adds to this, so its
    interval is shifted upwards.
    """

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        number = bin_numbers(predictions["p_covid"], bins)
        inside = (number[:, None] == np.unique(number)).astype(float)
        excess = predictions["p_covid"].to_numpy() - (predictions["label"] == "covid").to_numpy()
        return np.abs((weights * excess) @ inside).sum(axis=1) / weights.sum(axis=1)

    return metric


def scale_temperature(p_covid: pd.Series | np.ndarray, temperature: float) -> np.ndarray:
    """Scale probabilities as if the inputs of a two-class softmax were divided by a temperature.

    A temperature above 1 moves them towards one half, below 1 away from it; none crosses it, so no decision changes.
    """
    return expit(logit(np.clip(np.asarray(p_covid, dtype=float), SMALLEST, 1 - SMALLEST)) / temperature)


def fit_temperature(predictions: pd.DataFrame) -> float:
    """Fit the temperature that minimises the log loss on slices (Guo et al. 2017).

    It is searched from 1/20 to 20. At either end there is no best temperature: the probabilities say nothing about the
    class, or are almost without error.

    Parameters
    ----------
    predictions : DataFrame
        Columns label, p_covid.

    Raises
    ------
    InputError
        If all slices belong to one class, none is classified wrongly, or the best value lies at an end.
    """
    slices = labelled(predictions)
    covid = (slices["label"] == "covid").to_numpy()
    if covid.all() or not covid.any():
        raise InputError("predictions", "contain only one class", "Use slices of both infected and normal patients")
    if slices["p_covid"][covid].min() > 0.5 >= slices["p_covid"][~covid].max():
        raise InputError("predictions", "contain no error: no best temperature", "Use more patients")

    def loss(log_temperature: float) -> float:
        return float(log_loss(covid, scale_temperature(slices["p_covid"], np.exp(log_temperature))))

    end = float(np.log(HIGHEST_TEMPERATURE))
    best = float(minimize_scalar(loss, bounds=(-end, end), method="bounded").x)
    if end - abs(best) < 0.01:
        problem = "say nothing about the class" if best > 0 else "are almost without error"
        raise InputError("predictions", f"{problem}: no best temperature", "Use more patients")
    return float(np.exp(best))


def calibrated(predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scale each fold's test predictions with a temperature fitted on the test patients of the other folds.

    A temperature must be fitted on patients who had no part in the training. A run's validation patients had: they
    picked its epoch, which is the one that suits them best. The other folds' test patients had none in the runs that
    predicted them. They were judged by other trained networks of the same kind, so this finds what is common to the
    kind. A patient tested in this fold, too, is left out.

    Parameters
    ----------
    predictions : DataFrame
        Test predictions of all folds: columns network, fold, patient, label, p_covid.

    Returns
    -------
    DataFrame
        The same with p_covid scaled; unchanged where no temperature could be fitted.
    DataFrame
        Columns network, fold, patients (on whom it was fitted), temperature (NaN if it could not be fitted), problem
        (the reason, or empty).
    """
    scaled, temperatures = predictions["p_covid"].to_numpy(float, copy=True), []
    # Rows by position: the index of concatenated tables may contain the same label several times.
    rows = predictions.reset_index(drop=True)
    for (network, fold), tested in rows.groupby(["network", "fold"]):
        other = labelled(rows[(rows["network"] == network) & (rows["fold"] != fold)])
        other = other[~other["patient"].isin(tested["patient"])]
        temperature, problem = float("nan"), ""
        try:
            temperature = fit_temperature(other)
            scaled[tested.index] = scale_temperature(tested["p_covid"], temperature)
        except InputError as error:
            problem = error.problem
        temperatures.append((network, fold, other["patient"].nunique(), temperature, problem))
    table = pd.DataFrame(temperatures, columns=["network", "fold", "patients", "temperature", "problem"])
    return predictions.assign(p_covid=scaled), table


def errors_before_and_after(predictions: pd.DataFrame, scaled: pd.DataFrame) -> pd.DataFrame:
    """Calibration error and Brier score of each network, before and after temperature scaling.

    Parameters
    ----------
    predictions, scaled : DataFrame
        The test predictions, and the same scaled by `calibrated`.

    Returns
    -------
    DataFrame
        Index network; columns (calibration error or Brier score, as trained or scaled).
    """
    metrics = {"calibration error": expected_calibration_error(), "Brier score": brier}
    tables = {"as trained": labelled(predictions), "scaled": labelled(scaled)}
    return pd.DataFrame(
        {
            (name, when): {str(network): float(on_all(rows, metric)) for network, rows in table.groupby("network")}
            for name, metric in metrics.items()
            for when, table in tables.items()
        }
    ).rename_axis("network")
