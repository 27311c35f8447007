"""ROC and precision-recall curves with bands over patients: what the paper's one cut at one half leaves unsaid.

The paper reports the answers at one probability (section 3.1); a curve shows every one. Bands come from drawing
patients again, not slices. Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.results.intervals import RESAMPLES, Metric, bootstrap, on_all, percentile_ends
from covidlib.results.metrics import labelled

GRID = tuple(float(place) for place in np.linspace(0, 1, 101).round(2))
"""Where bands are computed: every hundredth of the horizontal axis."""
SLACK = 1e-9
"""Shares that are equal but for rounding are equal."""


def called_counts(predictions: pd.DataFrame, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Infected and normal slices called COVID-19 as the cut falls from above the largest probability to the smallest.

    Returns
    -------
    two float arrays, shape (resamples, cuts)
        Cuts are 'none' and then each different probability; the last cut calls every slice COVID-19.
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
    """Area under the ROC curve, a metric for `covidlib.results.intervals.bootstrap_interval`.

    Pooling folds compares probabilities of different trained networks; `covidlib.results.scores.mean_of_folds(auc)`
    does not.

    Parameters
    ----------
    predictions : DataFrame
        Columns label ("covid" or "normal" only: see `covidlib.results.metrics.labelled`) and p_covid.
    """
    infected, normal = called_counts(predictions, weights)
    with np.errstate(invalid="ignore"):
        return np.trapezoid(infected, normal, axis=1) / (infected[:, -1] * normal[:, -1])


def sensitivity_at(grid: Sequence[float]) -> Metric:
    """The largest sensitivity whose false positive rate is at most each of the grid's."""

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        infected, normal = called_counts(predictions, weights)
        rows = []
        for found, false in zip(infected, normal, strict=True):
            cut = np.searchsorted(false / false[-1], np.asarray(grid) + SLACK, side="right") - 1
            rows.append(found[cut] / found[-1])
        return np.array(rows)

    return metric


def ppv_at_sensitivity(grid: Sequence[float]) -> Metric:
    """The PPV at the first cut that reaches each sensitivity of the grid."""

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        infected, normal = called_counts(predictions, weights)
        rows = []
        for found, false in zip(infected, normal, strict=True):
            # The first cut calls nothing: no PPV there. At sensitivity 0 the first slice that is called decides.
            drawn = np.flatnonzero(found + false)
            cut = drawn[np.searchsorted(found[drawn] / found[-1], np.asarray(grid) - SLACK)]
            rows.append(found[cut] / (found[cut] + false[cut]))
        return np.array(rows)

    return metric


def roc_band(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """The ROC curve on `GRID` with its band over resampled patients.

    The band holds at each false positive rate by itself, not for the whole curve at once.

    Parameters
    ----------
    predictions : DataFrame
        Columns patient, patient_label, label, p_covid.

    Returns
    -------
    DataFrame
        Columns false_positive_rate, sensitivity, low, high.
    """
    return _band(predictions, sensitivity_at(GRID), ("false_positive_rate", "sensitivity"), resamples)


def precision_recall_band(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """The precision-recall curve on `GRID` with its band, as `roc_band`.

    Returns
    -------
    DataFrame
        Columns sensitivity (recall), ppv (precision), low, high.
    """
    return _band(predictions, ppv_at_sensitivity(GRID), ("sensitivity", "ppv"), resamples)


def _band(predictions: pd.DataFrame, metric: Metric, names: tuple[str, str], resamples: int) -> pd.DataFrame:
    slices = labelled(predictions)
    low, high = percentile_ends(bootstrap(slices, metric, resamples=resamples))
    return pd.DataFrame({names[0]: GRID, names[1]: on_all(slices, metric), "low": low, "high": high})
