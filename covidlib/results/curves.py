"""Compute ROC and precision-recall curves with confidence bands over patients.

The paper reports results at a single threshold, one half (section 3.1); a curve shows every threshold. Bands come from
resampling patients, not slices. Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.results.intervals import RESAMPLES, Metric, bootstrap, on_all, percentile_ends
from covidlib.results.metrics import labelled
from covidlib.results.scores import mean_of_folds

GRID = tuple(float(place) for place in np.linspace(0, 1, 101).round(2))
"""Positions at which bands are computed: every hundredth of the horizontal axis."""
SLACK = 1e-9
"""Shares that differ by less, because of rounding, count as equal."""


def called_counts(predictions: pd.DataFrame, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the infected and normal slices called COVID-19 at every threshold, from the highest to the lowest.

    Returns
    -------
    two float arrays, shape (resamples, cuts)
        The first threshold calls no slice COVID-19; then follows each different probability; the last calls all.
    """
    probability = predictions["p_covid"].to_numpy()
    order = np.argsort(-probability, kind="stable")
    # Slices of equal probability fall on the same side of every cut.
    last_of_equals = np.flatnonzero(np.append(np.diff(probability[order]) != 0, True))
    covid = (predictions["label"].to_numpy() == "covid")[order]
    drawn = weights[:, order]
    nothing = np.zeros((len(weights), 1))
    infected, normal = (
        np.hstack([nothing, np.cumsum(drawn * members, axis=1)[:, last_of_equals]]) for members in (covid, ~covid)
    )
    return infected, normal


def auc(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, as a metric for `covidlib.results.intervals.bootstrap_interval`.

    On several folds at once it would compare probabilities of different trained networks; everything that the book
    reports is `covidlib.results.scores.mean_of_folds(auc)`.

    Parameters
    ----------
    predictions : DataFrame
        Columns label ("covid" or "normal" only: see `covidlib.results.metrics.labelled`) and p_covid.
    """
    infected, normal = called_counts(predictions, weights)
    with np.errstate(invalid="ignore"):
        return np.trapezoid(infected, normal, axis=1) / (infected[:, -1] * normal[:, -1])


def sensitivity_at(grid: Sequence[float]) -> Metric:
    """The largest sensitivity at which the false positive rate does not exceed each value of the grid, as a metric."""

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        infected, normal = called_counts(predictions, weights)
        rows = []
        for true, false in zip(infected, normal, strict=True):
            cut = np.searchsorted(false / false[-1], np.asarray(grid) + SLACK, side="right") - 1
            rows.append(true[cut] / true[-1])
        return np.array(rows)

    return metric


def ppv_at_sensitivity(grid: Sequence[float]) -> Metric:
    """The PPV at the highest threshold that reaches each sensitivity of the grid, as a metric."""

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        infected, normal = called_counts(predictions, weights)
        rows = []
        for true, false in zip(infected, normal, strict=True):
            # The first threshold calls no slice and has no PPV; at sensitivity 0 use the first slices that are called.
            drawn = np.flatnonzero(true + false)
            cut = drawn[np.searchsorted(true[drawn] / true[-1], np.asarray(grid) - SLACK)]
            rows.append(true[cut] / (true[cut] + false[cut]))
        return np.array(rows)

    return metric


def roc_band(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Compute the ROC curve on `GRID`, the mean over folds, with its band over resampled patients.

    Each fold has a trained network of its own, and their probabilities are not on one scale. So each fold has a curve,
    and the curves are averaged at each false positive rate. The band is valid at each false positive rate separately,
    not for the whole curve at once.

    Parameters
    ----------
    predictions : DataFrame
        Columns fold, patient, patient_label, label, p_covid.

    Returns
    -------
    DataFrame
        Columns false_positive_rate, sensitivity, low, high.
    """
    return _band(predictions, sensitivity_at(GRID), ("false_positive_rate", "sensitivity"), resamples)


def precision_recall_band(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Compute the precision-recall curve on `GRID` with its band, the mean over folds like `roc_band`.

    Returns
    -------
    DataFrame
        Columns sensitivity (recall), ppv (precision), low, high.
    """
    return _band(predictions, ppv_at_sensitivity(GRID), ("sensitivity", "ppv"), resamples)


def _band(predictions: pd.DataFrame, metric: Metric, names: tuple[str, str], resamples: int) -> pd.DataFrame:
    slices, mean = labelled(predictions), mean_of_folds(metric)
    low, high = percentile_ends(bootstrap(slices, mean, resamples=resamples))
    return pd.DataFrame({names[0]: GRID, names[1]: on_all(slices, mean), "low": low, "high": high})
