"""Does a probability of 0.9 mean nine in ten? Reliability, its summaries, and temperature scaling.

The paper uses a probability only through the cut at one half (section 3.1). Taught in chapter 05.
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
SMALLEST = 5e-7
"""Probabilities are stored with six decimals: 0 and 1 stand for at most half a unit of the last."""


def bin_numbers(p_covid: pd.Series | np.ndarray, bins: int = BINS) -> np.ndarray:
    """Bins of about equally many slices, by probability; equal probabilities share a bin.

    Returns
    -------
    int array, one a slice
        From 0; fewer bins than asked for where probabilities repeat.
    """
    probability = np.asarray(p_covid, dtype=float)
    # A network with dead heads says the same of every slice: pandas finds no bin for that, and it is one.
    if len(probability) and (probability == probability[0]).all():
        return np.zeros(len(probability), int)
    return pd.qcut(probability, bins, labels=False, duplicates="drop")


def reliability(predictions: pd.DataFrame, bins: int = BINS, resamples: int = RESAMPLES) -> pd.DataFrame:
    """The reliability diagram as a table: predicted probability and true share in each bin.

    Parameters
    ----------
    predictions : DataFrame
        Columns patient, patient_label, label, p_covid.

    Returns
    -------
    DataFrame
        One row a bin: slices, patients, p_covid (mean), share_covid, and low and high of the share over resampled
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
    """Mean squared distance of probability and truth, a metric for `bootstrap_interval`."""
    distance = predictions["p_covid"].to_numpy() - (predictions["label"] == "covid").to_numpy()
    return weights @ distance**2 / weights.sum(axis=1)


def expected_calibration_error(bins: int = BINS) -> Metric:
    """Mean distance of probability and share over bins of about equally many slices, as a metric.

    Chance alone puts it above 0, the more so the fewer slices or the more bins; resampling adds to that, so its
    interval leans upwards.
    """

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        number = bin_numbers(predictions["p_covid"], bins)
        inside = (number[:, None] == np.unique(number)).astype(float)
        excess = predictions["p_covid"].to_numpy() - (predictions["label"] == "covid").to_numpy()
        return np.abs((weights * excess) @ inside).sum(axis=1) / weights.sum(axis=1)

    return metric


def scale_temperature(p_covid: pd.Series | np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities of a two-class softmax whose inputs are divided by a temperature.

    Above 1 they move towards one half, below 1 away from it; none crosses it, so no answer changes.
    """
    return expit(logit(np.clip(np.asarray(p_covid, dtype=float), SMALLEST, 1 - SMALLEST)) / temperature)


def fit_temperature(validation: pd.DataFrame) -> float:
    """The temperature at which validation slices are least surprising (Guo et al. 2017).

    Searched from 1/148 to 148 (e⁻⁵ to e⁵): an end means that the probabilities are useless, or nearly without error.

    Parameters
    ----------
    validation : DataFrame
        Columns label, p_covid, of one trained network.

    Raises
    ------
    InputError
        If the slices are of one class only, or are told apart without an error: no temperature is the best then.
    """
    slices = labelled(validation)
    covid = (slices["label"] == "covid").to_numpy()
    if covid.all() or not covid.any():
        raise InputError("validation predictions", "hold one class only", "Give slices of infected and normal patients")
    if slices["p_covid"][covid].min() > 0.5 >= slices["p_covid"][~covid].max():
        raise InputError(
            "validation predictions", "hold no wrong answer, so no temperature is the best", "Give more patients"
        )

    def surprise(log_temperature: float) -> float:
        return float(log_loss(covid, scale_temperature(slices["p_covid"], np.exp(log_temperature))))

    return float(np.exp(minimize_scalar(surprise, bounds=(-5, 5), method="bounded").x))


def calibrated(validation: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test predictions with temperatures that were fitted on validation patients only.

    Parameters
    ----------
    validation, test : DataFrame
        Prediction tables (columns network, fold, patient, label, p_covid); each trained network has its own
        temperature.

    Returns
    -------
    DataFrame
        The test predictions with p_covid scaled.
    DataFrame
        Columns network, fold, temperature.

    Raises
    ------
    InputError
        If a patient is in both tables of a trained network, a network has no validation predictions, or these allow
        no temperature (`fit_temperature`).
    """
    scaled, temperatures = test["p_covid"].to_numpy(float, copy=True), []
    # Rows by place: tables that were put under each other may name several rows alike.
    for (network, fold), tested in test.reset_index(drop=True).groupby(["network", "fold"]):
        own = validation[(validation["network"] == network) & (validation["fold"] == fold)]
        name = f"{network}, fold {fold}"
        if own.empty:
            raise InputError(name, "has no validation predictions", "Predict its validation patients")
        shared = sorted(set(own["patient"]) & set(tested["patient"]))
        if shared:
            raise InputError(
                name,
                f"{len(shared)} patients are in the validation and in the test predictions, {shared[0]} first",
                "Fit the temperature on patients who are not tested",
            )
        temperature = fit_temperature(own)
        scaled[tested.index] = scale_temperature(tested["p_covid"], temperature)
        temperatures.append((network, fold, temperature))
    table = pd.DataFrame(temperatures, columns=["network", "fold", "temperature"])
    return test.assign(p_covid=scaled), table


def errors_before_and_after(predictions: pd.DataFrame, scaled: pd.DataFrame) -> pd.DataFrame:
    """Expected calibration error and Brier score of each network, as trained and with temperatures.

    Parameters
    ----------
    predictions, scaled : DataFrame
        The test predictions, and what `calibrated` makes of them.

    Returns
    -------
    DataFrame
        Index network; columns (calibration error or Brier score, as trained or scaled).
    """
    metrics = {"calibration error": expected_calibration_error(), "Brier score": brier}
    tables = {"as trained": labelled(predictions), "scaled": labelled(scaled)}
    return pd.DataFrame(
        {
            (name, when): {str(network): float(on_all(own, metric)) for network, own in table.groupby("network")}
            for name, metric in metrics.items()
            for when, table in tables.items()
        }
    ).rename_axis("network")
