"""Scores of a two-class test beyond the paper's Table 9, each computed from the same four counts (section 3.1).

All are shares or ratios of `Counts`; none needs a network. A score is NaN if its denominator is 0.
Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from covidlib.results.intervals import Metric
from covidlib.results.metrics import Counts, called_covid, share

Score = Callable[[Counts], float]


def sensitivity(counts: Counts) -> float:
    """The share of infected slices (or patients) that are called COVID-19."""
    return share(counts.true_covid, counts.true_covid + counts.false_normal)


def specificity(counts: Counts) -> float:
    """The share of normal slices (or patients) that are called normal."""
    return share(counts.true_normal, counts.true_normal + counts.false_covid)


def accuracy(counts: Counts) -> float:
    """The share of correct predictions; dominated by the larger class."""
    right = counts.true_covid + counts.true_normal
    return share(right, right + counts.false_covid + counts.false_normal)


def balanced_accuracy(counts: Counts) -> float:
    """Mean of sensitivity and specificity: both classes have the same weight, whatever their sizes."""
    return (sensitivity(counts) + specificity(counts)) / 2


def ppv(counts: Counts) -> float:
    """Positive predictive value: the share of infected among those called COVID-19, at the prevalence of the data."""
    return share(counts.true_covid, counts.true_covid + counts.false_covid)


def npv(counts: Counts) -> float:
    """Negative predictive value: the share of normal among those called normal, at the prevalence of the data."""
    return share(counts.true_normal, counts.true_normal + counts.false_normal)


def f1(counts: Counts) -> float:
    """F1 score: harmonic mean of sensitivity and PPV; independent of the normal slices called normal."""
    return share(2 * counts.true_covid, 2 * counts.true_covid + counts.false_covid + counts.false_normal)


def matthews(counts: Counts) -> float:
    """Matthews correlation of truth and prediction, −1 to 1; 0 is chance level at any prevalence."""
    tp, fn, tn, fp = (
        np.asarray(count, dtype=float)
        for count in (counts.true_covid, counts.false_normal, counts.true_normal, counts.false_covid)
    )
    # Roots first: the product of four pooled counts would be too large to be exact.
    spread = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return share(cast(float, tp * tn - fp * fn), cast(float, spread))


def positive_likelihood_ratio(counts: Counts) -> float:
    """Positive likelihood ratio: the factor by which the prediction COVID-19 raises the odds of infection."""
    return share(sensitivity(counts), 1 - specificity(counts))


def negative_likelihood_ratio(counts: Counts) -> float:
    """Negative likelihood ratio: the factor by which the prediction normal lowers the odds of infection."""
    return share(1 - sensitivity(counts), specificity(counts))


def ppv_at(counts: Counts, prevalence: float) -> float:
    """PPV at another prevalence, by Bayes' rule; the PPV in Table 9 is valid only for its test sets.

    Sensitivity and specificity are assumed to stay the same, which may not be true for other patients.

    Raises
    ------
    ValueError
        If the prevalence is not between 0 and 1.
    """
    _check_share(prevalence)
    true = prevalence * sensitivity(counts)
    return share(true, true + (1 - prevalence) * (1 - specificity(counts)))


def npv_at(counts: Counts, prevalence: float) -> float:
    """NPV at another prevalence, by Bayes' rule, like `ppv_at`.

    Raises
    ------
    ValueError
        If the prevalence is not between 0 and 1.
    """
    _check_share(prevalence)
    true = (1 - prevalence) * specificity(counts)
    return share(true, true + prevalence * (1 - sensitivity(counts)))


def predictive_values(counts: Mapping[str, Counts], prevalences: Sequence[float]) -> pd.DataFrame:
    """PPV and NPV of several networks at several prevalences.

    Returns
    -------
    DataFrame
        Index share infected; columns (PPV or NPV, network).

    Raises
    ------
    ValueError
        If a prevalence is not between 0 and 1.
    """
    at = {"PPV": ppv_at, "NPV": npv_at}
    return pd.DataFrame(
        {
            (name, network): [value(of_network, prevalence) for prevalence in prevalences]
            for name, value in at.items()
            for network, of_network in counts.items()
        },
        index=pd.Index(prevalences, name="share infected"),
    )


def frequencies(counts: Mapping[str, Counts], prevalence: float, of: int = 10_000) -> pd.DataFrame:
    """Expected numbers of found, missed and falsely alarmed slices, or patients, at another prevalence.

    Whole numbers are easier to understand than shares of shares.

    Parameters
    ----------
    counts : dict of Counts
        By network; sensitivity and specificity are assumed to stay the same.
    prevalence : float
        Share of infected slices, or patients.
    of : int
        Total number of slices, or patients.

    Returns
    -------
    DataFrame
        Index network; columns found, missed, false alarms (rounded), PPV (a dash without an alarm), and right (share
        of correct predictions).

    Raises
    ------
    ValueError
        If the prevalence is not between 0 and 1.
    """
    _check_share(prevalence)
    infected = round(of * prevalence)
    rows = {}
    for network, of_network in counts.items():
        found = round(infected * sensitivity(of_network))
        alarms = round((of - infected) * (1 - specificity(of_network)))
        rows[network] = {
            "found": found,
            "missed": infected - found,
            "false alarms": alarms,
            "PPV": f"{ppv_at(of_network, prevalence):.2f}".replace("nan", "–"),
            "right": f"{1 - (infected - found + alarms) / of:.1%}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def _check_share(prevalence: float) -> None:
    if not 0 <= prevalence <= 1:
        raise ValueError(f"the prevalence must be between 0 and 1, not {prevalence}")


SCORES: dict[str, Score] = {
    "sensitivity": sensitivity,
    "specificity": specificity,
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
    "PPV": ppv,
    "NPV": npv,
    "F1": f1,
    "MCC": matthews,
    "LR+": positive_likelihood_ratio,
    "LR-": negative_likelihood_ratio,
}


def all_scores(counts: Counts) -> dict[str, float]:
    """Compute every score of this module, by name."""
    return {name: float(score(counts)) for name, score in SCORES.items()}


def weighted_counts(predictions: pd.DataFrame, weights: np.ndarray) -> Counts:
    """Compute the four counts of each resample, as `Counts` whose fields are arrays.

    Parameters
    ----------
    predictions : DataFrame
        Columns label and p_covid; rows with another label than covid or normal are not counted, as in Table 9.
    weights : float array, shape (resamples, slices)
        How often each slice was drawn.

    Raises
    ------
    ValueError
        If a probability is missing: it would count as normal.
    """
    truth = predictions["label"].to_numpy()
    called = called_covid(predictions["p_covid"])
    covid, normal = truth == "covid", truth == "normal"
    cells = np.stack([covid & called, covid & ~called, normal & ~called, normal & called], axis=1)
    return Counts(*(weights @ cells.astype(float)).T)


def of_counts(score: Score) -> Metric:
    """Turn a score into a metric for `covidlib.results.intervals.bootstrap`, on all slices pooled."""

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        return np.asarray(score(weighted_counts(predictions, weights)))

    return metric


def mean_of_folds(metric: Metric) -> Metric:
    """Turn a metric into its mean over folds: the averages of Table 9, for resamples.

    The mean is undefined if the metric is undefined in a fold: draw within folds and classes.
    """

    def mean(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        fold = predictions["fold"].to_numpy()
        return np.mean(
            [metric(predictions[fold == number], weights[:, fold == number]) for number in np.unique(fold)], axis=0
        )

    return mean
